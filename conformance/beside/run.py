#!/usr/bin/env python3
"""Random histories of tables, rows and branches on two servers beside each other.

Each seed makes a database, the same in both servers, and sends the same statements to both. What they
answer must be equal: success or failure, rows, conflicts and violations, the hash of every table, of the
working root and of every commit. A statement that differs ends its history and is printed; with
`--trace` the statements up to it are written to a file, for making it smaller.

Left out is what goes wrong in Dolt 2.3.1, each found by this program, so that other differences show:
values of a keyless table in merges (NOT NULL is checked on the wrong column, rows move into columns added
in front), NULL in JSON columns where columns came or went, keys that a collation holds equal, updates
that a collation holds equal, `<>` on an index of floating point numbers, several indexes over the same
columns, generated columns, indexes of a dropped column, and the text of values in `dolt_patch`.
"""

import argparse
import copy
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import mysql.connector

import objects
from objects import Mismatch
from tables import Column, Table


class Given(Exception):
    """The reference fell over."""


def plain(v):
    """A value without what is meant to differ: spaces and order of JSON, digits of floating point."""
    if v is None:
        return v
    if v[:1] in (b"{", b"[", b'"'):
        try:
            return "json " + json.dumps(json.loads(v), sort_keys=True)
        except ValueError:
            return v
    if b"e" in v or b"." in v or len(v) > 10:
        try:
            return float(v)
        except ValueError:
            pass
    return v


class Side:
    def __init__(self, binary, label, directory):
        self.label, self.dir, self.binary = label, directory, binary
        s = socket.socket()
        s.bind(("127.0.0.1", 0))
        self.port = s.getsockname()[1]
        s.close()
        os.makedirs(directory)
        env = dict(
            os.environ,
            HOME=directory + "-home",
            DOLT_ROOT_PATH=directory + "-home",
            DOLT_DISABLE_EVENT_FLUSH="1",
        )
        os.makedirs(env["HOME"])
        for k, v in (("user.name", "tester"), ("user.email", "t@example.com")):
            subprocess.run(
                [binary, "config", "--global", "--add", k, v],
                env=env,
                cwd=directory,
                stdout=subprocess.DEVNULL,
                check=True,
            )
        self.env = env
        self.start()

    def start(self):
        binary, directory, env = self.binary, self.dir, self.env
        self.log = open(directory + ".log", "wb")
        self.p = subprocess.Popen(
            [binary, "--data-dir", directory, "sql-server", "--host", "127.0.0.1", "--port", str(self.port)],
            env=env,
            stdout=self.log,
            stderr=self.log,
            cwd=directory,
        )
        for _ in range(200):
            try:
                self.connect()
                break
            except mysql.connector.Error:
                time.sleep(0.05)

    def connect(self):
        self.c = mysql.connector.connect(
            host="127.0.0.1",
            port=self.port,
            user="root",
            autocommit=True,
            raw=True,
            charset="utf8mb4",
            use_pure=True,
            connection_timeout=60,
        )

    def run(self, sql):
        cur = self.c.cursor(raw=True)
        try:
            cur.execute(sql)
            rows = None
            if cur.with_rows:
                rows = [tuple(None if v is None else bytes(v) for v in row) for row in cur.fetchall()]
            n = cur.rowcount
            while cur.nextset():
                # What a procedure sends behind its first result.
                if cur.with_rows:
                    cur.fetchall()
            return ("ok", n, rows)
        except mysql.connector.Error as e:
            if e.errno in (2013, 2006, 2055) and self.label == "dolt":
                raise Given()
            if e.errno in (2013, 2006, 2055):
                raise Mismatch(f"{self.label} lost the connection: {sql[:400]}: {e}")
            return ("error", e.errno, str(e))
        finally:
            try:
                cur.close()
            except mysql.connector.Error:
                pass

    def stop(self):
        self.p.terminate()
        try:
            self.p.wait(20)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()


class Pair:
    def __init__(self, sides, seed, verbose):
        self.sides, self.seed, self.verbose = sides, seed, verbose
        self.trace = []

    def both(self, sql, rows=True, ordered=False, strict=True, mask=None):
        self.trace.append(sql)
        a, b = (s.run(sql) for s in self.sides)
        if self.verbose:
            print(sql[:300], "->", a[0], a[1])
        if a[0] != b[0]:
            if not strict:
                return None
            raise Mismatch(
                f"{sql[:1500]}\n  ours: {a[0]} {str(a[2])[:300] if a[0]=='error' else a[1]}\n  dolt: {b[0]} {str(b[2])[:300] if b[0]=='error' else b[1]}"
            )
        if a[0] == "ok" and rows:
            x, y = ([tuple(map(plain, v)) for v in q] if q is not None else None for q in (a[2], b[2]))
            if x is not None and mask:
                x, y = [mask(v) for v in x], [mask(v) for v in y]
            if x is not None and not ordered:
                x, y = sorted(x, key=repr), sorted(y, key=repr)
            if x != y:
                if strict:
                    only = [v for v in (x or []) if v not in (y or [])][:3], [
                        v for v in (y or []) if v not in (x or [])
                    ][:3]
                    raise Mismatch(
                        f"{sql[:1500]}\n  ours only: {str(only[0])[:700]}\n  dolt only: {str(only[1])[:700]}"
                    )
        return a


def history(pair, r, steps, kind):
    both = pair.both
    db = f"db{pair.seed}"
    share(pair, db)
    both(f"USE {db}")
    if kind == "objects":
        return objects.history(pair, r, db, steps)
    both("SET @@dolt_allow_commit_conflicts = 0", strict=False)
    tables, day = [], [0]
    branches, current = {"main": None}, "main"
    state = {"main": tables}

    def commit(message):
        day[0] += 1
        both(
            f"CALL dolt_commit('-Am', '{message}', '--date', '2024-01-01T00:{day[0] // 60 % 60:02}:{day[0] % 60:02}', '--author', 'ann <ann@example.com>')",
            rows=False,
            strict=False,
        )

    def check():
        for t in state[current]:
            both(f"SELECT dolt_hashof_table('{t.name}')")
            cols = ", ".join(
                (
                    f"`{c.name}`"
                    if c.kind not in ("point", "geom", "bit", "blob", "bin", "varbin")
                    else f"hex(`{c.name}`)"
                )
                for c in t.columns
            )
            both(f"SELECT {cols} FROM `{t.name}`")
        both("SELECT dolt_hashof_db()")

    def insert(t):
        n = r.choice([1, 3, 10, 60])
        cols = [c for c in t.columns]
        if r.random() < 0.2:
            cols = [
                c for c in cols if c.key or (not c.null and c.default is None) or r.random() < 0.6
            ] or cols
        rows = ", ".join("(" + ", ".join(c.value(r) for c in cols) + ")" for _ in range(n))
        verb = r.choice(["INSERT", "INSERT IGNORE", "INSERT IGNORE", "REPLACE", "INSERT"])
        sql = f"{verb} INTO `{t.name}` (" + ", ".join(f"`{c.name}`" for c in cols) + f") VALUES {rows}"
        if (
            verb == "INSERT"
            and t.pk
            and not any(c.key and c.kind in ("char", "varchar") for c in t.columns)
            and r.random() < 0.6
        ):
            c = r.choice([c for c in t.columns if not c.key])
            sql += f" ON DUPLICATE KEY UPDATE `{c.name}` = VALUES(`{c.name}`)"
        both(sql)

    def where(t):
        c = r.choice(t.columns)
        if c.kind in ("json", "point", "geom", "blob", "bin", "varbin"):
            return f"`{c.name}` IS NOT NULL"
        return (
            f"`{c.name}` " + r.choice(["=", "<", ">="]) + " " + c.value(r, null=False)
            if c.kind not in ("flt", "set", "enum", "time", "year")
            else f"`{c.name}` IS NOT NULL"
        )

    def update(t):
        rest = [c for c in t.columns if not c.key] if r.random() < 0.8 else t.columns
        c = r.choice(rest or t.columns)
        if c.kind in (
            "char",
            "varchar",
            "text",
            "longtext",
        ):  # Dolt takes a value that the collation holds equal for no change
            sql = f"UPDATE `{t.name}` SET `{c.name}` = 'p{r.randint(100, 999)}' WHERE {where(t)}"
            if c.n >= 4:
                both(sql)
            return
        sql = f"UPDATE `{t.name}` SET `{c.name}` = {c.value(r)} WHERE {where(t)}"
        both(sql)

    def delete(t):
        both(f"DELETE FROM `{t.name}` WHERE {where(t)}" + (" AND " + where(t)))

    def alter(t):
        k = r.random()
        if k < 0.3:
            c = t.fresh(r)
            c.null = True
            while c.kind == "json":
                c = t.fresh(r)
                c.null = True
            pos = r.choice(["", "", " FIRST", f" AFTER `{t.columns[0].name}`"]) if t.pk else ""
            if t.pk and both(f"ALTER TABLE `{t.name}` ADD COLUMN {c.definition()}{pos}")[0] == "ok":
                t.columns.append(c)
        elif k < 0.5:
            rest = [c for c in t.columns if not c.key and c.name not in t.fixed]
            if len(rest) > 1 and t.pk:
                c = r.choice(rest)
                if any(c.name in i and len(i) > 1 for i in t.keys):
                    return  # MySQL keeps the rest of the index
                a = both(f"ALTER TABLE `{t.name}` DROP COLUMN `{c.name}`")
                if a[0] == "ok":
                    t.columns.remove(c)
        elif k < 0.65:
            c = r.choice(t.columns)
            if c.name in t.fixed:
                return
            t.count += 1
            new = f"r{t.count}"
            if both(f"ALTER TABLE `{t.name}` RENAME COLUMN `{c.name}` TO `{new}`")[0] == "ok":
                t.keys = [[new if n == c.name else n for n in i] for i in t.keys]
                if c.name in t.pk:
                    t.pk[t.pk.index(c.name)] = new
                c.name = new
        elif k < 0.9:
            d = t.index(r)
            if d:
                both(f"ALTER TABLE `{t.name}` ADD {d}")
        elif t.indexes:
            both(f"ALTER TABLE `{t.name}` DROP INDEX `i{r.randint(1, t.indexes)}`")

    def new_table():
        t = Table(r, f"t{r.randint(0, 30)}")
        if any(x.name == t.name for x in state[current]):
            return
        parents = [
            x
            for x in state[current]
            if len(x.pk) == 1 and any(c.name == x.pk[0] and c.kind == "int" for c in x.columns)
        ]
        fk = ""
        if parents and t.pk and r.random() < 0.6:
            p = r.choice(parents)
            pc = next(c for c in p.columns if c.name == p.pk[0])
            c = copy.deepcopy(pc)
            c.name, c.key, c.null, c.default = "cf", False, True, None
            t.columns.append(c)
            t.fixed.append("cf")
            p.fixed.append(pc.name)
            fk = (
                f", CONSTRAINT `fk_{t.name}` FOREIGN KEY (`cf`) REFERENCES `{p.name}` (`{pc.name}`)"
                + r.choice(
                    ["", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON UPDATE CASCADE ON DELETE RESTRICT"]
                )
            )
            t.keys.append(["cf"])
        text = t.create(r)
        if fk:
            text = (
                text[: text.rindex(")", 0, text.rindex(" COLLATE") if ") COLLATE" in text else None)]
                + fk
                + ")"
            )
        if both(text)[0] == "ok":
            state[current].append(t)

    def inspect():
        t = r.choice(state[current])
        k = r.randint(0, 11)
        cols = ", ".join(
            (
                f"`{c.name}`"
                if c.kind not in ("point", "geom", "bit", "blob", "bin", "varbin")
                else f"hex(`{c.name}`)"
            )
            for c in t.columns
        )
        # Dolt does not find the values of a key under its new name.
        if k == 7 and not any(c.name.startswith("r") for c in t.columns):
            both(f"SELECT {cols}, commit_hash FROM dolt_history_{t.name}")
        elif k == 8:
            both(f"SELECT {cols} FROM `{t.name}` AS OF 'HEAD'", strict=False)
        elif k == 9:
            both(f"SELECT * FROM dolt_diff_stat('HEAD~1', 'HEAD')", strict=False)
        elif k == 10 and t.pk:
            both(f"SELECT * FROM dolt_blame_{t.name}", strict=False)
        elif k == 11:
            both(f"SELECT commit_hash, table_name, data_change, schema_change FROM dolt_diff", strict=True)
        if k == 0:
            both("SELECT * FROM dolt_status")
        elif k == 1:
            both(f"SELECT diff_type, count(*) FROM dolt_diff_{t.name} GROUP BY 1", strict=True)
        elif k == 2:
            both(f"SELECT * FROM dolt_diff_stat('HEAD', 'WORKING')")
        elif k == 3:
            both("SELECT * FROM dolt_diff_summary('HEAD', 'WORKING')")
        elif k == 4:
            both("SELECT DISTINCT table_name, diff_type FROM dolt_patch('HEAD', 'WORKING')")
        elif k == 5:
            both("SELECT from_table_name, to_table_name FROM dolt_schema_diff('HEAD', 'WORKING')")
        elif k == 6:
            both(f"SHOW CREATE TABLE `{t.name}`")

    def replay(call, message, here):
        """A cherry-pick or a revert, whose commit gets a date that both can have."""
        both("SET autocommit = 0")
        a = both(call, strict=False, rows=False)
        both("ROLLBACK" if a is None or a[0] == "error" else "COMMIT", strict=False)
        both("SET autocommit = 1")
        if a is None:
            return False
        both("SELECT dolt_hashof_db()")
        refresh(pair, here)
        both(
            f"CALL dolt_commit('--amend', '-m', '{message}', '--allow-empty', '--date', '2024-02-01T00:00:00', '--author', 'ann <ann@example.com>')",
            rows=False,
            strict=False,
        )
        return True

    for _ in range(2):
        new_table()
    commit("first")
    for step in range(steps):
        here = state[current]
        k = r.random()
        if not here:
            new_table()
            continue
        t = r.choice(here)
        if k < 0.45:
            insert(t)
        elif k < 0.58:
            update(t)
        elif k < 0.64:
            delete(t)
        elif k < 0.70:
            alter(t)
        elif k < 0.73:
            new_table()
        elif k < 0.74:
            both(f"DROP TABLE `{t.name}`")
            here.remove(t)
        elif k < 0.80:
            commit(f"step {step}")
        elif k < 0.84:
            inspect()
        elif k < 0.86 and len(state) < 5:
            commit(f"before branch {step}")
            name = f"b{step}"
            both(f"CALL dolt_checkout('-b', '{name}')", rows=False)
            state[name] = copy.deepcopy(here)
            current = name
        elif k < 0.90:
            commit(f"before checkout {step}")
            current = r.choice(list(state))
            both(f"CALL dolt_checkout('{current}')", rows=False)
        elif k < 0.95 and len(state) > 1:
            commit(f"before merge {step}")
            other = r.choice([b for b in state if b != current])
            merge(pair, r, db, other)
            # the columns may have changed: those of this branch are asked for again
            refresh(pair, state[current])
        elif k < 0.953 and len(state) > 1:
            commit(f"before pick {step}")
            other = r.choice([b for b in state if b != current])
            if not replay(f"CALL dolt_cherry_pick('{other}')", "picked", here):
                return
        elif k < 0.956:
            commit(f"before revert {step}")
            if not replay("CALL dolt_revert('HEAD')", "reverted", here):
                return
        elif k < 0.96:
            both("CALL dolt_reset('--hard', 'HEAD')", rows=False)
            refresh(pair, here)
        if step % 10 == 9:
            check()
    check()
    both("SELECT commit_hash, message FROM dolt_log")
    both("SELECT name FROM dolt_branches")


def share(pair, db):
    """Both have the database with one first commit: what is hashed along with it can be equal."""
    url = f"file://{pair.sides[0].dir}-shared-{db}"
    ours, dolt = pair.sides
    for side, sql in (
        (dolt, f"CREATE DATABASE {db}"),
        (dolt, f"USE {db}"),
        (dolt, f"CALL dolt_backup('sync-url', '{url}')"),
        (ours, f"CALL dolt_backup('restore', '{url}', '{db}')"),
    ):
        a = side.run(sql)
        if a[0] != "ok":
            raise Mismatch(f"{sql}: {a}")


def refresh(pair, tables):
    names = {}
    a = pair.both(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()"
    )
    for t, c in a[2]:
        names.setdefault(t.decode(), set()).add(c.decode())
    for t in list(tables):
        if t.name not in names:
            tables.remove(t)
            continue
        t.columns = [c for c in t.columns if c.name in names[t.name]]
        if len(t.columns) != len(names[t.name]):
            tables.remove(t)


def merge(pair, r, db, other):
    both = pair.both
    both("SET autocommit = 0")
    both("SET @@dolt_allow_commit_conflicts = 1")
    both("SET @@dolt_force_transaction_commit = 1")
    a = both(f"CALL dolt_merge('{other}', '--no-commit')", mask=lambda v: v[1:3])
    if a[0] == "ok" and a[2] and a[2][0][2] != b"0":
        c = both("SELECT * FROM dolt_conflicts")
        for t, _ in c[2]:
            both(
                f"SELECT * FROM `dolt_conflicts_{t.decode()}`",
                mask=lambda v: tuple(x for x in v if not isinstance(x, bytes) or len(x) != 32),
                strict=True,
            )
        both("SELECT * FROM dolt_constraint_violations")
        for t, _ in c[2]:
            both(f"CALL dolt_conflicts_resolve('--{r.choice(['ours', 'theirs'])}', '{t.decode()}')")
    if a[0] == "ok":
        v = both("SELECT `table` FROM dolt_constraint_violations")
        for (t,) in v[2]:
            both(
                f"SELECT * FROM `dolt_constraint_violations_{t.decode()}`",
                mask=lambda v: tuple(x for x in v if not isinstance(x, bytes) or len(x) != 32),
            )
            both(f"DELETE FROM `dolt_constraint_violations_{t.decode()}`")
    both("COMMIT")
    both("SET autocommit = 1")
    both("SET @@dolt_force_transaction_commit = 0")
    both("SET @@dolt_allow_commit_conflicts = 0")
    both("SELECT dolt_hashof_db()")
    both(
        "CALL dolt_commit('-Am', 'merged', '--date', '2024-02-01T00:00:00', '--author', 'ann <ann@example.com>')",
        rows=False,
        strict=False,
    )


def reconnect(sides):
    for s in sides:
        try:
            s.c.close()
        except Exception:
            pass
        if s.p.poll() is not None:
            s.start()
            continue
        s.connect()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dolt", required=True)
    p.add_argument("--reference", required=True)
    p.add_argument("--seeds", default="0..20")
    p.add_argument("--steps", type=int, default=120)
    p.add_argument("--kind", choices=["tables", "objects"], default="tables")
    p.add_argument("-v", action="store_true")
    p.add_argument("--trace")
    a = p.parse_args()
    lo, hi = map(int, a.seeds.split(".."))
    work = tempfile.mkdtemp(prefix="beside-")
    sides = [Side(a.dolt, "ours", work + "/ours"), Side(a.reference, "dolt", work + "/dolt")]
    bad = 0
    try:
        for seed in range(lo, hi):
            pair = Pair(sides, seed, a.v)
            try:
                history(pair, random.Random(seed), a.steps, a.kind)
            except Given:
                reconnect(sides)
            except Mismatch as m:
                bad += 1
                print(f"seed {seed}, statement {len(pair.trace)}: {m}\n", flush=True)
                if a.trace:
                    open(f"{a.trace}-{seed}.sql", "w").write(";\n".join(pair.trace) + ";\n")
                reconnect(sides)
    finally:
        for s in sides:
            s.stop()
        if not bad:
            shutil.rmtree(work)
    print(f"{hi - lo} histories, {bad} with differences")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()

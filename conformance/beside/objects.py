"""Random histories of everything around the rows: views, triggers, procedures, what is staged, stashed,
ignored and documented, rebases, tags, squashes, resets, remotes, garbage collection.

The tables are plain, so that a difference is one of these.
"""

import re

NAMES = ["t1", "t2", "t3", "t4"]
COLUMNS = ["a", "b", "c", "d", "e"]
TYPES = {"a": "INT", "b": "VARCHAR(40)", "c": "INT NOT NULL DEFAULT 3", "d": "TEXT", "e": "DATETIME"}


def value(r, column):
    return {
        "a": lambda: r.choice(["NULL", str(r.randint(-5, 50))]),
        "b": lambda: r.choice(["NULL", "''", f"'w{r.randint(0, 99)}'"]),
        "c": lambda: str(r.randint(0, 9)),
        "d": lambda: r.choice(["NULL", "'" + "x" * r.choice([1, 50, 5000]) + f"{r.randint(0, 9)}'"]),
        "e": lambda: f"'2024-0{r.randint(1, 9)}-1{r.randint(0, 9)} 0{r.randint(0, 9)}:00:00'",
    }[column]()


class Mismatch(Exception):
    """The two servers differ."""


class History:
    def __init__(self, pair, r, database):
        self.pair, self.r, self.database = pair, r, database
        self.both = pair.both
        self.seconds = 0
        self.dated = True  # whether the hashes of commits can be equal
        self.timeless = True  # whether those of roots can: views, triggers and procedures have times
        self.count = 0
        self.numbers = r.random() < 0.5  # whether tables have AUTO_INCREMENT

    def name(self, prefix):
        self.count += 1
        return f"{prefix}{self.count}"

    def tables(self):
        """The tables there are, with their columns beside the key."""
        a = self.both(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()"
            " AND table_name LIKE 't_'"
        )
        found = {}
        for t, c in a[2]:
            found.setdefault(t.decode(), []).append(c.decode())
        return {t: sorted(c for c in cs if c in COLUMNS) for t, cs in sorted(found.items())}

    def names_of(self, sql):
        return sorted(v[0].decode() for v in self.both(sql)[2] or [])

    def stamp(self):
        self.seconds += 1
        at = f"2024-01-01T00:{self.seconds // 60 % 60:02}:{self.seconds % 60:02}"
        return f"'--date', '{at}', '--author', 'ann <ann@example.com>'"

    def commit(self, message=None, flags="-Am"):
        message = message or self.name("commit ")
        return self.both(f"CALL dolt_commit('{flags}', '{message}', {self.stamp()})", rows=False)

    def check(self):
        both = self.both
        for t in self.tables():
            both(f"SELECT * FROM `{t}`")
            both(f"SELECT dolt_hashof_table('{t}')")
        self.roots("WORKING", "STAGED", "HEAD")
        for table, columns in (
            ("dolt_schemas", "type, name, fragment, sql_mode"),
            ("dolt_procedures", "name, create_stmt, sql_mode"),
            ("dolt_ignore", "*"),
            ("dolt_docs WHERE doc_name <> 'AGENT.md'", "*"),
        ):
            both(f"SELECT {columns} FROM {table}")
        both("SELECT * FROM dolt_status")
        both("SELECT active_branch()")

    def roots(self, *refs):
        if self.timeless:
            for ref in refs:
                self.both(f"SELECT dolt_hashof_db('{ref}')")

    # --- what a step may be

    def rows(self):
        r, tables = self.r, self.tables()
        if not tables:
            return self.create()
        t = r.choice(list(tables))
        cols = tables[t]
        k = r.random()
        if k < 0.6 or not cols:
            use = [c for c in cols if r.random() < 0.8]
            names = ", ".join(["pk"] + use)
            rows = ", ".join(
                "(" + ", ".join([str(r.randint(1, 60))] + [value(r, c) for c in use]) + ")"
                for _ in range(r.choice([1, 2, 10]))
            )
            self.both(
                f"{r.choice(['INSERT', 'INSERT IGNORE', 'REPLACE'])} INTO `{t}` ({names}) VALUES {rows}"
            )
        elif k < 0.85:
            c = r.choice(cols)
            self.both(
                f"UPDATE `{t}` SET `{c}` = {value(r, c)} WHERE pk % {r.randint(2, 7)} = {r.randint(0, 3)}"
            )
        else:
            self.both(
                f"DELETE FROM `{t}`"
                + r.choice(["", f" WHERE pk % 5 = {r.randint(0, 4)}", f" WHERE pk % 5 = {r.randint(0, 4)}"])
            )

    def create(self):
        r = self.r
        t = r.choice(NAMES)
        cols = r.sample(COLUMNS, r.randint(1, 4))
        parts = ["pk INT PRIMARY KEY" + (r.choice(["", " AUTO_INCREMENT"]) if self.numbers else "")]
        parts += [f"`{c}` {TYPES[c]}" for c in cols]
        if "a" in cols and r.random() < 0.4:
            parts.append(f"{r.choice(['', 'UNIQUE '])}INDEX `ia` (`a`)")
        if "c" in cols and r.random() < 0.3:
            parts.append("CONSTRAINT `ck` CHECK (`c` >= 0)")
        exists = r.choice(["", "IF NOT EXISTS "])
        self.both(f"CREATE TABLE {exists}`{t}` ({', '.join(parts)})")

    def alter(self):
        r, tables = self.r, self.tables()
        if not tables:
            return
        t = r.choice(list(tables))
        missing = [c for c in COLUMNS if c not in tables[t]]
        k = r.random()
        if k < 0.3 and missing:
            c = r.choice(missing)
            self.both(
                f"ALTER TABLE `{t}` ADD COLUMN `{c}` {TYPES[c]}" + r.choice(["", " FIRST", " AFTER pk"])
            )
        elif k < 0.45 and len(tables[t]) > 1:
            self.both(f"ALTER TABLE `{t}` DROP COLUMN `{r.choice(tables[t])}`")
        elif k < 0.55 and not self.numbers:  # Dolt forgets them when the table is renamed
            self.both(f"ALTER TABLE `{t}` RENAME TO `{r.choice(NAMES)}`")
        elif k < 0.65:
            self.both(f"TRUNCATE TABLE `{t}`")
        elif k < 0.75:
            self.both(f"DROP TABLE `{t}`")
        elif k < 0.8:
            self.both(f"ALTER TABLE `{t}` AUTO_INCREMENT = {r.randint(1, 200)}")
        elif k < 0.85 and "c" in tables[t]:
            self.both(f"ALTER TABLE `{t}` ADD CONSTRAINT `ck{r.randint(0, 3)}` CHECK (`c` < 100)")
        elif k < 0.9:
            self.both(f"ALTER TABLE `{t}` DROP CONSTRAINT `ck`")
        elif k < 0.95 and "c" in tables[t]:
            self.both(f"ALTER TABLE `{t}` ALTER COLUMN `c` SET DEFAULT {r.randint(0, 9)}")
        elif "b" in tables[t]:
            self.both(f"ALTER TABLE `{t}` MODIFY COLUMN `b` VARCHAR({r.choice([40, 80])})")

    def view(self):
        r, tables = self.r, self.tables()
        v = f"v{r.randint(0, 3)}"
        k = r.random()
        if k < 0.5 and tables:
            t = r.choice(list(tables))
            text = r.choice(
                [
                    f"SELECT * FROM {t}",
                    f"select pk, pk + 1 AS n from `{t}` where pk > 3",
                    f"SELECT count(*) FROM {t}",
                ]
            )
            how = r.choice(["CREATE VIEW", "CREATE OR REPLACE VIEW", "CREATE ALGORITHM=UNDEFINED VIEW"])
            self.timeless = False
            self.both(f"{how} {v} AS {text}")
        elif k < 0.8:
            self.both(f"SELECT * FROM {v}")
        else:
            self.both(f"DROP VIEW {r.choice(['', 'IF EXISTS '])}{v}")

    def trigger(self):
        r, tables = self.r, self.tables()
        name = f"tr{r.randint(0, 3)}"
        with_c = [t for t in tables if "c" in tables[t]]
        if r.random() < 0.6 and with_c:
            t = r.choice(with_c)
            when = r.choice(["BEFORE INSERT", "BEFORE UPDATE"])
            body = r.choice(
                [
                    "SET NEW.c = NEW.c + 1",
                    "BEGIN IF NEW.c > 5 THEN SET NEW.c = 0; END IF; END",
                    "begin\n  set new.c = 7;\nend",
                ]
            )
            order = ""
            self.timeless = False
            self.both(f"CREATE TRIGGER {name} {when} ON {t} FOR EACH ROW{order} {body}")
        else:
            self.both(f"DROP TRIGGER {name}")

    def procedure(self):
        r, tables = self.r, self.tables()
        name = f"p{r.randint(0, 2)}"
        k = r.random()
        if k < 0.5 and tables:
            t = r.choice(list(tables))
            body = r.choice(
                [f"SELECT count(*) FROM {t}", f"BEGIN DELETE FROM {t} WHERE pk = x; END", "SELECT x + 1"]
            )
            self.timeless = False
            self.both(f"CREATE PROCEDURE {name}(x INT) {body}")
        elif k < 0.8:
            self.both(f"CALL {name}({r.randint(0, 9)})", rows=False)
        else:
            self.both(f"DROP PROCEDURE {name}")

    def words(self):
        r = self.r
        k = r.random()
        if k < 0.3:
            self.both(
                f"REPLACE INTO dolt_ignore VALUES ('{r.choice(['x1', 'x%', 'y*'])}', {r.choice(['true', 'false'])})"
            )
            # Dolt leaves changes of tables out that it has committed before.
            self.both("CREATE TABLE IF NOT EXISTS x1 (pk INT PRIMARY KEY)")
            self.both("REPLACE INTO x1 VALUES (1)")
        elif k < 0.45:
            self.empty("dolt_ignore")
        elif k < 0.7:
            self.both(
                f"REPLACE INTO dolt_docs VALUES ('{r.choice(['README.md', 'LICENSE.md'])}', 'text {r.randint(0, 9)}')"
            )
        elif k < 0.8:
            self.empty("dolt_docs")
        elif k < 0.9:
            self.both(
                "REPLACE INTO dolt_nonlocal_tables (table_name, target_ref, options) VALUES ('q9', 'main', 'immediate')"
            )
        else:
            self.empty("dolt_nonlocal_tables")

    def empty(self, table):
        """Dolt makes the table when it is asked to delete what it does not have."""
        mine = " WHERE doc_name <> 'AGENT.md'" if table == "dolt_docs" else ""
        if self.both(f"SELECT count(*) FROM {table}{mine}")[2] != [(b"0",)]:
            self.both(f"DELETE FROM {table}")

    def stage(self):
        r = self.r
        tables = list(self.tables()) + ["dolt_schemas", "dolt_ignore", "dolt_docs", "dolt_procedures"]
        k = r.random()
        if k < 0.35:
            self.both(f"CALL dolt_add('{r.choice(tables)}')")
        elif k < 0.45:
            self.both(f"CALL dolt_add('{r.choice(['-A', '.'])}')")
        elif k < 0.6:
            self.both(f"CALL dolt_reset('{r.choice(tables)}')")
        elif k < 0.7:
            self.both("CALL dolt_reset()")
        elif k < 0.8:
            self.both(f"CALL dolt_checkout('{r.choice(tables)}')", rows=False)
        elif k < 0.9:
            self.commit(flags=r.choice(["-m", "-am"]))
        else:
            self.both(f"CALL dolt_reset('{r.choice(['--hard', '--soft'])}', 'HEAD~{r.randint(0, 1)}')")

    def stash(self):
        r = self.r
        k = r.random()
        if k < 0.5:
            flag = r.choice(["", "", ", '--include-untracked'", ", '--all'"])
            self.both("CALL dolt_add('-A')")  # with those flags Dolt leaves tables dropped
            self.both(f"CALL dolt_stash('push', 's'{flag})")
        elif k < 0.85:
            at = r.choice(["", "", ", 'stash@{0}'", ", 'stash@{1}'"])
            self.both(f"CALL dolt_stash('pop', 's'{at})", rows=False)
        elif k < 0.95:
            self.both("CALL dolt_stash('drop', 's')")
        else:
            self.both("CALL dolt_stash('clear', 's')")
        self.both("SELECT name, stash_id, branch, commit_message FROM dolt_stashes")

    def branch(self):
        r = self.r
        branches = self.names_of("SELECT name FROM dolt_branches")
        k = r.random()
        if k < 0.35 and len(branches) < 5:
            self.both(f"CALL dolt_checkout('-b', '{self.name('b')}')", rows=False)
        elif k < 0.65:
            self.both(f"CALL dolt_checkout('{r.choice(branches)}')", rows=False)
        elif k < 0.75:
            self.both(f"CALL dolt_branch('{r.choice(['-d', '-D'])}', '{r.choice(branches)}')")
        elif k < 0.85:
            self.both(
                f"CALL dolt_branch('{r.choice(['-m', '-c'])}', '{r.choice(branches)}', '{self.name('n')}')"
            )
        elif k < 0.95:
            self.both(
                f"CALL dolt_tag('{self.name('tag')}', '{r.choice(branches)}', '-m', 'certified')", rows=False
            )
        else:
            tags = self.names_of("SELECT tag_name FROM dolt_tags")
            if tags:
                self.both(f"CALL dolt_tag('-d', '{r.choice(tags)}')")
        self.both("SELECT tag_name, message FROM dolt_tags")

    def settle(self, done):
        """Ends what a merge or its like began, both sides in the same way."""
        r = self.r
        conflicts = self.both("SELECT `table` FROM dolt_conflicts")[2]
        for (t,) in conflicts:
            self.both(f"CALL dolt_conflicts_resolve('--{r.choice(['ours', 'theirs'])}', '{t.decode()}')")
        for (t,) in self.both("SELECT `table` FROM dolt_constraint_violations")[2]:
            self.both(f"DELETE FROM `dolt_constraint_violations_{t.decode()}`")
        self.both("SELECT is_merging FROM dolt_merge_status")
        if conflicts or done[0] == "error":
            self.both("SELECT table_name FROM dolt_schema_conflicts")

    def merge(self):
        r = self.r
        other = r.choice(self.names_of("SELECT name FROM dolt_branches"))
        self.commit()
        k = r.random()
        self.both("SET @@dolt_allow_commit_conflicts = 1, @@dolt_force_transaction_commit = 1")
        if k < 0.6:
            flag = r.choice(["--no-commit", "--squash", "--no-commit"])
            a = self.both(f"CALL dolt_merge('{other}', '{flag}')", mask=lambda v: v[1:3])
        elif k < 0.8:
            a = self.both(
                f"CALL dolt_merge('{other}', '--no-ff', '-m', 'joined', '--author', 'bob <bob@example.com>')",
                mask=lambda v: v[1:3],
            )
            self.dated = False
        elif k < 0.9:
            a = self.both(f"CALL dolt_cherry_pick('{other}')", mask=lambda v: v[1:])
            self.dated = False
        else:
            a = self.both("CALL dolt_revert('HEAD')", rows=False)
            self.dated = False
        self.settle(a)
        if r.random() < 0.2:
            self.both(f"CALL dolt_merge('--abort')", rows=False)
        self.both("SET @@dolt_allow_commit_conflicts = 0, @@dolt_force_transaction_commit = 0")
        self.roots("WORKING")
        self.commit()

    def rebase(self):
        r = self.r
        branches = self.names_of("SELECT name FROM dolt_branches")
        here = self.both("SELECT active_branch()")[2][0][0].decode()
        onto = r.choice([b for b in branches if b != here] or branches)
        self.commit()
        if r.random() < 0.4:
            self.dated = False
            a = self.both(f"CALL dolt_rebase('{onto}')", rows=False)
        else:
            a = self.both(
                f"CALL dolt_rebase('-i', '{onto}', '--empty', '{r.choice(['drop', 'keep'])}')", rows=False
            )
            if a[0] == "ok":
                self.dated = False
                plan = self.both(
                    "SELECT rebase_order, action, commit_message FROM dolt_rebase ORDER BY 1", ordered=True
                )[2]
                for order, *_ in plan[1:]:
                    if r.random() < 0.4:
                        action = r.choice(["squash", "fixup", "drop", "reword"])
                        self.both(
                            f"UPDATE dolt_rebase SET action = '{action}'"
                            + (", commit_message = 'other words'" if action == "reword" else "")
                            + f" WHERE rebase_order = {order.decode()}"
                        )
                a = self.both(
                    f"CALL dolt_rebase('--{r.choice(['continue', 'continue', 'abort'])}')", rows=False
                )
        if a[0] == "error":
            self.both("CALL dolt_rebase('--abort')", rows=False)
        self.both("SELECT active_branch()")
        self.both("SELECT message FROM dolt_log", ordered=True)
        self.roots("WORKING")

    def look(self):
        r, both = self.r, self.both
        tables = self.tables()
        refs = ["HEAD", "WORKING", "STAGED", "HEAD~1", "main"]
        x, y = r.choice(refs), r.choice(refs)
        k = r.randint(0, 13)
        if k == 0:
            both(f"SELECT * FROM dolt_diff_summary('{x}', '{y}')")
        elif k == 1:
            both(f"SELECT * FROM dolt_diff_stat('{x}', '{y}')")
        elif k == 2:
            # Of checks and of UNIQUE Dolt's patch says nothing; procedures have times.
            both(
                f"SELECT table_name, diff_type, replace(statement, 'UNIQUE ', '') FROM dolt_patch('{x}', '{y}')"
                " WHERE statement NOT LIKE '%CONSTRAINT `ck%' AND table_name LIKE 't_'",
                ordered=True,
            )
        elif k == 3:
            both(f"SELECT * FROM dolt_schema_diff('{x}', '{y}')")
        elif k == 4:
            both("SELECT table_name, data_change, schema_change, message FROM dolt_diff")
        elif k == 5:
            both(
                "SELECT table_name, column_name, diff_type, message FROM dolt_column_diff WHERE table_name LIKE 't_'"
            )
        elif k == 6 and tables:
            t = r.choice(list(tables))
            both(f"SELECT diff_type, to_pk, from_pk FROM dolt_diff('{x}', '{y}', '{t}')")
        elif k == 7 and tables and self.dated:  # Dolt goes by dates
            # Dolt leaves out the rows that are changed and not committed.
            self.commit()
            t = r.choice(list(tables))
            both(f"SELECT pk, message FROM dolt_blame_{t}")
        elif k == 8:
            both("SHOW TABLES")
            ref = r.choice(["HEAD", "main", "HEAD~1"])
            # Dolt adds the views of now.
            both(f"SHOW FULL TABLES AS OF '{ref}' WHERE table_type = 'BASE TABLE'")
        elif k == 9:
            both("SELECT table_name, staged, status, ignored FROM dolt_status_ignored")
        elif k == 10:
            both(
                f"SELECT * FROM dolt_preview_merge_conflicts_summary('main', '{r.choice(self.names_of('SELECT name FROM dolt_branches'))}')"
            )
        elif k == 11 and tables:
            t = r.choice(list(tables))
            # Dolt does not show a number before a row with it was written.
            both(
                f"SHOW CREATE TABLE {t}", mask=lambda v: [re.sub(rb" AUTO_INCREMENT=\d+", b"", x) for x in v]
            )
            both(f"SELECT pk, committer FROM dolt_history_{t}")
        elif k == 12:
            # Dolt fails where a table or column of a trigger is gone.
            both(
                "SELECT trigger_name, event_object_table, action_statement, action_order FROM information_schema.triggers WHERE trigger_schema = database()",
                strict=False,
            )
        else:
            both(f"SELECT message FROM dolt_log('{x}')", strict=False)
            both(f"SELECT dolt_merge_base('{r.choice(['main', 'HEAD~1'])}', 'HEAD') = dolt_hashof('HEAD')")

    def keep(self):
        """Each side pushes to a remote of its own and both clone each other's."""
        r = self.r
        if r.random() < 0.4:
            self.both(
                f"CALL dolt_gc({r.choice(['', chr(39) + '--shallow' + chr(39), chr(39) + '--full' + chr(39)])})",
                rows=False,
            )
            return
        name = self.name("remote")
        for i, side in enumerate(self.pair.sides):
            side.remote = f"file://{side.dir}-{self.database}-{name}"
            a = side.run(f"CALL dolt_backup('sync-url', '{side.remote}')")
            if a[0] != "ok":
                raise Mismatch(f"{side.label}: backup: {a}")
        copies = []
        for side, other in (self.pair.sides, self.pair.sides[::-1]):
            clone = f"{self.database}_{name}"
            a = side.run(f"CALL dolt_clone('{other.remote}', '{clone}')")
            if a[0] != "ok":
                copies.append(a[0])
                continue
            b = side.run(f"SELECT count(*) FROM `{clone}`.dolt_log"), side.run(
                f"SELECT name FROM `{clone}`.dolt_remote_branches"
            )
            copies.append([sorted(x[2] or []) for x in b])
            side.run(f"DROP DATABASE `{clone}`")
        if copies[0] != copies[1]:
            raise Mismatch(f"clones of each other's backups\n  ours: {copies[0]}\n  dolt: {copies[1]}")

    def run(self, steps):
        r = self.r
        self.create()
        self.create()
        self.commit("first")
        timed = r.random() < 0.5
        weighted = (
            [self.rows] * 30
            + [self.create] * 6
            + [self.alter] * 8
            + [self.view] * (8 * timed)
            + [self.trigger] * (5 * timed)
            + [self.procedure] * (4 * timed)
            + [self.words] * 4
            + [self.stage] * 8
            + [self.stash] * 5
            + [self.branch] * 8
            + [self.merge] * 4
            + [self.rebase] * 2
            + [self.look] * 10
            + [self.commit] * 6
            + [self.keep] * 1
        )
        for step in range(steps):
            r.choice(weighted)()
            if step % 5 == 4:
                self.check()
        self.check()
        self.both("SELECT message FROM dolt_log", ordered=True)
        if self.dated and self.timeless:
            self.both("SELECT commit_hash FROM dolt_log", ordered=True)


def history(pair, r, database, steps):
    History(pair, r, database).run(steps)

"""A server is killed under load, again and again; nothing that was acknowledged may be lost.

    kill_stress.py --dolt DOLT [--check DOLT ...] [--rounds N] [--seed N] [--port PORT]

Each round starts the server on what the last one left, holds the rows against what clients were told, writes from several sessions
(one of which commits to the history, one of which collects garbage), and kills the process (SIGKILL) after a random time. A row
whose statement got no answer may be there or not; one that was acknowledged must be. At the end `fsck` of each given binary must
find nothing.
"""

import argparse
import random
import shutil
import subprocess
import tempfile
import threading
import time

import pymysql

from gc_stress import connect, free_port, rows, start, stop

SESSIONS = 24


class Told:
    """What one session knows of its rows: values that were acknowledged, and those that may be there."""

    def __init__(self):
        self.sure = {}
        self.maybe = {}


def work(port, session, told, seed):
    pick = random.Random(seed)
    try:
        c = connect(port, database="k")
        while True:
            key, value = session * 1000 + pick.randrange(300), pick.randrange(10**9)
            told.maybe[key] = value
            rows(c, "replace into t values (%s, %s, %s)", (key, value, f"{value} " * pick.randrange(60)))
            told.sure[key] = value
            del told.maybe[key]
            if session == 0 and pick.randrange(10) == 0:
                rows(c, "call dolt_commit('-Am', 'some', '--skip-empty')")
            if session == 1 and pick.randrange(60) == 0:
                rows(c, pick.choice(["call dolt_gc()", "call dolt_gc('--full')"]))
    except (pymysql.err.MySQLError, OSError):
        pass  # The server was killed.


def compare(port, told, failures, when):
    found = {r[0]: r[1] for r in rows(connect(port, database="k"), "select id, v from t")}
    for session in told:
        for key in session.sure.keys() | session.maybe.keys():
            value, allowed = found.get(key), {session.sure.get(key)} | ({session.maybe[key]} if key in session.maybe else set())
            if value not in allowed:
                failures.append(f"{when}: key {key} is {value}, not one of {allowed}")
            elif value is not None:
                session.sure[key] = value
        session.maybe.clear()
    return len(found)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dolt", required=True)
    p.add_argument("--check", action="append", default=[])
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--port", type=int, default=free_port())
    a = p.parse_args()
    pick = random.Random(a.seed)
    directory = tempfile.mkdtemp(prefix="kill-stress-")
    server = start(a.dolt, directory, a.port)
    c = connect(a.port)
    rows(c, "create database k")
    c.select_db("k")
    rows(c, "create table t (id bigint primary key, v bigint, s text, key (v))")
    rows(c, "call dolt_commit('-Am', 'table')")
    told, failures, count = [Told() for _ in range(SESSIONS)], [], 0
    for n in range(a.rounds):
        threads = [threading.Thread(target=work, args=(a.port, s, told[s], pick.randrange(10**9))) for s in range(SESSIONS)]
        for t in threads:
            t.start()
        time.sleep(0.1 + pick.random() * 0.8)
        server.kill()
        server.wait()
        for t in threads:
            t.join()
        server = start(a.dolt, directory, a.port)
        count = compare(a.port, told, failures, f"round {n}")
    stop(server)
    for dolt in [a.dolt, *a.check]:
        r = subprocess.run([dolt, "fsck"], cwd=f"{directory}/k", capture_output=True, text=True)
        if r.returncode or "No problems found." not in r.stdout:
            failures.append(f"fsck of {dolt}: {r.stdout[-800:]}{r.stderr[-400:]}")
    print(f"{a.rounds} kills, {count} rows")
    for f in failures:
        print("FAILED", f)
    if not failures:
        shutil.rmtree(directory)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()

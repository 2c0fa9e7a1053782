"""Sessions write, read, merge and collect garbage at once; nothing may be lost.

    gc_stress.py --dolt DOLT [--check DOLT ...] [--seconds N] [--port PORT]

Starts a server in an empty directory. Afterwards every row that a session was told is committed must be there, `fsck` of each
given binary must find nothing, and the database must open again with the same rows.
"""

import argparse
import socket
import subprocess
import tempfile
import threading
import time

import pymysql


def connect(port, **more):
    return pymysql.connect(host="127.0.0.1", port=port, user="root", **({"autocommit": True} | more))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def rows(connection, sql, args=None):
    with connection.cursor() as c:
        c.execute(sql, args)
        return c.fetchall()


def start(dolt, directory, port):
    command = [dolt, "--data-dir", directory, "sql-server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        # Somebody else may have the port, and answer.
        if server.poll() is not None:
            raise SystemExit(f"the server ended with exit code {server.returncode}")
        try:
            connect(port).close()
        except pymysql.err.OperationalError:
            time.sleep(0.05)
            continue
        time.sleep(0.2)
        if server.poll() is None:
            return server
    raise SystemExit("the server does not answer")


def stop(server):
    server.terminate()
    server.wait(300)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--dolt", required=True)
    p.add_argument("--check", action="append", default=[])
    p.add_argument("--seconds", type=float, default=15)
    p.add_argument("--port", type=int, default=free_port())
    a = p.parse_args()
    directory = tempfile.mkdtemp(prefix="gc-stress-")
    server = start(a.dolt, directory, a.port)
    c = connect(a.port)
    rows(c, "create database s")
    c.select_db("s")
    rows(c, "create table t (id bigint primary key, w int, v text, key (w))")
    rows(c, "call dolt_commit('-Am', 'table')")
    end = time.time() + a.seconds
    done, failures, counts = {}, [], {"gc": 0, "merges": 0, "reads": 0}

    def guard(work):
        def run(*args):
            try:
                work(*args)
            except Exception as e:  # every failure of a session is one of the test
                failures.append(f"{work.__name__}{args}: {e!r}")

        return run

    def writer(n):
        c = connect(a.port, database="s", autocommit=False)
        mine = []
        i = 0
        while time.time() < end:
            ids = [n * 10**9 + i * 3 + k for k in range(3)]
            for x in ids:
                rows(c, "insert into t values (%s, %s, %s)", (x, n, f"{x} " * 300))
            if i % 7 == 3:
                c.rollback()
            else:
                if i % 5 == 0:
                    rows(c, "call dolt_commit('-Am', 'some', '--skip-empty')")
                c.commit()
                mine.extend(ids)
            i += 1
        done[n] = mine

    def reader(n):
        c = connect(a.port, database="s", autocommit=False)
        while time.time() < end:
            first = rows(c, "select count(*), sum(length(v)) from t")
            time.sleep(0.02)
            assert rows(c, "select count(*), sum(length(v)) from t") == first, "a snapshot changed"
            rows(c, "select count(*) from dolt_log")
            c.commit()
            counts["reads"] += 1

    def merger(n):
        c = connect(a.port, database="s")
        i = 0
        while time.time() < end:
            branch = f"b{n}_{i}"
            rows(c, "call dolt_checkout('-b', %s)", (branch,))
            rows(c, "insert into t values (%s, %s, 'merged')", (n * 10**9 + i, n))
            rows(c, "call dolt_commit('-Am', 'on a branch')")
            rows(c, "call dolt_checkout('main')")
            rows(c, "call dolt_branch('-D', %s)", (branch,)) if i % 2 else None
            i += 1
            counts["merges"] += 1

    def collector():
        c = connect(a.port, database="s")
        i = 0
        while time.time() < end:
            rows(c, ["call dolt_gc()", "call dolt_gc('--archive-level', '0')", "call dolt_gc('--full')"][i % 3])
            i += 1
            counts["gc"] = i

    threads = [threading.Thread(target=guard(writer), args=(n,)) for n in (1, 2, 3)]
    threads += [threading.Thread(target=guard(reader), args=(n,)) for n in (1, 2)]
    threads += [threading.Thread(target=guard(merger), args=(9,)), threading.Thread(target=guard(collector))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    expected = sorted(x for ids in done.values() for x in ids)

    def check():
        found = [r[0] for r in rows(connect(a.port, database="s"), "select id from t where w < 9 order by id")]
        if found != expected:
            lost, more = set(expected) - set(found), set(found) - set(expected)
            failures.append(f"{len(lost)} rows lost, {len(more)} too many")

    check()
    stop(server)
    for dolt in [a.dolt, *a.check]:
        r = subprocess.run([dolt, "fsck"], cwd=f"{directory}/s", capture_output=True, text=True)
        if r.returncode or "No problems found." not in r.stdout:
            failures.append(f"fsck of {dolt}: {r.stdout[-800:]}{r.stderr[-400:]}")
    server = start(a.dolt, directory, a.port)
    check()
    stop(server)
    print(f"{len(expected)} rows, {counts}")
    for f in failures:
        print("FAILED", f)
    raise SystemExit(1 if failures else 0)


if __name__ == "__main__":
    main()

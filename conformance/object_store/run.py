#!/usr/bin/env python3
"""Remotes in an object store: push, clone, pull and racing writers, with and without faults.

    run.py --dolt PATH [--seed N] [--faults PER_CENT] [--rounds N]

An S3 service (moto, see requirements.txt) runs on this machine behind a proxy that, by a seeded
generator, answers 500 or 503 before a request has done anything, drops the answer after it has
been done, cuts answers short and waits. Whatever `dolt push` reports as done must be there in the
end; what is cloned must be whole.
"""

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BUCKET = "bucket"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    """Passes HTTP on to the service, one request per connection, and spoils some."""

    def __init__(self, target, seed, per_cent):
        self.target = target
        self.random = random.Random(seed)
        self.per_cent = per_cent
        self.faults = {}
        self.requests = 0

    def start(self):
        started = threading.Event()

        def run():
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            server = loop.run_until_complete(
                asyncio.start_server(self.serve, "127.0.0.1", 0))
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            loop.run_forever()

        threading.Thread(target=run, daemon=True).start()
        started.wait()

    async def message(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        fields = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip()
        return head, fields

    async def serve(self, reader, writer):
        try:
            while True:
                head, fields = await self.message(reader)
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                if not await self.answer(head, body, writer):
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            with contextlib.suppress(Exception):
                writer.close()

    async def answer(self, head, body, writer):
        self.requests += 1
        fault = None
        if self.random.random() * 100 < self.per_cent:
            fault = self.random.choice(["500", "503", "lost", "cut", "slow"])
            self.faults[fault] = self.faults.get(fault, 0) + 1
        if fault in ("500", "503"):
            code, text = {
                "500": ("InternalError", "Internal Server Error"),
                "503": ("SlowDown", "Slow Down"),
            }[fault]
            xml = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>".encode()
            writer.write(b"HTTP/1.1 %s %s\r\ncontent-length: %d\r\n\r\n"
                         % (fault.encode(), text.encode(), len(xml)) + xml)
            await writer.drain()
            return True
        upstream, sending = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            lines = head.split(b"\r\n")
            keep = [l for l in lines if not l.lower().startswith(b"connection:")]
            sending.write(b"\r\n".join(keep[:-2]) + b"\r\nConnection: close\r\n\r\n" + body)
            await sending.drain()
            answer = await upstream.read()
        finally:
            sending.close()
        if fault == "slow":
            await asyncio.sleep(self.random.random() * 2)
        if fault == "lost":
            return False
        if fault == "cut":
            answer = answer[: self.random.randrange(len(answer))]
        writer.write(answer)
        await writer.drain()
        return False


class Trial:
    def __init__(self, dolt, endpoint, home):
        self.dolt = dolt
        self.home = home
        self.environment = {
            **os.environ,
            "HOME": home,
            "DOLT_ROOT_PATH": home,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": endpoint,
            "NO_COLOR": "1",
        }

    def run(self, where, *args, ok=True):
        done = subprocess.run([self.dolt, *args], cwd=where, env=self.environment,
                              capture_output=True, text=True, timeout=300)
        if ok and done.returncode != 0:
            raise AssertionError(f"dolt {' '.join(args)}: {done.stdout}{done.stderr}")
        return done

    def insist(self, where, *args, clean=None):
        """Tries again what a fault made fail; the service is there, only not always."""
        for _ in range(30):
            done = self.run(where, *args, ok=False)
            if done.returncode == 0:
                return done
            if clean and os.path.exists(clean):
                shutil.rmtree(clean)
        raise AssertionError(f"dolt {' '.join(args)} never worked: {done.stdout}{done.stderr}")

    def sql(self, where, query):
        done = self.run(where, "sql", "-r", "csv", "-q", query)
        return done.stdout.strip().split("\n")[-1]

    def fsck(self, where):
        done = self.run(where, "fsck", ok=False)
        assert done.returncode == 0 and "No problems found" in done.stdout, done.stdout


def racing_writers(trial, place, url, rounds):
    """Three clones push to branches of their own at once, and all to one that they share."""
    first = os.path.join(place, "first")
    os.makedirs(first)
    trial.run(first, "init")
    rows = ",".join(f"({i}, repeat('{chr(97 + i % 26)}', {i % 300}))" for i in range(2000))
    trial.sql(first, "create table t (id int primary key, s varchar(400))")
    trial.sql(first, f"insert into t values {rows}")
    trial.run(first, "add", ".")
    trial.run(first, "commit", "-m", "first")
    trial.run(first, "remote", "add", "origin", url)
    trial.insist(first, "push", "origin", "main")
    for w in range(3):
        clone = os.path.join(place, f"w{w}")
        trial.insist(place, "clone", url, f"w{w}", clean=clone)
        trial.run(clone, "checkout", "-b", f"own{w}")
    done, failures = {}, []

    def work(w):
        where = os.path.join(place, f"w{w}")
        try:
            for n in range(rounds):
                key = 10_000 + 1000 * w + n
                trial.run(where, "checkout", f"own{w}")
                trial.sql(where, f"insert into t values ({key}, 'w{w} {n}')")
                trial.run(where, "commit", "-am", f"w{w} {n}")
                pushed = trial.run(where, "push", "origin", f"own{w}", ok=False)
                if pushed.returncode == 0:
                    done.setdefault(f"own{w}", []).append(key)
                trial.run(where, "checkout", "main")
                # Somebody else may be first: fetch, merge, try again.
                for _ in range(40):
                    if trial.run(where, "pull", "origin", "main", ok=False).returncode != 0:
                        trial.run(where, "merge", "--abort", ok=False)
                        continue
                    have = trial.sql(where, f"select count(*) from t where id = {key + 500}")
                    if have == "0":
                        trial.sql(where, f"insert into t values ({key + 500}, 'shared {w}')")
                        trial.run(where, "commit", "-am", f"shared {w} {n}")
                    if trial.run(where, "push", "origin", "main", ok=False).returncode == 0:
                        done.setdefault("main", []).append(key + 500)
                        break
        except Exception as e:  # reported by the main thread
            failures.append(f"writer {w}: {e}")

    threads = [threading.Thread(target=work, args=(w,)) for w in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures, failures
    last = os.path.join(place, "last")
    trial.insist(place, "clone", url, "last", clean=last)
    trial.fsck(last)
    for branch, keys in sorted(done.items()):
        if branch != "main":
            trial.run(last, "checkout", branch)
        there = trial.run(last, "sql", "-r", "csv", "-q", "select id from t where id >= 10000")
        there = {int(line) for line in there.stdout.split()[1:]}
        lost = [k for k in keys if k not in there]
        assert not lost, f"{branch}: acknowledged and lost: {lost}"
        trial.run(last, "checkout", "main")
    acknowledged = sum(len(keys) for keys in done.values())
    assert len(done.get("main", [])) >= rounds, done
    return acknowledged


def errors(trial, place):
    """What is wrong is said clearly."""
    where = os.path.join(place, "first")
    for url, text in [
        ("s3:///x", "s3 url must be of the form s3://bucket/path"),
        ("s3://b/x?zone=1", 'unknown s3 url parameter "zone"'),
    ]:
        done = trial.run(where, "remote", "add", "bad", url, ok=False)
        assert done.returncode != 0 and text in done.stderr, done
    trial.run(where, "remote", "add", "nowhere", "s3://no-such-bucket/x")
    done = trial.run(where, "push", "nowhere", "main", ok=False)
    assert done.returncode != 0 and "the bucket does not exist" in done.stderr, done


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dolt", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    dolt = os.path.abspath(args.dolt)
    base = tempfile.mkdtemp(prefix="object-store-")
    target = free_port()
    moto = shutil.which("moto_server", path=os.path.dirname(sys.executable)) or "moto_server"
    service = subprocess.Popen([moto, "-H", "127.0.0.1", "-p", str(target)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(1200):
            if service.poll() is not None:
                raise SystemExit(f"the service ended with exit code {service.returncode}")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(
                    f"http://127.0.0.1:{target}/{BUCKET}", method="PUT"))
                break
            time.sleep(0.1)
        else:
            raise SystemExit("the service does not answer")
        for name, per_cent in [("plain", 0), ("faulty", args.faults)]:
            proxy = Proxy(target, args.seed, per_cent)
            proxy.start()
            place = os.path.join(base, name)
            home = os.path.join(base, name, "home")
            os.makedirs(home)
            trial = Trial(dolt, f"http://127.0.0.1:{proxy.port}", home)
            trial.run(home, "config", "--global", "--add", "user.name", "A Writer")
            trial.run(home, "config", "--global", "--add", "user.email", "a@example.com")
            start = time.time()
            count = racing_writers(trial, place, f"s3://{BUCKET}/{name}/db", args.rounds)
            if not per_cent:
                errors(trial, place)
            print(f"{name}: {count} pushes acknowledged and found, {proxy.requests} requests, "
                  f"faults {proxy.faults}, {time.time() - start:.0f} s", flush=True)
    finally:
        service.terminate()
        service.wait()
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()

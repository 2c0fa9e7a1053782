"""Starts a server in an empty directory and runs the client tests against it."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = [["node", "mysql2_test.mjs"], [sys.executable, "connector_test.py"], [sys.executable, "pymysql_test.py"], [sys.executable, "privileges_test.py"],
         [sys.executable, "row_locks_test.py"],
         [sys.executable, "metrics_test.py"]]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, server):
    """Whether the server listens. It ends if somebody else took the port meanwhile."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            # Whoever listens may be that somebody else.
            time.sleep(0.2)
            return server.poll() is None
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not listen")


def start(command, directory):
    """The server and its port."""
    for _ in range(5):
        port = free_port()
        server = subprocess.Popen(command + ["--port", str(port)], cwd=directory, stdout=subprocess.DEVNULL)
        if wait_for(port, server):
            return server, port
    raise SystemExit(f"the server ended with exit code {server.returncode}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dolt", required=True, help="the program")
    parser.add_argument("--bare", action="store_true", help="the program is the server itself, without subcommands")
    parser.add_argument("only", nargs="*", help="names of tests to run")
    args = parser.parse_args()
    failed = []
    for test in TESTS:
        if args.only and not any(name in test[1] for name in args.only):
            continue
        with tempfile.TemporaryDirectory() as directory:
            command = [os.path.abspath(args.dolt)] + ([] if args.bare else ["sql-server"])
            command += ["--host", "127.0.0.1", "--loglevel", "error"]
            server, port = start(command, directory)
            try:
                env = dict(os.environ, DOLT=command[0], DOLT_HOST="127.0.0.1", DOLT_PORT=str(port))
                if subprocess.run(test, cwd=HERE, env=env, timeout=1200).returncode != 0:
                    failed.append(test[1])
            finally:
                server.send_signal(signal.SIGTERM)
                code = server.wait(timeout=300)
            if code != 0:
                failed.append(f"exit code {code} of the server under {test[1]}")
    print("failed: " + ", ".join(failed) if failed else "all client tests passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""A list of tests that run one after the other and print what became of them."""

import os
import sys
import traceback

HOST = os.environ.get("DOLT_HOST", "127.0.0.1")
PORT = int(os.environ.get("DOLT_PORT", "3306"))
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def run(client):
    failures = 0
    for function in TESTS:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok   {client}: {name}", flush=True)
        except Exception:
            failures += 1
            print(f"FAIL {client}: {name}\n     " + traceback.format_exc().replace("\n", "\n     "), flush=True)
    sys.exit(1 if failures else 0)

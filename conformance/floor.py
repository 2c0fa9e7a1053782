"""Fails when a conformance run passes fewer cases than the floor that has been reached."""

import json
import re
import sys


def main():
    log, floors, name = sys.argv[1:4]
    lines = open(log, encoding="utf-8", errors="replace").read().splitlines()
    found = [m for m in (re.search(r"(\d+) passed, (\d+) failed", line) for line in lines) if m]
    if not found:
        print("\n".join(lines[-20:]))
        sys.exit(f"{name}: no result")
    passed = int(found[-1].group(1))
    floor = json.load(open(floors, encoding="utf-8"))[name]
    if passed < floor:
        sys.exit(f"{name}: {passed} passed, {floor} were reached before")
    print(f"{name}: {passed} passed, at least {floor} wanted")


if __name__ == "__main__":
    main()

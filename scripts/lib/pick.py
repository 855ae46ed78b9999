#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""pick.py PATH: prints one value of the JSON on standard input; PATH is `a.b.0.c` or `ports.name=core.up`.

Nothing is printed, and the exit status is 1, where there is no such value.
"""
import json
import sys


def step(value, part):
    """One member, element, or the first element whose member has a value."""
    if isinstance(value, dict):
        return value[part]
    if "=" in part:
        key, want = part.split("=", 1)
        return next(row for row in value if str(row.get(key)) == want)
    return value[int(part)]


def main():
    """Command line."""
    try:
        value = json.load(sys.stdin)
        for part in sys.argv[1].split("."):
            value = step(value, part)
    except (KeyError, IndexError, ValueError, TypeError, StopIteration):
        return 1
    if value is None:
        return 1
    print(json.dumps(value) if isinstance(value, (bool, dict, list)) else value)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""accounting_check.py STATE STORE: are the bindings in a store what accounting_load was answered?

A line for each kind of harm, `ok` or `NO`, then `live COUNT SUBSCRIBER ADDRESS`: how many bindings the store has,
and one of them. Of each address the store holds the record acknowledged last, or the one behind it, which was sent
and not acknowledged.
"""
import collections
import sqlite3
import sys

LIVE = 0  # enum sto_has
SUBSCRIBERS = 4  # of an address, as accounting_load has it
BINDINGS = """SELECT key, has, id FROM bindings WHERE key NOT IN (SELECT key FROM news0 UNION SELECT key FROM news1)
    UNION ALL SELECT key, has, id FROM
    (SELECT key, has, id, max(n) FROM (SELECT * FROM news0 UNION ALL SELECT * FROM news1) GROUP BY key)"""


def stored(path):
    """{number of the address: id of who has it}."""
    found = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60) as db:
        for key, has, name in db.execute(BINDINGS):
            if has == LIVE:
                found[int.from_bytes(key[19:22], "big")] = bytes(name).decode()
    return found


def subscriber(place, record):
    """Who has the address behind that record; None: nobody."""
    return f"{place}-{(record + 1) // 2 % SUBSCRIBERS}" if record % 2 == 1 else None


def main():
    """Command line."""
    try:
        live = stored(sys.argv[2])
    except sqlite3.Error as error:
        print(f"{sys.argv[2]}: {error}")
        return 1
    count, one = len(live), max(live, default=0)
    who = live.get(one)
    harms = collections.defaultdict(list)
    acknowledged = 0
    with open(sys.argv[1], encoding="ascii") as state:
        for line in state:
            place, sent, known = map(int, line.split())
            seen = live.pop(place, None)
            acknowledged += subscriber(place, known) is not None
            if seen in (subscriber(place, known), subscriber(place, sent)):
                continue
            what = "missing" if seen is None else "ended" if known % 2 == 0 and sent == known else "another's"
            harms[what].append(f"{place}: acknowledged {known}, sent {sent}, {seen}")
    harms["strange"] = list(live.items())
    for what, text in (
        ("missing", f"none of {acknowledged} acknowledged bindings is missing"),
        ("ended", "none is back that ended"),
        ("another's", "none is another subscriber's"),
        ("strange", "none is there that nobody sent"),
    ):
        found = harms[what]
        print(f"NO {text}: {len(found)} ({found[0]})" if found else f"ok {text}")
    print(f"live {count} {who} 10.{one >> 16}.{one >> 8 & 255}.{one & 255}/32")
    return 0


if __name__ == "__main__":
    sys.exit(main())

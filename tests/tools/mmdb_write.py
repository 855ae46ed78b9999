#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a MaxMind DB of countries: a search tree of 24-bit records over both families, a data section, metadata
(https://maxmind.github.io/MaxMind-DB/, version 2.0). Of two prefixes that overlap the one given last counts."""
import argparse
import ipaddress
import struct

MARKER = b"\xab\xcd\xefMaxMind.com"
GAP = 16  # zero octets between the tree and the data
TEXT, MAP, ARRAY = 2, 7, 11  # kinds of data, and the unsigned numbers by their octets at most
NUMBERS = {2: 5, 4: 6, 8: 9}


def head(kind, size):
    """The control octets: the kind, or 0 and the kind above 7, and how many octets or elements follow."""
    assert size < 29
    return bytes([kind << 5 | size]) if kind <= 7 else bytes([size, kind - 7])


def text(value):
    data = value.encode()
    return head(TEXT, len(data)) + data


def number(value, octets):
    data = value.to_bytes(octets, "big").lstrip(b"\0")
    return head(NUMBERS[octets], len(data)) + data


def mapped(*pairs):
    return head(MAP, len(pairs)) + b"".join(text(key) + value for key, value in pairs)


class Tree:
    """Nodes are pairs of records: None, ("node", index) or ("data", offset)."""

    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, bits, length, leaf):
        at = 0
        for depth in range(length):
            bit = bits >> (127 - depth) & 1
            if depth == length - 1:
                self.nodes[at][bit] = leaf
                return
            there = self.nodes[at][bit]
            if there is None or there[0] == "data":
                self.nodes.append([there, there])
                self.nodes[at][bit] = ("node", len(self.nodes) - 1)
            at = self.nodes[at][bit][1]

    def octets(self):
        count = len(self.nodes)

        def record(leaf):
            value = count if leaf is None else leaf[1] if leaf[0] == "node" else count + GAP + leaf[1]
            return struct.pack(">I", value)[1:]

        return b"".join(record(left) + record(right) for left, right in self.nodes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("row", nargs="*", metavar="PREFIX=CODE", help="an address range and its country")
    parser.add_argument("--key", default="country", help="the map that has iso_code (country)")
    args = parser.parse_args()
    tree, data, known = Tree(), b"", {}
    for row in args.row:
        prefix, code = row.split("=")
        net = ipaddress.ip_network(prefix)
        if code not in known:
            known[code] = len(data)
            data += mapped((args.key, mapped(("iso_code", text(code)))))
        # IPv4 has the first 2^32 addresses of the tree.
        first, length = int(net.network_address), net.prefixlen + (96 if net.version == 4 else 0)
        tree.put(first, length, ("data", known[code]))
    metadata = mapped(
        ("binary_format_major_version", number(2, 2)), ("binary_format_minor_version", number(0, 2)),
        ("build_epoch", number(1, 8)), ("database_type", text("Country")),
        ("description", mapped(("en", text("for tests")))), ("ip_version", number(6, 2)),
        ("languages", head(ARRAY, 1) + text("en")), ("node_count", number(len(tree.nodes), 4)),
        ("record_size", number(24, 2)))
    with open(args.file, "wb") as file:
        file.write(tree.octets() + bytes(GAP) + data + MARKER + metadata)


if __name__ == "__main__":
    main()

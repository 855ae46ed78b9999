#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""scrape.py PATH text|openmetrics: GET /metrics on a UNIX socket, as a scraper does, to standard output.

OpenMetrics is read by the parser of Debian's python3-prometheus-client on the way, which is strict:
heads, units, suffixes, order, the end. Exit status 1 where it or the server refuses.
"""
import http.client
import socket
import sys

TYPES = {
    "openmetrics": ("application/openmetrics-text;version=1.0.0",
                    "application/openmetrics-text; version=1.0.0; charset=utf-8"),
    "text": ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def main():
    path, form = sys.argv[1:]
    accept, wanted = TYPES[form]
    connection = UnixConnection(path)
    connection.request("GET", "/metrics", headers={"Accept": accept})
    answer = connection.getresponse()
    body = answer.read().decode("utf-8")
    if answer.status != 200 or answer.getheader("Content-Type") != wanted:
        sys.exit(f"scrape.py: {answer.status} {answer.getheader('Content-Type')}")
    if form == "openmetrics":
        from prometheus_client.openmetrics import parser
        families = list(parser.text_string_to_metric_families(body))
        if not families or any(not f.documentation for f in families):
            sys.exit("scrape.py: a family without a help text")
    sys.stdout.write(body)


main()

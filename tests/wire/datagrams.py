#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""datagrams.py PATH: a datagram socket as a syslog daemon has one; prints each datagram as a line."""
import os
import socket
import sys

sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
sock.bind(sys.argv[1])
while True:
    print(sock.recv(65536).decode("utf-8", "replace"), flush=True)

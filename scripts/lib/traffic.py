#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Traffic that is not mail: an echo server on TCP and UDP, and the client that checks the echo.

traffic.py serve ADDRESS PORT          runs until it is ended
traffic.py tcp ADDRESS PORT FILE       sends the file, prints `equal` or what differs
traffic.py udp ADDRESS PORT COUNT      sends COUNT datagrams of growing size, prints how many came back
"""
import socket
import sys
import threading


def family_of(address):
    """Address family of a literal address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo_connection(conn):
    """Sends back what comes until the other side ends."""
    with conn:
        while True:
            data = conn.recv(65536)
            if not data:
                return
            conn.sendall(data)


def serve(address, port):
    """Both servers, for ever."""
    udp = socket.socket(family_of(address), socket.SOCK_DGRAM)
    udp.bind((address, port))

    def echo_datagrams():
        while True:
            data, peer = udp.recvfrom(65536)
            udp.sendto(data, peer)

    threading.Thread(target=echo_datagrams, daemon=True).start()
    tcp = socket.create_server((address, port), family=family_of(address))
    while True:
        conn, _ = tcp.accept()
        threading.Thread(target=echo_connection, args=(conn,), daemon=True).start()


def check_tcp(address, port, path):
    """Sends the file and compares what comes back."""
    with open(path, "rb") as source:
        sent = source.read()
    got = bytearray()
    with socket.create_connection((address, port), timeout=60) as conn:
        def send():
            conn.sendall(sent)
            conn.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        while True:
            data = conn.recv(65536)
            if not data:
                break
            got += data
    if bytes(got) == sent:
        return "equal"
    return f"differs ({len(got)} of {len(sent)} octets)"


def check_udp(address, port, count):
    """Sends datagrams one by one and counts the echoes."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        good = 0
        for number in range(count):
            data = bytes([number & 0xFF]) * (1 + number * 50 % 1400)
            sock.sendto(data, (address, port))
            try:
                good += sock.recv(65536) == data
            except socket.timeout:
                pass
    return f"{good} of {count}"


def main():
    """Command line."""
    if len(sys.argv) == 4 and sys.argv[1] == "serve":
        serve(sys.argv[2], int(sys.argv[3]))
    elif len(sys.argv) == 5 and sys.argv[1] in ("tcp", "udp"):
        try:
            if sys.argv[1] == "tcp":
                print(check_tcp(sys.argv[2], int(sys.argv[3]), sys.argv[4]))
            else:
                print(check_udp(sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
        except OSError as error:
            print(f"failed: {error.strerror or error}")
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

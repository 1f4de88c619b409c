"""Ports of the loopback address for the programs that the lab starts."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on, and that this process has given to nobody else.

    A program that has not got so far as to listen has its port for itself all the same: the kernel would offer it
    again, and of two programs with one port the second would end, and the first answer for both.
    """
    while True:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port: int = sock.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port

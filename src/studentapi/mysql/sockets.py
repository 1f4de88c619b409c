"""TCP sockets with a deadline over everything, and with settings under which a dead link is noticed."""

from __future__ import annotations

import queue
import socket
import threading
from time import monotonic
from typing import Any

USER_TIMEOUT = 4000
"""Milliseconds that sent data may go unacknowledged (TCP_USER_TIMEOUT); the kernel's own limit is 15 minutes."""
KEEPALIVE_IDLE = 3
"""Seconds of silence before the first probe, far below any firewall's patience with a silent flow.

A link that dies while a reply is awaited is known to be dead within 7 s, and most that die idle before they are
used.
"""
KEEPALIVE_INTERVAL = 1
"""Seconds between probes."""
KEEPALIVE_PROBES = 3
"""Unanswered probes after which the link is dead."""

SocketAddress = tuple[Any, ...]

_answered: dict[tuple[str, int], SocketAddress] = {}
"""By host and port, the address that took the last connection."""


def open_tcp(host: str, port: int, deadline: float, source: str | None = None) -> socket.socket:
    """Connect to the first address of `host` that answers before `deadline` (of `time.monotonic`).

    Raises OSError: `TimeoutError` past the deadline, `socket.gaierror` for an unknown name.
    """
    failure: OSError | None = None
    # of several addresses the one that answered last comes first: a dead one would cost each connect its share
    answered = _answered.get((host, port))
    addresses = sorted(_resolve(host, port, deadline), key=lambda found: found[1] != answered)
    for asked, (family, address) in enumerate(addresses):
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:  # a kernel without IPv6
            failure = error
            continue
        try:
            # an equal share of what is left: a first address that swallows everything must not hide the second
            sock.settimeout(remaining(deadline) / (len(addresses) - asked))
            if source is not None:
                sock.bind((source, 0))
            sock.connect(address)
            _watch_the_link(sock)
        except OSError as error:
            sock.close()
            failure = error
        else:
            _answered[host, port] = address
            return sock
    raise failure or OSError(f"{host!r} has no address")


def remaining(deadline: float) -> float:
    """Seconds until `deadline`; raises TimeoutError when there are none."""
    seconds = deadline - monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


def _watch_the_link(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)


def _resolve(host: str, port: int, deadline: float) -> list[tuple[socket.AddressFamily, SocketAddress]]:
    """The addresses of `host`, asked anew each time, so that a failover by DNS is followed."""
    try:
        return _look_up(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass  # a name, then
    # getaddrinfo takes no timeout: it runs beside us, and is left to itself when it takes too long.
    answer: queue.SimpleQueue[list[tuple[socket.AddressFamily, SocketAddress]] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(_look_up(host, port))
        except OSError as error:
            answer.put(error)

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    try:
        found = answer.get(timeout=remaining(deadline))
    except queue.Empty:
        raise TimeoutError(f"looking up {host!r} timed out") from None
    if isinstance(found, OSError):
        raise found
    return found


def _look_up(host: str, port: int, flags: int = 0) -> list[tuple[socket.AddressFamily, SocketAddress]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as error:  # a label that is too long
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    return [(family, address) for family, _, _, _, address in found]

"""Servers that misbehave on purpose, on the loopback address."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

    Behaviour = Callable[[socket.socket, threading.Event], None]

GREETING = (
    b"\x0a9.7.0\x00"
    + struct.pack("<I", 7)
    + b"saltsalt\x00"
    + struct.pack("<HBHHB", 0xF7DF, 255, 2, 0xDFFF, 21)
    + bytes(10)
    + b"saltsaltsalt\x00mysql_native_password\x00"
)
"""What a server says first: version, connection number, capabilities, salt, the way to sign in."""


class Listener:
    """Runs `behave(connection, over)` for each connection, in a thread; `over` is set when the block ends."""

    def __init__(self, behave: Behaviour) -> None:
        self.accepted: list[float] = []
        """When each connection was made, by `time.monotonic`."""
        self._behave = behave
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def most_in(self, seconds: float) -> int:
        """The most connections that were made within any `seconds`."""
        times = list(self.accepted)
        return max((sum(start <= time < start + seconds for time in times) for start in times), default=0)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted.append(monotonic())
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the client went away
            self._behave(connection, self._over)


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Accept, and never say a word."""
    del connection
    over.wait()


def trickling(connection: socket.socket, over: threading.Event, *, seconds: float = 1.0) -> None:
    """Greet, a byte every so many seconds."""
    for byte in packet(GREETING):
        connection.sendall(bytes([byte]))
        if over.wait(seconds):
            return


def hanging_up(connection: socket.socket, over: threading.Event) -> None:
    """Greet, and say goodbye."""
    del over
    connection.sendall(packet(GREETING))


def refusing(code: int, message: str) -> Behaviour:
    """Answer with this error instead of a greeting: 1040 too many connections, 1129 host is blocked."""

    def refuse(connection: socket.socket, over: threading.Event) -> None:
        del over
        # no SQLSTATE: the server does not yet know whether the client understands one
        connection.sendall(packet(b"\xff" + struct.pack("<H", code) + message.encode()))

    return refuse


def packet(payload: bytes, number: int = 0) -> bytes:
    """`payload` as the `number`-th packet of an exchange."""
    return struct.pack("<I", len(payload))[:3] + bytes([number]) + payload

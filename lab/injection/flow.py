"""One client's connection through a proxy, and the proxy's own to the server."""

from __future__ import annotations

import enum
import fcntl
import socket
import struct
import termios
import threading
from contextlib import suppress
from time import monotonic, sleep

_DRAIN_TIMEOUT = 1.0
_BUFFER = 65536


class Direction(enum.Enum):
    """Which way bytes go."""

    TO_SERVER = "to the server"
    TO_CLIENT = "to the client"


class Fate(enum.Enum):
    """What becomes of a flow."""

    RESET = "both ends get a reset"
    END = "both ends see the other say goodbye"
    SILENCE = "nothing passes any more, and nobody is told"


class Flow:
    """A pair of sockets. Each direction is pumped by a thread of its own; `met` says what befell it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.met: Fate | None = None
        self._client = client
        self._server = server
        self._ending = threading.Lock()

    def source(self, direction: Direction) -> socket.socket:
        """Where bytes of this direction come from."""
        return self._client if direction is Direction.TO_SERVER else self._server

    def receive(self, direction: Direction) -> bytes:
        """The next bytes; none at the end."""
        try:
            return self.source(direction).recv(_BUFFER)
        except OSError:
            return b""

    def send(self, direction: Direction, data: bytes) -> None:
        """Pass bytes on, unless the flow has met its fate."""
        sink = self._sink(direction)
        with suppress(OSError):  # the other end is gone, as its own pump finds out
            if data and self.met is None:
                sink.sendall(data)

    def end(self, direction: Direction) -> None:
        """Tell the other end that no more comes this way."""
        with suppress(OSError):
            if self.met is None:
                self._sink(direction).shutdown(socket.SHUT_WR)

    def meet(self, fate: Fate, *, at_once: bool = False) -> None:
        """Let `fate` befall it, and what was sent before arrive, if not `at_once`. Only silence can be broken."""
        with self._ending:
            if self.met not in (None, Fate.SILENCE):
                return
            self.met = fate
        if fate is Fate.SILENCE:
            return
        for sock in (self._client, self._server):
            if not at_once:
                _await_sent(sock)
            with suppress(OSError):
                if fate is Fate.RESET:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # wakes the pump that reads from it; with the linger above, close() sends the reset
                sock.shutdown(socket.SHUT_RD if fate is Fate.RESET else socket.SHUT_RDWR)

    def close(self) -> None:
        """Close both sockets, once both pumps have ended."""
        self._client.close()
        self._server.close()

    def _sink(self, direction: Direction) -> socket.socket:
        return self._server if direction is Direction.TO_SERVER else self._client


def _await_sent(sock: socket.socket) -> None:
    """Return when the other end has acknowledged every byte: a reset would throw away what waits here."""
    deadline = monotonic() + _DRAIN_TIMEOUT
    with suppress(OSError, ValueError):  # it may be closed by now
        while monotonic() < deadline:
            (unsent,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))
            if not unsent:
                return
            sleep(0.001)

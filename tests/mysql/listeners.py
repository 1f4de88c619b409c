"""Servers that misbehave on purpose, on the loopback address."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def listener(behave: Callable[[socket.socket, threading.Event], None]) -> Iterator[int]:
    """Run `behave(connection, over)` for each connection, in a thread; gives the port. Set `over` ends it."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        threads: list[threading.Thread] = []

        def serve(connection: socket.socket) -> None:
            with connection:
                behave(connection, over)

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                threads.append(threading.Thread(target=serve, args=(connection,)))
                threads[-1].start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            accepting.join()
            for thread in threads:
                thread.join()


def silent(connection: socket.socket, over: threading.Event) -> None:
    """Accept, and never say a word."""
    del connection
    over.wait(30)


def trickling(connection: socket.socket, over: threading.Event) -> None:
    """Greet, one byte at a time, never done."""
    greeting = b"\x4a\x00\x00\x00\x0a9.7.4\x00" + b"\x01" * 70
    for byte in greeting * 10:
        try:
            connection.sendall(bytes([byte]))
        except OSError:
            return
        if over.wait(0.1):
            return


class Relay:
    """A relay to a server that can stop to pass anything on, as a firewall does that forgot the flow.

    `dropping`: neither way; `muted`: the server is heard no more, and hears on. Both are for the connections of
    the moment; new ones pass, unless `refusing` is set.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self.dropping = threading.Event()
        self.muted = threading.Event()
        self.refusing = threading.Event()
        self.connections = 0

    def __call__(self, client: socket.socket, over: threading.Event) -> None:
        self.connections += 1
        if self.refusing.is_set():
            return
        # A connection made after the flow was forgotten is a new flow, and passes.
        forgettable = not (self.dropping.is_set() or self.muted.is_set())
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            asked = (self.dropping,) if forgettable else ()
            answered = (self.dropping, self.muted) if forgettable else ()
            one = threading.Thread(target=self._pump, args=(client, server, over, asked))
            one.start()
            self._pump(server, client, over, answered)
            one.join()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        over: threading.Event,
        swallowed: tuple[threading.Event, ...],
    ) -> None:
        source.settimeout(0.05)
        while not over.is_set():
            try:
                data = source.recv(65536)
            except TimeoutError:
                continue
            except OSError:
                break
            if any(event.is_set() for event in swallowed):
                continue
            try:
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    break
                sink.sendall(data)
            except OSError:
                break

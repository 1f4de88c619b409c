"""A TCP proxy that passes on byte for byte what a client and a server say, until it is told not to."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Self

from lab.injection.flow import Direction, Fate, Flow
from lab.injection.traps import AfterBytes, AtBytes, Moment, Trap

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECT_TIMEOUT = 10.0


class Proxy:
    """Listens while the block lasts, and goes to `host` and `port`: its `target`, which may be moved.

    `listen` and `at` are the address and the port that it listens on; 0 is any that is free.

    It sees bytes, so statements are to be found in them only where the client does without TLS.
    """

    def __init__(self, host: str, port: int, *, listen: str = "127.0.0.1", at: int = 0) -> None:
        self.target = host, port
        self.accepted: list[float] = []
        """When each connection was made, by `time.monotonic`."""
        self._listen = listen
        self._port = at
        self._passed: Counter[Direction] = Counter()
        self._traps: list[Trap] = []
        self._flows: dict[Flow, int] = {}
        self._mute = False
        self._going = threading.Event()
        self._going.set()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self._going.set()
        for flow in list(self._flows):
            flow.meet(Fate.RESET, at_once=True)
        for thread in self._threads:
            thread.join()

    @property
    def port(self) -> int:
        """Where it listens; the same as long as it lives."""
        return self._port

    @property
    def flows(self) -> int:
        """How many connections are open through it."""
        return len(self._flows)

    def passed(self, direction: Direction) -> int:
        """How many bytes have been passed on this way."""
        return self._passed[direction]

    def open(self) -> None:
        """Take connections, as at the start."""
        if self._listener is None:
            self._listener = socket.create_server((self._listen, self._port), backlog=512)
            self._port = self._listener.getsockname()[1]
            self._start(self._accept, self._listener)

    def close(self) -> None:
        """Have the kernel refuse connections from now on; those that are open stay."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # wakes the thread that accepts, which closes it
            listener.shutdown(socket.SHUT_RDWR)

    def cut(self, fate: Fate = Fate.RESET) -> None:
        """Let `fate` befall all connections that are open now."""
        for flow in list(self._flows):
            flow.meet(fate)

    def forget(self) -> None:
        """Swallow what belongs to the connections that are open now, as a firewall does; new ones pass."""
        self.cut(Fate.SILENCE)

    def mute(self, *, on: bool = True) -> None:
        """Take connections and swallow all that they, and those that are open, say; `on=False`: new ones pass."""
        self._mute = on
        if on:
            self.forget()

    def stall(self) -> None:
        """Hold back every byte, and lose none, until `resume`."""
        self._going.clear()

    def resume(self) -> None:
        """Let what was held back by `stall` pass."""
        self._going.set()

    def cut_after(
        self, count: int, direction: Direction, fate: Fate = Fate.RESET, *, connection: int | None = None
    ) -> Trap:
        """Cut the flow on which the `count`-th byte from now in `direction` passes, right behind this byte.

        With `connection`, only bytes of the open connection that was the so manieth, from 1, count.
        """
        only = None
        if connection is not None:
            only = next(flow for flow, number in self._flows.items() if number == connection)
        return self.watch(AfterBytes(count, direction, fate, only))

    def cut_at(self, needle: bytes, moment: Moment, fate: Fate = Fate.RESET) -> Trap:
        """Cut the flow on which `needle` next goes to the server, at this moment of its life."""
        return self.watch(AtBytes(needle, moment, fate))

    def call_at(self, needle: bytes, action: Callable[[], None]) -> Trap:
        """Call `action` when `needle` next comes on its way to the server, and then pass it on."""
        return self.watch(AtBytes(needle, Moment.SENT, None, action))

    def watch(self, trap: Trap) -> Trap:
        """Have `trap` look at all that passes from now on, until it springs."""
        with self._lock:
            self._traps.append(trap)
        return trap

    def clear(self) -> None:
        """Watch for nothing any more."""
        with self._lock:
            self._traps.clear()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                self.accepted.append(monotonic())
                self._start(self._serve, client, len(self.accepted))

    def _serve(self, client: socket.socket, number: int) -> None:
        """Pump both ways, each byte in its own time."""
        with client:
            try:
                server = socket.create_connection(self.target, timeout=_CONNECT_TIMEOUT)
            except OSError:
                return
            server.settimeout(None)
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            flow = Flow(client, server)
            if self._mute:
                flow.meet(Fate.SILENCE)
            self._flows[flow] = number
            back = threading.Thread(target=self._pump, args=(flow, Direction.TO_CLIENT), daemon=True)
            back.start()
            self._pump(flow, Direction.TO_SERVER)
            back.join()
            del self._flows[flow]
            flow.close()

    def _pump(self, flow: Flow, direction: Direction) -> None:
        while data := flow.receive(direction):
            self._going.wait()
            if flow.met is not None:
                continue
            with self._lock:
                passing, trap = self._looked_at(flow, direction, data)
                self._passed[direction] += passing
            if trap is not None and trap.action is not None:
                trap.action()
            flow.send(direction, data[:passing])
            if trap is not None:
                trap.sprung.set()
                if trap.fate is not None:
                    flow.meet(trap.fate)
        flow.end(direction)

    def _looked_at(self, flow: Flow, direction: Direction, data: bytes) -> tuple[int, Trap | None]:
        for trap in self._traps:
            passing = trap.look(flow, direction, data)
            if passing is not None:
                self._traps.remove(trap)
                return passing, trap
        return len(data), None

"""A database server with its data, and the peers that are up before it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

from pymysql import err

from lab.answers.data import cities
from lab.bench import load
from lab.bench.service import Running, end_all
from lab.bench.targets import SERVICE
from lab.peers import data, peer
from lab.peers.agreement import compare
from lab.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer
    from lab.bench.load import Request, Sample
    from lab.bench.plan import Size
    from lab.peers import Peer, Route
    from lab.peers.data import Dataset

DATABASE = "lab_bench"
WARM_SECONDS = 0.5
BACKLOG = 120
"""Fewer clients than connections may wait for a thread by uwsgi.ini."""
SETTLE_SECONDS = 0.05
SETTLE_MOST = 10.0
"""Seconds in which what was in flight when the clients left has to be answered."""
CREATED: dict[Route, int] = {"recording": 201}
"""The routes that write, and the status that says so."""


class Stage:
    """Peers in one `size` on one `server`; a context that ends them. Their logs go to `directory`.

    `warm`: seconds of load before anything is measured. `compared`: of so many students, and classes, each peer's
    answers are compared with studentapi's; None: usual.
    """

    def __init__(
        self,
        server: DatabaseServer,
        dataset: Dataset,
        size: Size,
        directory: Path,
        *,
        warm: float = WARM_SECONDS,
        compared: int | None = None,
    ) -> None:
        self.server = server
        self.dataset = dataset
        self._warm = warm
        self._compared = replace(
            dataset, students=dataset.students[:compared], classes=dataset.classes[:compared]
        )
        self.size = size
        self.services: dict[str, Running] = {}
        self._directory = directory
        self._requests: dict[Route, list[Request]] = {}
        self._connection = server.connect()
        self._idle = self._activity()["Threads_running"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        end_all(self.services.values())
        self._connection.close()

    def start(self, peers: Sequence[Peer]) -> dict[str, str]:
        """Have all of them up; beside more than cities also the whole service, which they are compared with.

        Returns what those say that do not come up; they are no more among `services`.
        """
        compared = [peer(SERVICE)] if any(one.routes - {"city"} for one in peers) else []
        for one in dict.fromkeys((*peers, *compared)):
            self._run(one)
        return {name: problem for name in [*self.services] if (problem := self._await(name))}

    def restart(self, name: str) -> str | None:
        """End one that hangs or fails, with whatever it was doing, and have it up again; else what it says."""
        self.services[name].end()
        self._run(peer(name))
        return self._await(name)

    def warm_up(self, name: str, route: Route) -> Sample:
        """Make sure that one answers a route as studentapi does, and have all its threads connect.

        What it was still recording when the load left is done by then: the next one's answers are compared on the
        same students. Raises `Disagreement` or `LoadError` where an answer is wrong, `TimeoutError` where it
        does not come to rest.
        """
        service = self.services[name]
        if name != SERVICE:
            asked = replace(service.peer, routes=frozenset({route}))
            if route != "city" and SERVICE not in self.services:
                raise LookupError("studentapi, which it is compared with, is not up")
            reference = service if route == "city" else self.services[SERVICE]
            compare(asked, service.url, reference.url, self._compared)
        clients = min(2 * self.size.processes * self.size.threads, BACKLOG)
        sample = self._load(name, route, clients, self._warm, check=True)
        if route in CREATED:
            self.settle()
        return sample

    def ask(self, name: str, route: Route, clients: int, seconds: float) -> Sample:
        """Load on one of them, for a measurement."""
        return self._load(name, route, clients, seconds, check=False)

    def counters(self) -> dict[str, int]:
        """The database server's counters; asking adds one to its Questions."""
        return self.server.status(self._connection)

    def settle(self) -> None:
        """Return when nobody asks the database server, and it does nothing; raises `TimeoutError`."""
        deadline = monotonic() + SETTLE_MOST
        before = self._activity()
        while True:
            sleep(SETTLE_SECONDS)
            now = self._activity()
            # this question is one
            if now["Questions"] == before["Questions"] + 1 and now["Threads_running"] <= self._idle:
                return
            if monotonic() > deadline:
                raise TimeoutError(f"the database server is still asked after {SETTLE_MOST:g} s")
            before = now

    def forget(self) -> None:
        """Take away what was recorded."""
        with closing(self.server.connect()) as connection:
            connection.fetch(f"USE `{DATABASE}`")
            for last in (False, False, True):
                self.settle()
                try:
                    data.forget(connection)
                except err.IntegrityError:
                    # someone recorded in the middle of it: an app that was between two statements
                    if last:
                        raise
                else:
                    return

    def _run(self, one: Peer) -> None:
        log = self._directory / f"{self.server.flavour}-{self.size.processes}x{self.size.threads}-{one.name}.log"
        size = self.size.processes, self.size.threads
        self.services[one.name] = Running(one, self.dataset.url, free_port(), *size, log)

    def _await(self, name: str) -> str | None:
        try:
            self.services[name].await_answer()
        except RuntimeError as problem:
            self.services.pop(name).end()
            return str(problem)
        return None

    def _load(self, name: str, route: Route, clients: int, seconds: float, *, check: bool) -> Sample:
        if self.services[name].has_ended():
            raise load.LoadError("the app has ended")
        if route not in self._requests:
            self._requests[route] = requests(self.dataset, route)
        return load.run(
            self.services[name].port,
            self._requests[route],
            clients=clients,
            seconds=seconds,
            token=None if route == "city" else self.dataset.token,
            status=CREATED.get(route, 200),
            check=check,
            kept=self.services[name].peer.kept,
        )

    def _activity(self) -> dict[str, int]:
        return self.server.status(self._connection, "Questions", "Threads_running")


def requests(dataset: Dataset, route: Route) -> list[Request]:
    """What is asked for in turn; of a city, it is known what is to be answered."""
    match route:
        case "city":
            first = {name: number for number, name, *_ in reversed(cities())}
            expected = [f'City "{name}" is #{first[name]}' for _, name, *_ in cities()]
            paths = dataset.paths("city")
            return [load.Request(path, answer=answer) for path, answer in zip(paths, expected, strict=True)]
        case "recording":
            (path,) = dataset.paths("recording")
            return [load.Request(path, "POST", body) for body in dataset.bodies]
        case _:
            return [load.Request(path) for path in dataset.paths(route)]

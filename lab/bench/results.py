"""What a run found, as it is kept in bench.json."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Slice:
    """A peer under load for a moment: `requests` answered in `seconds`; latencies in milliseconds.

    `app` and `database` are the CPU seconds that the peer's processes and the database server used meanwhile;
    `connects`, `statements` and `pings` what the server counted, pings and whatever else is no statement.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    app: float
    database: float
    connects: int
    statements: int
    pings: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass(frozen=True)
class Place:
    """Where peers are compared: on which database server, on which route, by how many clients at which size."""

    server: str
    route: str
    processes: int
    threads: int
    clients: int

    @property
    def where(self) -> str:
        """How what failed here begins, whatever the clients."""
        return f"{self.server}, {self.route}, {self.processes} × {self.threads}"


@dataclass
class Measured:
    """A peer at a place: its slices, of which the n-th is of the same round as everyone's n-th."""

    place: Place
    peer: str
    slices: list[Slice] = field(default_factory=list)


@dataclass
class Results:
    """A run. `machine`: what it was made on, in words; `servers` and `peers`: titles by name.

    `missing` says what was not measured and why, `failures` who answered wrongly; `busy` how busy the machine was
    with others' work when it began, empty where it was at rest; `command` is what was typed. `grown`: growth was
    measured after it, and its growth.json lies beside.
    """

    day: str
    quick: bool
    machine: dict[str, str]
    servers: dict[str, str] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    seconds: int = 0
    busy: str = ""
    command: str = "make bench"
    grown: bool = False

    def places(self) -> list[Place]:
        """Every place, once, in the order of measuring."""
        return list(dict.fromkeys(one.place for one in self.measured))

    def at(self, place: Place) -> dict[str, Measured]:
        """Who was measured there, by name."""
        return {one.peer: one for one in self.measured if one.place == place and one.slices}

    def sizes(self) -> list[tuple[int, int]]:
        """Processes × threads that were measured, in that order: at first as many processes as cores."""
        return list(dict.fromkeys((place.processes, place.threads) for place in self.places()))

    def renewed(self, by: Results) -> Results:
        """These, with the places that are measured in `by` in place of their own; both are of one machine.

        Ratios are taken within a place, so it is no matter that places are not of one run. What failed, or was
        missing, and is measured now, is told no more. Raises `ValueError` for another machine's results.
        """
        if problem := self.differs(by.machine, by.servers):
            raise ValueError(problem)
        places = by.places()
        found = [one for one in self.measured if one.place not in places] + by.measured
        order = list(dict.fromkeys(self.places() + places))
        there = {*by.peers.values(), *by.servers.values(), *(name for name in self.missing if name in by.missing)}
        busy = [f"{one.busy} (`{one.command}`)" for one in (self, by) if one.busy]
        again = tuple(f"{place.where}{end}" for place in places for end in ",:")
        return replace(
            self,
            day=" and ".join(dict.fromkeys((self.day, by.day))),
            servers=self.servers | by.servers,
            peers=self.peers | by.peers,
            measured=sorted(found, key=lambda one: order.index(one.place)),
            missing={name: why for name, why in self.missing.items() if name not in there} | by.missing,
            failures=[one for one in self.failures if not one.startswith(again)] + by.failures,
            seconds=self.seconds + by.seconds,
            busy="; ".join(busy),
            command=f"{self.command} && {by.command}",
        )

    def differs(self, machine: dict[str, str], servers: dict[str, str]) -> str | None:
        """Why results of this `machine` and these `servers` cannot stand beside these; None where they can."""
        # which servers there were is among what a machine is described by, and not all have to be there again
        ours, theirs = {**self.machine, **self.servers}, {**machine, **self.servers, **servers}
        others = [
            f"{name}: {ours.get(name, 'none')} then, {theirs.get(name, 'none')} now"
            for name in dict.fromkeys([*ours, *theirs])
            if name != "databases" and ours.get(name) != theirs.get(name)
        ]
        return f"these results are another machine's, or other versions': {'; '.join(others)}" if others else None

    def write(self, path: Path) -> None:
        """Write it, a line for each peer at a place."""
        head = {name: value for name, value in vars(self).items() if name != "measured"}
        lines = ",\n".join(json.dumps(_flat(one)) for one in self.measured)
        path.write_text(f'{json.dumps(head, indent=1)[:-2]},\n "measured": [\n{lines}\n]}}\n')

    @classmethod
    def read(cls, path: Path) -> Self:
        """The results in a bench.json."""
        found = json.loads(path.read_text())
        return cls(**{**found, "measured": list(_measured(found["measured"]))})


def _flat(one: Measured) -> dict[str, Any]:
    slices = [[round(value, 4) for value in astuple(each)] for each in one.slices]
    return {**asdict(one.place), "peer": one.peer, "slices": slices}


def _measured(lines: list[dict[str, Any]]) -> Iterator[Measured]:
    for line in lines:
        slices = [Slice(*values) for values in line.pop("slices")]
        peer = line.pop("peer")
        yield Measured(Place(**line), peer, slices)

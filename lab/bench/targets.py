"""What studentapi is to reach, as ratios at as many processes as cores, with 8 threads each and 8 clients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lab.bench.figures import Ratio, printed, ratio, tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.results import Place, Results

CLIENTS, THREADS = 8, 8
OURS = {"city": "studentapi"}
"""The peer that is studentapi on a route; on every other, it is the whole service."""
SERVICE = "service"

AGAINST = (
    ("city", "per_request", "connection per request, TLS off", 2.2),
    ("city", "per_request_tls", "connection per request, PyMySQL's default TLS", 40.0),
    ("city", "sqlalchemy_recycle", "Flask-SQLAlchemy, pool_recycle", 2.5),
    ("city", "pooled_db", "PooledDB", 1.9),
    ("city", "persistent_db", "PersistentDB, as in the answer", 1.15),
    ("city", "mysqlclient", "Flask, mysqlclient (C)", 1.0),
    ("city", "bare", "bare WSGI, plain PyMySQL", 0.75),
    ("assessment-data", "orm", "Flask-SQLAlchemy's ORM, PyMySQL", 4.0),
    ("assessment-data", "orm_mysqlclient", "Flask-SQLAlchemy's ORM, mysqlclient", 4.0),
    ("assessment-data", "mysqlclient", "Flask, mysqlclient, plain SQL", 1.2),
    ("assessment-data", "fastapi", "FastAPI, asyncmy", 1.3),
)
"""Route, peer, its title, and how many times its requests/s ours are to be."""
TAIL = 4.0
"""The 99th percentile is to be at most so many times the median."""


AGREEING = 0.8
"""The share of the rounds that have to say the same as their median, for it to be more than chance."""

Standing = Literal["reached", "not reached", "undecided", "not measured"]
MARKS: dict[Standing, str] = {"reached": "✅", "not reached": "❌", "undecided": "≈", "not measured": "–"}


def standing(median: bool, rounds: Sequence[bool]) -> Standing:
    """What to say of a target that the `median` of the `rounds` reaches or not, and each of them."""
    agreeing = sum(one == median for one in rounds)
    if agreeing < AGREEING * len(rounds):
        return "undecided"
    return "reached" if median else "not reached"


@dataclass(frozen=True)
class Verdict:
    """A target and what was found; `found` is None where it was not measured."""

    server: str
    route: str
    title: str
    wanted: float
    found: Ratio | None
    at_most: bool = False

    @property
    def standing(self) -> Standing:
        """Whether the median reaches it, as it is printed, and most rounds say the same."""
        if self.found is None:
            return "not measured"
        return standing(self._reaches(self.found.median), [self._reaches(one) for one in self.found.rounds])

    @property
    def rounds(self) -> str:
        """In how many of the rounds it was reached; empty where there was but one."""
        each = self.found.rounds if self.found else ()
        return f"{sum(map(self._reaches, each))} of {len(each)} rounds" if len(each) > 1 else ""

    @property
    def words(self) -> str:
        """The target in words."""
        return f"{'≤' if self.at_most else '≥'} {self.wanted:g}"

    def _reaches(self, ratio: float) -> bool:
        value = printed(ratio)
        return value <= self.wanted if self.at_most else value >= self.wanted


def ours(route: str) -> str:
    """The peer that is studentapi on this route."""
    return OURS.get(route, SERVICE)


def wide(results: Results) -> list[Place]:
    """The places that the targets are about."""
    return [place for place in results.places() if place.threads == THREADS and place.clients == CLIENTS]


def verdicts(results: Results) -> Iterator[Verdict]:
    """Every target on every server that was there."""
    places = {(place.server, place.route): place for place in wide(results)}
    for server in results.servers:
        for route, peer, title, wanted in AGAINST:
            found = results.at(places[server, route]) if (server, route) in places else {}
            mine, theirs = found.get(ours(route)), found.get(peer)
            yield Verdict(
                server, route, f"against {title}", wanted, ratio(mine, theirs) if mine and theirs else None
            )
        for route in dict.fromkeys(place.route for place in places.values() if place.server == server):
            mine = results.at(places[server, route]).get(ours(route))
            if mine is not None:
                yield Verdict(server, route, "p99 over p50", TAIL, tail(mine), at_most=True)

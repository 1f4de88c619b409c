"""How long requests take and how many statements they need: histograms over all worker processes.

They stand in memory that the workers share (`studentapi.mysql.board`). Each method of each route has its place
there before the workers are forked: no client can make there be more of them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from studentapi.mysql.board import Board

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.core import Metric

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of `studentapi_request_seconds`."""
STATEMENTS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100)
"""Upper bounds of the buckets of `studentapi_request_statements`."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER = "other"
"""A method that is none of these."""
NO_ROUTE = "none"
"""The route of a request that none was found for: 404 and 405."""

EXTENSION = "studentapi.latency"
"""Where an app keeps its own."""

_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_SECONDS_PLACES = len(SECONDS) + 2  # the bucket without a bound, and the sum
_STATEMENTS_PLACES = len(STATEMENTS) + 2
_PLACES = len(_CLASSES) * _SECONDS_PLACES + _STATEMENTS_PLACES + 1


class Latency:
    """The histograms of an app with `routes`: pairs of a method and a rule; of `processes` at most."""

    def __init__(self, routes: Iterable[tuple[str, str]], processes: int) -> None:
        kinds = {(method, NO_ROUTE) for method in (*METHODS, OTHER)} | set(routes)
        self._first = {kind: number * _PLACES for number, kind in enumerate(sorted(kinds))}
        self._board = Board(processes, 0, map(str, range(len(kinds) * _PLACES)), ("in_flight",))
        self._in_flight = len(kinds) * _PLACES

    def began(self) -> None:
        """Count a request in."""
        self._board.add(((self._in_flight, 1.0),))

    def ended(
        self,
        method: str,
        route: str | None,
        status: int,
        *,
        seconds: float,
        statements: int,
        database_seconds: float,
    ) -> None:
        """Count a request out; `route` is a rule of the app, or None."""
        first = self._first.get((method, route or NO_ROUTE))
        if first is None:  # a route that was added later, or a method that it does not declare
            first = self._first[method, NO_ROUTE]
        of_class = first + (min(max(status // 100, 2), 5) - 2) * _SECONDS_PLACES
        of_statements = first + len(_CLASSES) * _SECONDS_PLACES
        self._board.add(
            (
                (self._in_flight, -1.0),
                (of_class + bisect_left(SECONDS, seconds), 1.0),
                (of_class + _SECONDS_PLACES - 1, seconds),
                (of_statements + bisect_left(STATEMENTS, statements), 1.0),
                (of_statements + _STATEMENTS_PLACES - 1, float(statements)),
                (first + _PLACES - 1, database_seconds),
            )
        )

    def collect(self) -> Iterator[Metric]:
        """The metrics of the moment, for Prometheus; a route that nobody has asked for yet is left out."""
        sums = self._board.sums()
        seconds = HistogramMetricFamily(
            "studentapi_request_seconds",
            "Seconds from the arrival of a request to the end of its answer",
            labels=("method", "route", "status"),
        )
        statements = HistogramMetricFamily(
            "studentapi_request_statements", "Commands sent to MySQL by a request", labels=("method", "route")
        )
        database = CounterMetricFamily(
            "studentapi_request_database_seconds",
            "Seconds that requests waited for MySQL",
            labels=("method", "route"),
        )
        for kind, first in self._first.items():
            place = first
            for status in _CLASSES:
                _add(seconds, (*kind, status), SECONDS, sums[place : place + _SECONDS_PLACES])
                place += _SECONDS_PLACES
            if _add(statements, kind, STATEMENTS, sums[place : place + _STATEMENTS_PLACES]):
                database.add_metric(kind, sums[first + _PLACES - 1])
        yield seconds
        yield statements
        yield database
        yield GaugeMetricFamily(
            "studentapi_requests_in_flight", "Requests that are being answered", value=sums[self._in_flight]
        )


def known(method: str) -> str:
    """The method, or `OTHER`: what a client makes up is no label, and goes into no log line."""
    return method if method in METHODS else OTHER


def _add(
    family: HistogramMetricFamily, labels: Sequence[str], bounds: Sequence[float], numbers: list[float]
) -> bool:
    """Add a histogram, unless it is empty; `numbers` are each bucket's own count, and the sum."""
    *counts, total = numbers
    if not any(counts):
        return False
    buckets, below = [], 0.0
    for bound, count in zip((*map(str, map(float, bounds)), "+Inf"), counts, strict=True):
        below += count
        buckets.append((bound, below))
    family.add_metric(labels, buckets=buckets, sum_value=total)
    return True

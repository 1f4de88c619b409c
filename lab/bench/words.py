"""Figures and names in words, the same in the terminal, the page and the pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.bench.figures import TEN, printed

if TYPE_CHECKING:
    from lab.bench.figures import Ratio
    from lab.bench.results import Place
    from lab.bench.targets import Verdict

ROUTES = {
    "city": "city lookup",
    "assessment-data": "assessment data",
    "list": "list page of 100",
    "recording": "recording an attempt",
    "statistics": "class statistics",
}
SHORT = {
    "per_query": "per query",
    "per_request": "per request",
    "retry_in_cursor": "retry in cursor()",
    "timer": "hourly timer",
    "pooled_db": "PooledDB",
    "persistent_db": "PersistentDB",
    "sqlalchemy_recycle": "pool_recycle",
    "sqlalchemy_pre_ping": "pool_pre_ping",
    "studentapi": "studentapi",
    "per_request_tls": "per request, TLS",
    "bare": "bare WSGI",
    "mysqlclient": "mysqlclient",
    "mysqlclient_remembers": "mysqlclient, 5 s",
    "orm": "ORM",
    "orm_mysqlclient": "ORM, mysqlclient",
    "fastapi": "FastAPI",
    "go": "Go",
    "fastapi_kept": "FastAPI, kept",
    "go_kept": "Go, kept",
    "service": "studentapi",
}
"""Names for pictures."""
THOUSAND, HUNDRED = 1000, 100


def route_title(route: str) -> str:
    """What a table calls a route."""
    return ROUTES.get(route, route)


def short(peer: str) -> str:
    """What a picture calls a peer."""
    return SHORT.get(peer, peer)


def named(place: Place) -> str:
    """The size and the clients of a place."""
    clients = "1 client" if place.clients == 1 else f"{place.clients} clients"
    return f"{place.processes} × {place.threads}, {clients}"


def rated(rate: float) -> str:
    """Requests per second."""
    return f"{rate:,.0f}" if rate >= HUNDRED else f"{rate:.1f}"


def millis(value: float) -> str:
    """Milliseconds, with as many digits as mean something."""
    return f"{value:.2f}" if value < TEN else f"{value:.1f}" if value < HUNDRED else f"{value:.0f}"


def micros(value: float) -> str:
    """Microseconds."""
    return f"{value:,.0f}"


def share(value: float) -> str:
    """A share of 1, in percent."""
    return f"{value * 100:.0f} %"


def counted(value: float) -> str:
    """A count per request; what was in flight at the edge of a slice is below its last digit."""
    return f"{value:.1f}"


def decimal(size: float) -> str:
    """Bytes of a disk."""
    return f"{size / 1e9:.1f} GB"


def times(ratio: Ratio) -> str:
    """A ratio with the lowest and the highest of the rounds, where there was more than one."""
    if ratio.low == ratio.high:
        return _factor(ratio.median)
    return f"{_factor(ratio.median)} ({_factor(ratio.low)}–{_factor(ratio.high)})"


def outcome(verdict: Verdict) -> str:
    """What was found of a target, and in how many rounds it was reached; empty where it was not measured."""
    if verdict.found is None:
        return ""
    return f"{times(verdict.found)}, {verdict.rounds}" if verdict.rounds else times(verdict.found)


def _factor(value: float) -> str:
    return f"{printed(value):.{2 if value < TEN else 1}f}"

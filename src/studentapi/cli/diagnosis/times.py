"""How far the server is, in milliseconds, and its clock from ours."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median
from typing import TYPE_CHECKING

from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.cli.diagnosis.server import Server

ROUND_TRIPS = 21
READINGS = 5
FAR = 0.010
"""Seconds of a round trip, of which every request waits for at least one."""
SLIGHTLY_WRONG = 1.0
WRONG = 60.0
"""Seconds between the clocks: tokens expire by ours, rows are stamped by the server's."""


def round_trip(server: Server) -> Iterator[Finding]:
    """The median of some `SELECT 1`."""
    times = []
    for _ in range(ROUND_TRIPS):
        begin = time.perf_counter()
        server.connection.fetch("SELECT 1")
        times.append(time.perf_counter() - begin)
    seconds = median(times)
    found = f"{seconds * 1000:.2f} ms, the median of {ROUND_TRIPS}"
    milliseconds = round(seconds * 1000, 3)
    if seconds > FAR:
        yield advice(
            "round trip", f"{found}: each statement of a request waits so long",
            "Run the service nearer to its database, or more STUDENTAPI_THREADS for the same load",
            milliseconds=milliseconds,
        )  # fmt: skip
    else:
        yield ok("round trip", found, milliseconds=milliseconds)


def clock(server: Server) -> Iterator[Finding]:
    """The server's UTC against ours: the reading with the shortest round trip, and half of that as its error."""
    readings = [_reading(server) for _ in range(READINGS)]
    error, offset = min(readings)
    # uncertain by so much, it is not said to be wrong for it
    apart = max(abs(offset) - error, 0.0)
    found = f"the server's is {_shown(offset)} ours (± {error * 1000:.1f} ms)"
    figures = {"offset_seconds": round(offset, 6), "error_seconds": round(error, 6)}
    change = "Let NTP keep both machines' clocks (timedatectl set-ntp true)"
    if apart > WRONG:
        yield problem("clock", f"{found}: tokens and due times are judged wrongly", change, **figures)
    elif apart > SLIGHTLY_WRONG:
        yield advice("clock", found, change, **figures)
    else:
        yield ok("clock", found, **figures)


def moments(server: Server) -> Iterator[Finding]:
    """Whether SYSDATE is when it is called: attempts are dated so, once their locks are held."""
    ((_, same),) = server.connection.fetch("SELECT SLEEP(0.002), SYSDATE(6) = NOW(6)").rows
    if same:
        yield problem(
            "moments", "SYSDATE is when its statement began: who waited for a lock is dated too early",
            "Take sysdate-is-now out of the server's configuration", sysdate_is_now=True,
        )  # fmt: skip
    else:
        yield ok("moments", "SYSDATE is when it is called", sysdate_is_now=False)


def _reading(server: Server) -> tuple[float, float]:
    """Half the round trip, and by how much the server's clock is ahead; in seconds."""
    wall, begin = datetime.now(UTC), time.perf_counter()
    ((there,),) = server.connection.fetch("SELECT UTC_TIMESTAMP(6)").rows
    half = (time.perf_counter() - begin) / 2
    return half, (there.replace(tzinfo=UTC) - wall).total_seconds() - half


def _shown(offset: float) -> str:
    amount = f"{abs(offset) * 1000:.1f} ms" if abs(offset) < 1 else f"{abs(offset):,.1f} s"
    return f"{amount} {'ahead of' if offset > 0 else 'behind'}"

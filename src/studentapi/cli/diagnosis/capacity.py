"""Whether the server has room for every connection of the service, and for its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from studentapi.cli.diagnosis.findings import Finding, advice, ok, problem
from studentapi.cli.diagnosis.server import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.cli.diagnosis.server import Server

BESIDE = 2
"""Connections of a process beside its threads', both for moments only: that of the thread which answers for the
waiting room, and the prober's, or one that ends a statement which was given up."""
REPLACED = 1
"""Instances that are started before the ones that they replace have stopped. uWSGI's own reload (SIGHUP) starts
its new workers after the old ones have ended, but the server may count their connections a moment longer."""
RESERVE = 10
"""Connections left to administrators in the number that is proposed."""
LARGEST_STATEMENT = 4 * 1024 * 1024
"""Bytes: a request body of at most 1 MiB, each of its bytes escaped by one more, with room; a load needs less."""
PROPOSED_PACKET = 64 * 1024 * 1024
"""Bytes, MySQL's own default."""
FEWER = "or lower STUDENTAPI_PROCESSES or STUDENTAPI_THREADS"


class Need(NamedTuple):
    """Connections of all instances: in the ordinary case, and while one is replaced."""

    steady: int
    peak: int

    @classmethod
    def of(cls, server: Server) -> Need:
        """By the settings and the number of instances."""
        one = server.settings.processes * (server.settings.threads + BESIDE)
        return cls(one * server.instances, one * (server.instances + REPLACED))


def connections(server: Server) -> Iterator[Finding]:
    """max_connections against what the service may open and what others have open now."""
    settings, need = server.settings, Need.of(server)
    limit, others = server.number("max_connections"), _of_others(server)
    found = (
        f"max_connections {limit}, {others} of them in use by others; this service: up to {need.steady} "
        f"({settings.processes} processes × ({settings.threads} threads + {BESIDE})"
        f" × {server.instances}), {need.peak} while an instance is replaced"
    )
    refused = _refused(server)
    if refused:
        found += f"; {refused} refused for want of one since the server's start"
    figures = {
        "max_connections": limit, "others": others, "steady": need.steady, "peak": need.peak, "refused": refused,
    }  # fmt: skip
    wanted = need.peak + others + RESERVE
    change = f"SET GLOBAL max_connections = {wanted}, and in the server's configuration, {FEWER}"
    if need.steady + others > limit:
        yield problem("connections", found, change, **figures)
    elif need.peak + others > limit:
        yield advice("connections", found, change, **figures)
    else:
        yield ok("connections", found, **figures)


def account_connections(server: Server) -> Iterator[Finding]:
    """max_user_connections, which limits the connections of our account alone."""
    need, limit = Need.of(server), server.number("max_user_connections")
    figures = {"max_user_connections": limit, "steady": need.steady, "peak": need.peak}
    if limit <= 0:  # below: nobody but an administrator comes in
        yield ok("account's connections", "not limited for this account", **figures)
        return
    found = f"{limit} for this account; needed: {need.steady}, {need.peak} while an instance is replaced"
    ((for_all,),) = server.connection.fetch("SELECT @@GLOBAL.max_user_connections").rows
    if limit == for_all:
        change = f"SET GLOBAL max_user_connections = {need.peak}, {FEWER}"
    else:
        change = f"ALTER USER {server.account} WITH MAX_USER_CONNECTIONS {need.peak}, {FEWER}"
    if need.steady > limit:
        yield problem("account's connections", found, change, **figures)
    elif need.peak > limit:
        yield advice("account's connections", found, change, **figures)
    else:
        yield ok("account's connections", found, **figures)


def packets(server: Server) -> Iterator[Finding]:
    """max_allowed_packet: a longer statement would cost its connection."""
    limit = server.number("max_allowed_packet")
    found = f"max_allowed_packet {limit / 2**20:g} MiB"
    if limit < LARGEST_STATEMENT:
        yield problem(
            "statement size", f"{found}: large requests and loads fail",
            f"SET GLOBAL max_allowed_packet = {PROPOSED_PACKET}, and in the server's configuration",
            max_allowed_packet=limit,
        )  # fmt: skip
    else:
        yield ok("statement size", found, max_allowed_packet=limit)


def _of_others(server: Server) -> int:
    """Connections that are not our account's: those may be the service itself, and we are one of them."""
    ours: int = sum(row[1] == server.address.user for row in server.connection.fetch("SHOW PROCESSLIST").rows)
    return max(server.counted("Threads_connected") - ours, 0)


def _refused(server: Server) -> int | None:
    try:
        return server.counted("Connection_errors_max_connections")
    except Unreadable:
        return None

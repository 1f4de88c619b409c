"""Whether a connection can be used once more: asked before each use, at a cost of well under a microsecond."""

from __future__ import annotations

import errno
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pymysql import err

    from studentapi.mysql.connection import Connection
    from studentapi.mysql.servers import Servers

PING_TIMEOUT = 2.0
"""Seconds for the round trip that an idle connection is checked with."""
SUSPECT_TIMEOUT = 0.5
"""Seconds for the same, where another thread has found its own connection dead."""


class Ending(NamedTuple):
    """Why a connection is at its end.

    `counter` names it in `observation.COUNTERS`; `suspicious`: others may have gone the same way.
    """

    cause: str
    counter: str
    error: err.Error | None = None
    suspicious: bool = False


def is_fresh(connection: Connection, servers: Servers, idle_check: float) -> bool:
    """Whether `ending` would find nothing, and need not ask the server for that: all that most uses take."""
    now = monotonic()
    return (
        connection.is_own()
        and now - connection.last_used <= idle_check
        and now - connection.opened <= connection.max_age
        and connection.generation == servers.generation
        and connection.is_quiet()
    )


def ending(connection: Connection, servers: Servers, idle_check: float) -> Ending | None:
    """Why `connection` has to be replaced, and is closed by now; None: it can be used.

    One that was idle for more than `idle_check` seconds is asked for a sign of life.
    """
    if not connection.is_own():
        return Ending("it is the parent process's", "forked")
    if not connection.is_quiet():
        return Ending("closed while idle", "closed_while_idle", connection.farewell())
    now = monotonic()
    generation = servers.generation
    suspect = connection.generation != generation
    if suspect and servers.was_left(connection):
        connection.close()
        return Ending("its server was left for another", "superseded")
    if now - connection.opened > connection.max_age and connection.leaves is None:
        connection.close()
        return Ending("its age", "aged")
    if suspect or now - connection.last_used > idle_check:
        if not connection.answers(SUSPECT_TIMEOUT if suspect else PING_TIMEOUT):
            return Ending("its link was dead", "dead_links", suspicious=not suspect)
        connection.generation = generation
    return None


def link_is_dead(error: err.Error) -> bool:
    """Whether nothing came back on a link until the kernel or the deadline gave it up: others may be the same."""
    cause = error.__cause__ or error.__context__
    unreachable = (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)
    return isinstance(cause, OSError) and (isinstance(cause, TimeoutError) or cause.errno in unreachable)

"""Ends in the server what was given up here, from a second connection.

MySQL would run a write on to its end, with its locks: only SELECT has a deadline of its own there. The whole
connection is ended, which runs nothing any more: no later statement can be hit instead.
"""

from __future__ import annotations

from contextlib import closing, suppress
from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err

from studentapi.mysql.connection import open_connection
from studentapi.mysql.deadlines import CLIENT_GRACE
from studentapi.mysql.errors import Consequence, consequence
from studentapi.mysql.servers import learn

if TYPE_CHECKING:
    from studentapi.mysql.connection import Connection


def end_in_server(lost: Connection) -> str | None:
    """End `lost`, which is closed here, in its server; as `command_of_ended`, None where it was not reached."""
    if lost.open or lost.address is None:
        return None
    with (
        suppress(err.Error),
        closing(
            open_connection(lost.address, connect_timeout=CLIENT_GRACE, statement_timeout=CLIENT_GRACE)
        ) as beside,
    ):
        beside.facts = learn(beside)
        return command_of_ended(lost, beside)
    return None


def are_of_one_server(one: Connection, other: Connection) -> bool:
    """Whether both connections go to the same server or cluster, as far as these say who they are."""
    return one.facts.identity is not None and one.facts.identity == other.facts.identity


def command_of_ended(lost: Connection, beside: Connection) -> str | None:
    """KILL `lost` by way of `beside`; what it was at, such as `Query` or `Sleep`. None where it was gone.

    Connections are numbered anew at a server's start, and on each node of a cluster: a number of another life may
    be another's by now.
    """
    if lost.facts.node is None or lost.facts.node != beside.facts.node:
        return None
    ((_, uptime),) = beside.fetch("SHOW GLOBAL STATUS LIKE 'Uptime'").rows
    if int(uptime) < monotonic() - lost.opened:
        return None
    try:
        found = beside.fetch(
            "SELECT command FROM information_schema.processlist WHERE id = %s", (lost.thread_id(),)
        ).rows
        if not found:
            return None
        beside.fetch(f"KILL {lost.thread_id()}")
    except err.Error as error:
        if consequence(error) is not Consequence.KEEP:
            raise
        return None  # 1094: gone already
    return str(found[0][0])

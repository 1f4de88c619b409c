"""A lost reply to COMMIT: the transaction is there whole, or not at all, and a marker row says which.

The transaction writes its marker, a random number, last before COMMIT. When the reply is lost, a second
connection has the server end the first one, and then writes the same marker itself. The key's lock makes this
wait until the first is over. If the marker is there already, the transaction was committed. If not, it is there
now, as this side's own, and whatever may still be under way can never be committed any more. Nothing is guessed,
and no clock is trusted.
"""

from __future__ import annotations

import os
import time
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.errors import CommitUnknown, NoConnection, code_of, is_duplicate
from studentapi.mysql.killing import are_of_one_server, command_of_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.connection import Connection

NAME = "commit_markers"
TABLE = f"""CREATE TABLE IF NOT EXISTS {NAME} (
    id BINARY(16) NOT NULL PRIMARY KEY,
    outcome ENUM('committed', 'undone') NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    KEY commit_markers_by_age (created_at)
) ENGINE = InnoDB"""
"""The table of the markers, and the statement by which the owner of the database makes it."""

KEPT = 1
"""Days that a marker is kept; it is needed for seconds."""
PURGED_AT_ONCE = 1000
PURGE_EVERY = 256
_PAUSE = 0.1
"""Seconds between two looks, where the first could not tell."""


class Markers:
    """The markers in `table`."""

    def __init__(self, table: str) -> None:
        self._insert = f"INSERT INTO {table} (id, outcome) VALUES (%s, %s)"
        self._select = f"SELECT outcome FROM {table} WHERE id = %s"
        self._purge = (
            f"DELETE FROM {table} WHERE created_at < CURRENT_TIMESTAMP - INTERVAL {KEPT} DAY"
            f" ORDER BY created_at LIMIT {PURGED_AT_ONCE}"
        )

    def write(self, connection: Connection) -> bytes:
        """Write a new marker in the transaction that is open, and return it."""
        marker = os.urandom(16)
        connection.fetch(self._insert, (marker, "committed"))
        return marker

    def purge_at_times(self, marker: bytes, connection: Connection) -> None:
        """Delete markers that nobody can need any more, after one in `PURGE_EVERY` transactions, by chance."""
        if int.from_bytes(marker[:2], "big") % PURGE_EVERY == 0 and connection.open:
            connection.fetch(self._purge)

    def settle(self, marker: bytes, lost: Connection, connect: Callable[[], Connection], deadline: float) -> bool:
        """Whether the transaction that wrote `marker` on `lost` was committed; afterwards it stays as it is.

        `connect` opens a connection, waiting for the server if need be, or raises `NoConnection`. Raises
        `CommitUnknown` when that or the `deadline` (of `time.monotonic`) leaves it open: another server that
        answers meanwhile can only tell of a marker that it has, not of one that the first may still hold.
        """
        last: err.Error | None = None
        while monotonic() < deadline:
            try:
                with closing(connect()) as beside:
                    committed = self._look(marker, lost, beside)
            except NoConnection as error:
                last = error
                break
            except err.Error as error:  # this connection was lost, too, or waited too long for the key
                last, committed = error, None
            if committed is not None:
                return committed
            time.sleep(_PAUSE)
        raise CommitUnknown(
            code_of(last) if last else CR.CR_SERVER_LOST,
            "The reply to COMMIT was lost: the transaction is whole, or not at all",
        ) from last

    def _look(self, marker: bytes, lost: Connection, beside: Connection) -> bool | None:
        """Whether the transaction was committed; None where this server cannot tell."""
        # "undone": an earlier attempt to settle wrote it, and lost its own reply
        outcome = beside.fetch(self._select, (marker,)).rows
        if outcome:
            return outcome == (("committed",),)
        if not (are_of_one_server(lost, beside) and beside.facts.writable):
            return None
        command_of_ended(lost, beside)
        try:
            beside.fetch(self._insert, (marker, "undone"))
        except err.Error as error:
            if not is_duplicate(error):
                raise
            return beside.fetch(self._select, (marker,)).rows == (("committed",),)
        return False

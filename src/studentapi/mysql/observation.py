"""What is counted and told: a counter for each thing that can befall a connection, a log line per replacement."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from studentapi.mysql.board import Board

if TYPE_CHECKING:
    from collections.abc import Iterator

    from studentapi.mysql.board import Row, Shown

log = logging.getLogger("studentapi.mysql")

COUNTERS = {
    "connections_opened": "Connections opened",
    "connects_failed": "Attempts to connect that failed, the prober's among them",
    "closed_while_idle": "Connections that the server had closed while they were idle, replaced before use",
    "dead_links": "Connections whose link was found dead by the bounded check, replaced before use",
    "aged": "Connections replaced for their age",
    "superseded": "Connections replaced because their server was left for another",
    "forked": "Connections of a parent process that a forked child left alone",
    "lost_in_statement": "Connections lost while a statement ran",
    "reads_repeated": "Reads that were run once more",
    "transactions_repeated": "Transactions that were run again as a whole",
    "contention": "Deadlocks, lock waits and failed certifications",
    "commits_found": "Lost replies to COMMIT, settled: the transaction is there",
    "commits_missing": "Lost replies to COMMIT, settled: the transaction is not there",
    "commits_unknown": "Lost replies to COMMIT that could not be settled",
    "outages": "Times that the database went away",
    "waits": "Calls that waited for a database that was away",
    "unavailable": "Calls that got no connection",
    "crowded_out": "Calls turned away because all but one thread were busy with the database",
    "servers_left": "Servers left because they took no writes or were not ready",
    "statements_timed_out": "Statements ended at their deadline",
    "ended_in_server": "Connections, lost or given up here, that were found in the server and ended there",
    "left_open": "Transactions that a request had left open, undone at its end",
    "sessions_lost": "Sessions lost together with a state that nobody had declared",
}
"""Name and meaning; each only grows while the service runs, summed over its processes."""


GAUGES = {
    "away": "Processes for which the database is away",
    "waiting": "Calls that wait for the database now",
}
"""Name and meaning; each goes up and down, summed over the processes that run."""


class Observation:
    """Counts and tells for one `Database`; `board` is shared by the processes that forked after it was made."""

    def __init__(self, board: Board | None = None) -> None:
        self._board = board or Board(1, 64, COUNTERS, GAUGES)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a number of `COUNTERS` or `GAUGES`."""
        self._board.count(name, by)

    def take_row(self) -> Row:
        """A line on the board for the current thread."""
        return self._board.take_row()

    def totals(self) -> dict[str, float]:
        """Every counter and gauge, over all processes."""
        return self._board.totals()

    def connections(self) -> Iterator[Shown]:
        """Every connection of every process."""
        return self._board.connections()

    def tell(self, event: str, **facts: Any) -> None:
        """Log a line; `facts` never hold a parameter, a row, or a secret."""
        log.warning(event, extra=facts)


def shared_board(processes: int, threads: int) -> Board:
    """A board for a service of so many processes and threads, with room for those that replace others."""
    return Board(processes + 2, threads + 4, COUNTERS, GAUGES)

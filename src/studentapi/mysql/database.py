"""What the rest of a project sees of MySQL: reads, transactions, and nothing of connections."""

from __future__ import annotations

import os
import random
import time
import weakref
from contextlib import contextmanager
from threading import local
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.address import Address
from studentapi.mysql.connector import Connector
from studentapi.mysql.errors import (
    CommitUnknown,
    Consequence,
    Crowded,
    DatabaseUnavailable,
    NoConnection,
    SessionLost,
    StatementTimeout,
    consequence,
)
from studentapi.mysql.observation import Observation
from studentapi.mysql.seats import Seats
from studentapi.mysql.servers import Servers
from studentapi.mysql.settlement import Markers
from studentapi.mysql.statements import nature
from studentapi.mysql.thread_connections import ThreadConnections
from studentapi.mysql.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from studentapi.mysql.answers import Result
    from studentapi.mysql.board import Board

T = TypeVar("T")
Rows = tuple[tuple[Any, ...], ...]

CHECK_TIMEOUT = 1.0
"""Seconds for a connect, and for a sign of life, where somebody asks whether the server is there."""
READ_REPEATS = 2
"""Times that a read is repeated on a fresh connection; a third loss in a row may be of its own making."""
LEAVE_PAUSE = (0.05, 0.25)
"""Seconds before a server that was not ready is looked for again."""
RUN_PAUSE = 0.01
"""Seconds before a transaction runs for the second time; doubled each time, with full jitter, up to a second."""
RUN_TIME = 10.0
"""Seconds, beyond the patience, that a transaction is run again where statements have no limit of their own."""


class Database:
    """The database of one app. Made once, before any fork; opens nothing until a thread asks for something.

    `url` as in `Address`; times in seconds: `connect_timeout` for a whole connect, `statement_timeout` for a
    statement (None: no limit), `patience` for how long a call waits for a database that is away,
    `max_age` of a connection (±10 %), `idle_check` after which a connection is asked before it is used.

    `markers` names the table (`settlement.TABLE`) by which a lost reply to COMMIT is settled; without one it is
    `CommitUnknown`. `at_once`: how many threads of a process may use the database at the same time, so that one
    is left for what needs none (None: all). `session`: statements that every connection begins with. `board`:
    where the processes of one service show each other their connections.
    """

    def __init__(
        self,
        url: str | Address,
        *,
        connect_timeout: float = 3.0,
        statement_timeout: float | None = 10.0,
        patience: float = 5.0,
        max_age: float = 3600.0,
        idle_check: float = 2.0,
        markers: str | None = None,
        at_once: int | None = None,
        session: Sequence[str] = (),
        board: Board | None = None,
    ) -> None:
        self.address = Address.parse(url) if isinstance(url, str) else url
        _ = self.address.ssl_context  # a file that is missing is told now, not by every request
        self.observation = Observation(board)
        self._patience = patience
        self._run_time = patience + (RUN_TIME if statement_timeout is None else statement_timeout)
        self._markers = None if markers is None else Markers(markers)
        self._at_once = at_once
        self._seats = Seats(at_once)
        self._thread = _Thread()
        servers = Servers(self.address, statement_timeout=statement_timeout, session=session)
        self._connector = Connector(servers, self.observation, connect_timeout=connect_timeout, patience=patience)
        self._connections = ThreadConnections(
            servers, self._connector, self.observation, max_age=max_age, idle_check=idle_check
        )
        _reset_after_fork(weakref.ref(self))

    def read(self, sql: str, params: Any = (), *, prepare: bool = False) -> Rows:
        """Rows of one statement that changes nothing: SELECT, SHOW, EXPLAIN (WITH may begin a DELETE).

        `prepare`: it is a SELECT asked often, whose parameters are compared with columns; see `prepared`.
        Run again when its connection is lost, or when the server gave it up for a deadlock. Raises
        `DatabaseUnavailable` when there is no connection to be had, `StatementTimeout` past the deadline,
        `SessionLost`, and PyMySQL's errors for the statement.
        """
        return self._read(sql, params, prepare=prepare).rows

    def records(self, sql: str, params: Any = ()) -> list[dict[str, Any]]:
        """As `read`, each row a dict by column name."""
        result = self._read(sql, params)
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def check(self) -> None:
        """Ask the server for a sign of life, and wait for one that is away no longer than `CHECK_TIMEOUT`.

        Raises `NoConnection`.
        """
        connection = self._connections.get(0.0, connect_within=CHECK_TIMEOUT)
        if not connection.answers(CHECK_TIMEOUT):
            self._connections.failed(err.OperationalError(CR.CR_SERVER_LOST, "No answer to a ping"), connection)
            raise NoConnection(CR.CR_SERVER_LOST, f"The server did not answer within {CHECK_TIMEOUT:g} s")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A block that is committed as a whole at its end, or undone by any exception that leaves it.

        A lost reply to COMMIT is looked into: where the transaction is not there, that is
        `DatabaseUnavailable`; where it cannot be known, `CommitUnknown`.
        """
        if self._thread.transaction is not None:
            raise RuntimeError("a transaction is open in this thread")
        seated = self._take_seat(self._patience_left())
        try:
            transaction = self._thread.transaction = self._begin()
            try:
                yield transaction
                self._commit(transaction)
            finally:
                self._thread.transaction = None
                transaction.rollback()
        finally:
            if seated:
                self._seats.leave()

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction, and again as a whole after a deadlock, a lock wait, or a lost connection.

        `work` must have no effect outside of its transaction. It is begun again until the patience and the
        statement timeout have passed together; then the last error is raised. `CommitUnknown` is never run again.
        """
        deadline = monotonic() + self._run_time
        pause = RUN_PAUSE
        while True:
            try:
                with self.transaction() as transaction:
                    result = work(transaction)
            except err.Error as error:
                if isinstance(error, _FINAL) or consequence(error) not in _AGAIN:
                    raise
                pause = min(2 * pause, 1.0)
                wait = random.uniform(0, pause)  # noqa: S311 - jitter, not a secret
                if monotonic() + wait > deadline:
                    raise
                self.observation.count("transactions_repeated")
                time.sleep(wait)
            else:
                return result

    def end_request(self) -> None:
        """Undo whatever the current thread has left open: no snapshot, lock or variable outlives a request."""
        thread = self._thread
        thread.committed = False
        transaction = thread.transaction
        if transaction is not None:
            thread.transaction = None
            self.observation.count("left_open")
            transaction.rollback()
        self._connections.end_request()

    @contextmanager
    def patient_since(self, since: float) -> Iterator[None]:
        """For a thread that is none of the `at_once`: count its patience from `since` (of `time.monotonic`)."""
        self._thread.until = since + self._patience
        try:
            yield
        finally:
            self._thread.until = None

    def close(self) -> None:
        """Close every connection of this process with COM_QUIT, for the end of a worker; it opens no other."""
        self._connections.close()

    @property
    def away(self) -> bool:
        """Whether the database is away, as far as this process knows."""
        return self._connector.away

    def reset(self) -> None:
        """Begin anew in a forked child, which has its parent's locks but not its threads."""
        self._seats = Seats(self._at_once)
        self._connector.reset()

    def _read(self, sql: str, params: Any, *, prepare: bool = False) -> Result:
        kind, thread = nature(sql), self._thread
        if not kind.reads:
            raise ValueError("read() takes a SELECT; writing is for transaction()")
        if thread.transaction is not None:
            raise RuntimeError("a transaction is open in this thread: read with it")
        patience = self._patience_left()
        seated = self._take_seat(patience)
        try:
            return self._fetch(sql, params, patience, kind.leaves, prepare=prepare)
        except err.Error as error:
            return self._read_again(error, sql, params, patience, kind.leaves)
        finally:
            if seated:
                self._seats.leave()

    def _read_again(self, error: err.Error, sql: str, params: Any, patience: float, leaves: str | None) -> Result:
        """Repeat a read that failed with `error`, where that is of use."""
        deadline, repeats = monotonic() + patience, 0
        while not isinstance(error, _FINAL) and consequence(error) in _AGAIN:
            if consequence(error) is Consequence.LEAVE_SERVER:
                if monotonic() > deadline:
                    break
                time.sleep(random.uniform(*LEAVE_PAUSE))  # noqa: S311 - jitter, not a secret
            elif repeats == READ_REPEATS:
                break
            repeats += 1
            self.observation.count("reads_repeated")
            try:
                return self._fetch(sql, params, patience, leaves)
            except err.Error as another:
                error = another
        raise error

    def _fetch(
        self, sql: str, params: Any, patience: float, leaves: str | None, *, prepare: bool = False
    ) -> Result:
        connection = self._connections.get(patience)
        if leaves is not None:
            connection.leaves = leaves
        try:
            return connection.fetch(sql, params, prepare=prepare)
        except err.Error as error:
            raise self._connections.failed(error, connection) from error

    def _begin(self) -> Transaction:
        for last in (False, True):
            connection = self._connections.get(self._patience_left(), writable=True)
            transaction = Transaction(connection, self._connections.failed, self._markers)
            try:
                transaction.begin()
            except err.Error as error:
                # Nothing has happened yet: a connection that turned out to be dead may be replaced once.
                lost = self._connections.failed(error, connection)
                if last or not isinstance(lost, DatabaseUnavailable):
                    raise lost from error
            else:
                return transaction
        raise AssertionError("unreachable")  # pragma: no cover

    def _commit(self, transaction: Transaction) -> None:
        """Commit, and settle it where the reply is lost."""
        try:
            transaction.commit()
        except CommitUnknown as unknown:
            if not self._is_committed(transaction, unknown):
                raise DatabaseUnavailable(
                    unknown.args[0], "The connection was lost before COMMIT took effect"
                ) from unknown
        self._thread.committed = True
        if transaction.markers is not None and transaction.marker is not None:
            try:
                transaction.markers.purge_at_times(transaction.marker, transaction.connection)
            except err.Error as error:  # the transaction is committed, and another one will try again
                self._connections.failed(error, transaction.connection)

    def _is_committed(self, transaction: Transaction, unknown: CommitUnknown) -> bool:
        if not transaction.wrote:
            return True  # whether it was or not makes no difference
        if transaction.markers is None or transaction.marker is None:
            self.observation.count("commits_unknown")
            raise unknown
        try:
            found = transaction.markers.settle(
                transaction.marker,
                transaction.connection,
                lambda: self._connector.connect_beside(monotonic() + self._patience),
                monotonic() + self._run_time,
            )
        except Exception as error:
            self.observation.count("commits_unknown")
            if isinstance(error, CommitUnknown):
                raise
            raise CommitUnknown(*unknown.args) from error
        self.observation.count("commits_found" if found else "commits_missing")
        return found

    def _patience_left(self) -> float:
        until = self._thread.until
        return self._patience if until is None else max(until - monotonic(), 0.0)

    def _take_seat(self, patience: float) -> bool:
        """Take one of the seats; whether there is one to give back. Raises `Crowded` where there is none soon."""
        if self._at_once is None:
            return False
        thread = self._thread
        if thread.until is not None:
            return False  # it has left its place to another already
        # What was committed stays: a request that gets no seat now must not be begun again from its start.
        if not self._seats.take(patience if thread.committed else None):
            self.observation.count("crowded_out")
            crowded = NoConnection if thread.committed else Crowded
            raise crowded(CR.CR_CONN_HOST_ERROR, "All but one thread of this process are busy with the database")
        return True


class _Thread(local):
    """What is one thread's own: its transaction, whether its request has committed anything, its patience."""

    transaction: Transaction | None = None
    committed = False
    until: float | None = None


_AGAIN = frozenset({Consequence.RUN_AGAIN, Consequence.DISCARD, Consequence.LEAVE_SERVER})
"""What a read, and a transaction that did not reach COMMIT, may be repeated after,"""
_FINAL = (CommitUnknown, NoConnection, SessionLost, StatementTimeout)
"""unless it was waited for already, or must not be repeated."""


def _reset_after_fork(database: weakref.ref[Database]) -> None:
    def reset() -> None:
        known = database()
        if known is not None:
            known.reset()

    os.register_at_fork(after_in_child=reset)

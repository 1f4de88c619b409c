"""What the rest of a project sees of MySQL: reads, transactions, and nothing of connections.

DBUtils' `PersistentDB` maps each thread to its own connection. Its own replay of statements is never used: a
connection is taken out of its wrapper, so that only a declared read can run twice, and it does so here.
"""

from __future__ import annotations

import random
import threading
import time
import weakref
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import pymysql
from dbutils.persistent_db import PersistentDB
from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.address import Address
from studentapi.mysql.connection import Connection, Result, open_connection
from studentapi.mysql.errors import (
    CommitUnknown,
    Consequence,
    DatabaseUnavailable,
    NoConnection,
    StatementTimeout,
    consequence,
)
from studentapi.mysql.transaction import Transaction, translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
Rows = tuple[tuple[Any, ...], ...]

_READING = frozenset({"SELE", "SHOW", "EXPL"})
"""What a statement that changes nothing begins with."""
PING_TIMEOUT = 2.0
"""Seconds for the round trip that an idle connection is checked with."""
CONNECT_PAUSE = (0.05, 0.25)
"""Seconds between two attempts to reach a database that is away: a random pause, for all not to come at once."""
SHORTEST_CONNECT = 0.1
"""Seconds that a connect is given even where the patience is at its end."""
RUN_PAUSE = 0.01
"""Seconds before a transaction runs for the second time; doubled each time, with full jitter, up to a second."""
AGE_JITTER = 0.1
"""Share of the maximum age by which connections differ, so that they are not all replaced at once."""


class Database:
    """The database of one app. Made once, before any fork; opens nothing until a thread asks for something.

    `url` as in `Address`; times in seconds: `connect_timeout` for a whole connect, `statement_timeout` for a
    statement (None: no limit), `patience` for how long a call waits for a database that is away,
    `max_age` of a connection (±10 %), `idle_check` after which a connection is asked before it is used.
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
    ) -> None:
        self.address = Address.parse(url) if isinstance(url, str) else url
        _ = self.address.ssl_context  # a file that is missing is told now, not by every request
        self._patience = patience
        self._statement_timeout = statement_timeout
        self._max_age = max_age
        self._idle_check = idle_check
        self._connect_timeout = connect_timeout
        self._open: dict[int, weakref.ref[Connection]] = {}
        self._thread = _Thread()
        self._persistent = PersistentDB(
            _Opener(self._new_connection),
            ping=(1, self._is_usable),
            # DBUtils' own thread-local never lets go of the threads that Python did not start, uWSGI's.
            threadlocal=threading.local,
            failures=(err.OperationalError, err.InterfaceError, err.InternalError),
            isfatal=_never,
        )

    def read(self, sql: str, params: Any = ()) -> Rows:
        """Rows of one statement that changes nothing: SELECT, SHOW, EXPLAIN (WITH may begin a DELETE).

        Run once more, on a fresh connection, when its connection is lost. Raises `DatabaseUnavailable` when
        there is none to be had, `StatementTimeout` past the deadline, and PyMySQL's errors for the statement.
        """
        return self._read(sql, params, self._patience).rows

    def records(self, sql: str, params: Any = ()) -> list[dict[str, Any]]:
        """As `read`, each row a dict by column name."""
        result = self._read(sql, params, self._patience)
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def check(self) -> None:
        """Ask the server for a sign of life, without waiting for one that is away; raises as `read` does."""
        self._read("SELECT 1", (), 0.0)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A block that is committed as a whole at its end, or undone by any exception that leaves it.

        Raises `CommitUnknown` when the reply to COMMIT is lost.
        """
        if self._thread.transaction is not None:
            raise RuntimeError("a transaction is open in this thread")
        transaction = self._thread.transaction = self._begin()
        try:
            yield transaction
            transaction.commit()
        finally:
            self._thread.transaction = None
            transaction.rollback()

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction, and again as a whole after a deadlock, a lock wait, or a lost connection.

        `work` must have no effect outside of its transaction. It is begun again until the statement timeout
        and the patience have passed together; then the last error is raised. Never again once COMMIT was
        sent and its reply lost: that is `CommitUnknown`.
        """
        deadline = monotonic() + self._patience + (self._statement_timeout or 0.0)
        pause = RUN_PAUSE
        while True:
            try:
                with self.transaction() as transaction:
                    return work(transaction)
            except (CommitUnknown, NoConnection, StatementTimeout):
                raise
            except err.Error as error:
                if consequence(error) not in (
                    Consequence.RUN_AGAIN,
                    Consequence.DISCARD,
                    Consequence.LEAVE_SERVER,
                ):
                    raise
                pause = min(2 * pause, 1.0)
                wait = random.uniform(0, pause)  # noqa: S311 - jitter, not a secret
                if monotonic() + wait > deadline:
                    raise
                time.sleep(wait)

    def end_request(self) -> None:
        """Undo whatever transaction the current thread has left open: no snapshot or lock outlives a request."""
        transaction = self._thread.transaction
        if transaction is not None:
            self._thread.transaction = None
            transaction.rollback()

    def close(self) -> None:
        """Close every connection of this process with COM_QUIT; for the end of a worker."""
        for reference in list(self._open.values()):
            connection = reference()
            if connection is not None and connection.open:
                connection.close()
        self._open.clear()

    def _read(self, sql: str, params: Any, patience: float) -> Result:
        if sql.lstrip(" \n(")[:4].upper() not in _READING:
            raise ValueError("read() takes a SELECT; writing is for transaction()")
        if self._thread.transaction is not None:
            raise RuntimeError("a transaction is open in this thread: read with it")
        try:
            return self._fetch(sql, params, patience)
        except NoConnection:
            raise  # it was waited for already
        except DatabaseUnavailable:
            pass  # lost while it ran
        return self._fetch(sql, params, patience)

    def _fetch(self, sql: str, params: Any, patience: float) -> Result:
        connection = self._connection(patience)
        try:
            return connection.fetch(sql, params)
        except err.Error as error:
            raise translated(error, connection) from error

    def _begin(self) -> Transaction:
        for last in (False, True):
            connection = self._connection(self._patience)
            transaction = Transaction(connection)
            try:
                transaction.begin()
            except err.Error as error:
                # Nothing has happened yet: a connection that turned out to be dead may be replaced once.
                lost = translated(error, connection)
                if last or not isinstance(lost, DatabaseUnavailable):
                    raise lost from error
            else:
                return transaction
        raise AssertionError("unreachable")  # pragma: no cover

    def _connection(self, patience: float) -> Connection:
        """Return this thread's connection, alive as far as can be told; waits for a database that is away."""
        thread = self._thread
        # for _new_connection, which DBUtils calls, if need be: it starts the clock
        thread.patience, thread.give_up = patience, None
        while True:
            try:
                connection: Connection = self._persistent.connection().dbapi_connection
                if connection.open:
                    return connection
                # DBUtils tried to reconnect, failed, and said nothing: what it met is kept by _new_connection.
                error, thread.connect_error = thread.connect_error, None
                raise error or NoConnection(CR.CR_SERVER_LOST, "The connection was lost while it was checked")
            except err.OperationalError as error:
                pause = random.uniform(*CONNECT_PAUSE)  # noqa: S311 - jitter, not a secret
                if consequence(error) is Consequence.REFUSED or monotonic() + pause > (thread.give_up or 0.0):
                    raise NoConnection(*error.args) from error
                time.sleep(pause)

    def _new_connection(self) -> Connection:
        thread = self._thread
        now = monotonic()
        if thread.give_up is None:
            thread.give_up = now + thread.patience
        # A silent host would take each connect to its own timeout: the patience ends them as well.
        left = thread.give_up - now if thread.patience else self._connect_timeout
        try:
            connection = open_connection(
                self.address,
                connect_timeout=max(min(self._connect_timeout, left), SHORTEST_CONNECT),
                statement_timeout=self._statement_timeout,
            )
        except Exception as error:
            thread.connect_error = error
            raise
        connection.max_age = self._max_age * random.uniform(1 - AGE_JITTER, 1 + AGE_JITTER)  # noqa: S311
        key = id(connection)
        self._open[key] = weakref.ref(connection, lambda _: self._open.pop(key, None))
        return connection

    def _is_usable(self, connection: Connection) -> bool:
        """DBUtils asks this before it hands out a connection; False makes it open another.

        The whole check costs under a microsecond, unless the connection was idle for long.
        """
        if not connection.is_own() or not connection.is_quiet():
            connection.discard()
            return False
        now = monotonic()
        if now - connection.opened > connection.max_age:
            connection.close()
            return False
        return now - connection.last_used <= self._idle_check or connection.answers(PING_TIMEOUT)


class _Thread(threading.local):
    """What is one thread's own: its open transaction, and how its wait for a connection goes."""

    transaction: Transaction | None = None
    patience = 0.0
    give_up: float | None = None
    connect_error: Exception | None = None


class _Opener:
    """What DBUtils takes for a DB-API module: it asks a creator for its `dbapi` and `threadsafety`."""

    dbapi = pymysql
    threadsafety = pymysql.threadsafety

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect

    def __call__(self) -> Connection:
        return self._connect()


def _never(_: BaseException) -> bool:
    """No error lets DBUtils repeat a statement by itself."""
    return False

"""Each thread's own connection, kept by DBUtils' `PersistentDB`, looked at before use and replaced in time.

DBUtils' own replay of statements is never used: a connection is taken out of its wrapper, so that what is safe to
repeat is repeated by `Database`, which knows.
"""

from __future__ import annotations

import os
import random
import threading
import time
import weakref
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

import pymysql
from dbutils.persistent_db import PersistentDB
from pymysql import err
from pymysql.constants import CR

from studentapi.mysql import board
from studentapi.mysql.errors import (
    Consequence,
    DatabaseUnavailable,
    SessionLost,
    StatementTimeout,
    code_of,
    consequence,
)
from studentapi.mysql.killing import command_of_ended, end_in_server
from studentapi.mysql.liveness import Ending, ending, is_fresh, link_is_dead
from studentapi.mysql.servers import READ_ONLY_AGE
from studentapi.mysql.tally import this_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.board import Row
    from studentapi.mysql.connection import Connection
    from studentapi.mysql.connector import Connector
    from studentapi.mysql.observation import Observation
    from studentapi.mysql.servers import Servers

AGE_JITTER = 0.1
"""Share of the maximum age by which connections differ, so that they are not all replaced at once."""

CLOSING_TIMEOUT = 1.0
"""Seconds that the end of a process waits for connections that other threads are closing."""


class ThreadConnections:
    """The connections of one process, one for each thread that asks; `max_age` and `idle_check` in seconds."""

    def __init__(
        self,
        servers: Servers,
        connector: Connector,
        observation: Observation,
        *,
        max_age: float,
        idle_check: float,
    ) -> None:
        self._servers = servers
        self._connector = connector
        self._observation = observation
        self._max_age = max_age
        self._idle_check = idle_check
        self._closed = False
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

    def get(self, patience: float, *, writable: bool = False, connect_within: float | None = None) -> Connection:
        """The current thread's connection, alive as far as can be told; waits up to `patience` seconds for one.

        Without patience, a connect takes up to `connect_within` seconds, or the connect timeout.

        Raises `NoConnection`, and `SessionLost` where a session was replaced that had a state of its own.
        """
        thread = self._thread
        connection = thread.connection
        if (
            connection is not None
            and thread.lost_state is None
            and (connection.facts.writable or not writable)
            and is_fresh(connection, self._servers, self._idle_check)
        ):
            return connection  # DBUtils' wrapper has the same, and would do no more than ask us for it
        thread.patience, thread.give_up = patience, None
        thread.connect_within = self._connector.timeout if connect_within is None else connect_within
        started, before = monotonic(), this_thread.tally.seconds
        try:
            return self._usable(started, writable=writable)
        finally:
            # whatever was sent meanwhile is part of it
            this_thread.tally.seconds = before + monotonic() - started

    def _usable(self, started: float, *, writable: bool) -> Connection:
        thread = self._thread
        while True:
            try:
                connection: Connection = self._persistent.connection().dbapi_connection
                if not connection.open:
                    # DBUtils tried to reconnect, failed, and said nothing; _new_connection has kept the error.
                    error, thread.connect_error = thread.connect_error, None
                    raise error or err.OperationalError(CR.CR_SERVER_LOST, "Lost connection while it was checked")
            except err.OperationalError as error:
                if self._closed:
                    raise
                self._connector.wait(self._give_up(), error)
                continue
            if thread.lost_state is not None:
                state, thread.lost_state = thread.lost_state, None
                self._observation.count("sessions_lost")
                raise SessionLost(CR.CR_SERVER_LOST, f"The session was lost, and with it: {state}")
            if connection.facts.writable or not writable:
                return connection
            self._connector.wait_for_writable(self._give_up(), looked=connection.opened >= started)
            connection.close()
            self._note(connection, Ending("its server takes no writes", "superseded"))

    def failed(self, error: err.Error, connection: Connection) -> err.Error:
        """The error to raise for `error`, with the server's code kept; a connection that is over is closed."""
        if isinstance(error, StatementTimeout):
            self._note(connection, Ending("past a deadline", "statements_timed_out", error, suspicious=True))
            if end_in_server(connection) is not None:
                self._observation.count("ended_in_server")
            return error
        match consequence(error):
            case Consequence.DISCARD:
                dead = link_is_dead(error)
                self._note(connection, Ending("lost in a statement", "lost_in_statement", error, suspicious=dead))
                # the server does not know that the link is dead, and holds its locks
                found = end_in_server(connection) if dead else None
                if found is not None:
                    self._observation.count("ended_in_server")
                if found == "Query":  # not the link: a statement that the server's own deadline did not end
                    self._observation.count("statements_timed_out")
                    return StatementTimeout(*error.args)
                # PyMySQL gives no code where it lost its place
                code = code_of(error) or CR.CR_COMMANDS_OUT_OF_SYNC
                return DatabaseUnavailable(code, str(error.args[-1] if error.args else error))
            case Consequence.LEAVE_SERVER:
                self._servers.leave(connection)
                self._note(connection, Ending("its server takes no writes now", "servers_left", error))
                return DatabaseUnavailable(*error.args)
            case Consequence.GIVE_UP:
                connection.close()
                self._note(connection, Ending("a statement that was too large", "lost_in_statement", error))
            case Consequence.TIMED_OUT:
                self._observation.count("statements_timed_out")
                return StatementTimeout(*error.args)
            case Consequence.RUN_AGAIN:
                self._observation.count("contention")
        return error

    def end_request(self) -> None:
        """Let nothing of this thread's session go on into its next request."""
        connection = self._thread.connection
        if connection is not None and connection.leaves is not None and connection.open:
            connection.leaves = None
            self._thread.cause = "it had a state of its own at the end of a request"
            connection.close()
        self._thread.lost_state = None

    def close(self) -> None:
        """Close every connection of this process with COM_QUIT; no other is opened."""
        self._closed = True
        self._connector.close()
        found = [reference() for reference in list(self._open.values())]
        left = [connection for connection in found if connection is not None and connection.open]
        for connection in left:
            with suppress(err.Error):  # its thread has just ended, and is closing it
                connection.close()
        # Such a COM_QUIT is still on its way, and the process about to end.
        until = monotonic() + CLOSING_TIMEOUT
        while any(connection.open for connection in left) and monotonic() < until:
            time.sleep(0.001)
        self._open.clear()

    def _is_usable(self, connection: Connection) -> bool:
        """DBUtils asks this before it hands out a connection; False makes it open another."""
        if not connection.open and connection.is_own():  # its end was noted when it came
            return False
        end = ending(connection, self._servers, self._idle_check)
        if end is None:
            return True
        self._note(connection, end)
        return False

    def _note(self, connection: Connection, end: Ending) -> None:
        """Close a connection that is at its end, count it, and keep the cause for the log."""
        connection.discard()
        self._observation.count(end.counter)
        if end.suspicious:
            self._servers.turn(connection)
        thread, error = self._thread, end.error
        thread.lost = end.counter not in ("aged", "superseded", "forked")
        thread.cause = end.cause
        if error is not None and error.args:
            thread.cause += f" ({code_of(error)}: {error.args[-1]})"
        if connection.leaves is not None:
            thread.lost_state, connection.leaves = connection.leaves, None
        if thread.row is not None and thread.row.process == os.getpid():
            thread.row.numbers[board.OPENED] = 0.0  # not shown while there is none
            thread.row.write(last_error=thread.cause)

    def _give_up(self) -> float:
        """When the current thread's patience ends."""
        thread = self._thread
        if thread.give_up is None:
            thread.give_up = monotonic() + thread.patience
        return thread.give_up

    def _new_connection(self) -> Connection:
        """Open a connection for the current thread; DBUtils calls this."""
        if self._closed:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This Database was closed")
        thread = self._thread
        started = monotonic()
        try:
            until = self._give_up() if thread.patience else started + thread.connect_within
            connection = self._connector.connect(until)
            age = self._max_age * random.uniform(1 - AGE_JITTER, 1 + AGE_JITTER)  # noqa: S311 - no secret
            connection.max_age = age if connection.facts.writable else min(age, READ_ONLY_AGE)
            key = id(connection)
            self._open[key] = weakref.ref(connection, lambda _: self._open.pop(key, None))
            self._show(connection, monotonic() - started)
        except Exception as error:
            thread.connect_error = error  # DBUtils may swallow it
            raise
        return connection

    def _show(self, connection: Connection, seconds: float) -> None:
        """Put a thread's new connection on the board, and into the log unless it is the thread's first."""
        thread = self._thread
        name = threading.current_thread().name
        row, previous = thread.row, thread.connection
        if previous is not None and previous.is_own() and thread.lost:
            # A link that was cut between is news to the server: its half would stay there, with its locks.
            thread.lost = False
            if command_of_ended(previous, connection) is not None:
                self._observation.count("ended_in_server")
        if row is None or row.process != os.getpid():
            row = thread.row = self._observation.take_row()
        if previous is not None:
            row.numbers[board.RECONNECTS] += 1
            self._observation.tell(
                "reconnected",
                cause=thread.cause,
                thread_name=name,
                server=connection.server,
                connection_id=connection.thread_id(),
                previous_connection_id=previous.thread_id(),
                seconds=round(seconds, 4),
            )
        row.write(thread=name, server=connection.server, version=connection.server_version)
        row.numbers[board.CONNECTION_ID] = connection.thread_id()
        row.numbers[board.WRITABLE] = connection.facts.writable
        row.numbers[board.USES] = 0
        row.numbers[board.LAST_USED] = row.numbers[board.OPENED] = connection.opened
        connection.shown = row.numbers
        thread.connection = connection
        self._observation.count("connections_opened")


class _Thread(threading.local):
    """What is one thread's own."""

    connection: Connection | None = None
    row: Row | None = None
    cause = ""
    lost = False
    lost_state: str | None = None
    # how its wait for a connection goes
    patience = connect_within = 0.0
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

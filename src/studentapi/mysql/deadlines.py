"""PyMySQL's connection with one deadline over all that a statement reads and writes.

PyMySQL bounds each read from the socket and each write to it: a server that sends a byte a second holds it on.
The private methods that this overrides are those of PyMySQL 1.2 (pyproject.toml pins it).
"""

from __future__ import annotations

import errno
import os
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import pymysql.connections
from pymysql import err
from pymysql.constants import COMMAND, CR

from studentapi.mysql.errors import DatabaseUnavailable, StatementTimeout
from studentapi.mysql.sockets import remaining

if TYPE_CHECKING:
    import socket

# The type stubs leave out the private methods that this class is made of.
Base: Any = pymysql.connections.Connection

CLIENT_GRACE = 1.0
"""Seconds past a statement's deadline that the server is given to end it, before the client gives it up."""
TIMER_SLACK = 0.25
"""Seconds by which a socket's timeout may exceed what is left of a deadline: setting it is a system call."""


class TimedConnection(Base):  # type: ignore[misc]
    """Takes what PyMySQL's takes, and `statement_timeout`: seconds for each statement.

    None: PyMySQL's `read_timeout`, for a whole statement too. It does not connect by itself.
    """

    # PyMySQL's own attributes that its type stubs leave out
    _sock: socket.socket | None
    _rfile: Any
    _current_timeout: float | None
    _read_timeout: float | None
    _write_timeout: float | None

    def __init__(self, *, statement_timeout: float | None, **options: Any) -> None:
        self.process = os.getpid()
        self._deadline = inf
        self._connecting = False
        self._statement_timeout = statement_timeout
        super().__init__(defer_connect=True, **options)
        self._budget = self._read_timeout if statement_timeout is None else statement_timeout + CLIENT_GRACE
        self._given = self._budget
        self._write_limit = self._write_timeout
        # whether the server ends the present statement by itself, and which it does: MySQL SELECT alone
        self._server_ends = False
        self._ended_by_server: Literal["none", "reads", "all"] = "none"

    def is_own(self) -> bool:
        """Whether this process opened it; a forked child must not touch its parent's."""
        return self.process == os.getpid()

    def _start_clock(self, command: int, sql: str | bytes, now: float) -> None:
        """Begin a command's deadline."""
        budget, ended = self._budget, self._ended_by_server
        if ended != "none" and command == COMMAND.COM_QUERY:
            self._server_ends = ended == "all" or _is_bounded(sql)
            if not self._server_ends:
                budget = self._statement_timeout  # nobody but us ends it: no grace for a server that will not
        else:
            self._server_ends = False
        self._given = budget
        self._deadline = inf if budget is None else now + budget
        if self._current_timeout != budget:
            self._limit(budget)

    def _read_bytes(self, num_bytes: int) -> bytes:
        """Exactly `num_bytes`, or an error: as PyMySQL's, under a deadline that a trickle does not extend."""
        try:
            data = self._read_some(num_bytes)
            if len(data) < num_bytes:
                pieces, missing = [data], num_bytes - len(data)
                while missing:
                    pieces.append(self._read_some(missing))
                    missing -= len(pieces[-1])
                data = b"".join(pieces)
        except OSError as error:
            self._force_close()
            raise self._too_late(error) from error
        except BaseException:
            self._force_close()
            raise
        return data

    def _too_late(self, error: OSError) -> err.OperationalError:
        """What to raise for an error of the socket: passing the deadline is none of the link's.

        Unless the server should have ended the statement before: then nothing of it gets through any more.
        """
        late = isinstance(error, TimeoutError) and error.errno is None and not self._connecting
        if late and not self._server_ends:
            return StatementTimeout(
                CR.CR_SERVER_LOST, f"No answer within {self._given:g} s; the connection was given up"
            )
        return err.OperationalError(CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({error})")

    def _read_query_result(self, unbuffered: bool = False) -> int:
        """As PyMySQL; what is read later, at leisure, is bounded by each read, or each further result."""
        if self._deadline == inf and self._given is not None:
            self._deadline = monotonic() + self._given
        affected: int = super()._read_query_result(unbuffered)
        if (unbuffered or self._result.has_next) and not self._connecting:
            self._deadline = inf
            if self._sock is not None:
                self._limit(self._given)
        return affected

    def _read_some(self, most: int) -> bytes:
        """What is in the buffer, or else what one recv brings."""
        if self._deadline != inf:
            left = remaining(self._deadline)
            if self._current_timeout is None or left + TIMER_SLACK < self._current_timeout or self._connecting:
                self._limit(left)
        elif not self.is_own():
            # An unbuffered result that dies in a forked child would read on, and take its parent's rows.
            raise DatabaseUnavailable(CR.CR_SERVER_LOST, "This connection belongs to the process that opened it")
        data: bytes = self._rfile.read1(most)
        if not data and most:
            raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
        return data

    def _write_bytes(self, data: bytes) -> None:
        if self._deadline != inf:
            try:
                left = remaining(self._deadline)
            except TimeoutError as error:
                self._force_close()
                raise self._too_late(error) from error
            if self._connecting or self._current_timeout is None or left + TIMER_SLACK < self._current_timeout:
                self._limit(left)
        super()._write_bytes(data)

    def _limit(self, seconds: float | None) -> None:
        """Set the socket's timeout; PyMySQL resets it wherever these attributes differ."""
        self._socket().settimeout(seconds)
        self._current_timeout = self._read_timeout = self._write_timeout = seconds
        if self._write_limit is not None and (seconds is None or seconds > self._write_limit):
            self._write_timeout = self._write_limit

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        return self._sock


def _is_bounded(sql: str | bytes) -> bool:
    """Whether MySQL answers it in time: SELECT, which it ends itself, and what takes no time."""
    start = sql[:64].lstrip()[:6].upper()
    return start in (b"SELECT", b"BEGIN", b"ROLLBA", "SELECT", "BEGIN", "ROLLBA")

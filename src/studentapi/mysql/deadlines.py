"""PyMySQL's connection with one deadline over all that a statement reads and writes.

PyMySQL bounds each read from the socket and each write to it: a server that sends a byte a second holds it on.
The private methods that this overrides are those of PyMySQL 1.2 (pyproject.toml pins it).

A socket that Python gives a timeout to is asked whether it is ready before each read and each write, which is a
second system call and, worse, lets go of the interpreter a second time. Once it is connected, the kernel keeps
time instead (SO_RCVTIMEO), except under TLS, where Python would ignore that, and in a main thread. Either is but
a timer that wakes us: whether time is up is told by the deadline.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import threading
from math import inf
from struct import Struct
from time import monotonic
from typing import Any, Literal

import pymysql.connections
from pymysql import err
from pymysql.constants import COMMAND, CR

from studentapi.mysql.answers import CHUNK
from studentapi.mysql.errors import DatabaseUnavailable, StatementTimeout
from studentapi.mysql.sockets import remaining

# The type stubs leave out the private methods that this class is made of.
Base: Any = pymysql.connections.Connection

CLIENT_GRACE = 1.0
"""Seconds past a statement's deadline that the server is given to end it, before the client gives it up."""
TIMER_SLACK = 0.25
"""Seconds by which a socket's timer may exceed what is left of a deadline: setting it is a system call."""

_TIMEVAL = Struct("@ll")


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
        # what has been received and not been read
        self._ahead = b""
        self._timer: float | None = None
        self._timer_of_kernel = False
        super().__init__(defer_connect=True, **options)
        self._budget = self._read_timeout if statement_timeout is None else statement_timeout + CLIENT_GRACE
        self._given = self._budget
        self._write_limit = self._write_timeout
        # PyMySQL sets the socket's timeout wherever these differ; from here on that is done by `_set_timer`
        self._read_timeout = self._write_timeout = self._current_timeout = None
        # whether the server ends the present statement by itself, and which it does: MySQL SELECT alone
        self._server_ends = False
        self._ended_by_server: Literal["none", "reads", "all"] = "none"

    def is_own(self) -> bool:
        """Whether this process opened it; a forked child must not touch its parent's."""
        return self.process == os.getpid()

    def receive(self, most: int) -> bytes:
        """The next bytes from the server, at least one; raises `OperationalError`, after which it is closed."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        deadline, timer = self._deadline, self._timer
        try:
            if deadline == inf:
                self._refuse_to_child()
            sock, left = self._sock or self._socket(), deadline - monotonic()
            # `_wind_timer` asks the same; a call is what this saves
            if timer is None or left <= 0 or left + TIMER_SLACK < timer or self._connecting:
                self._wind_timer(deadline)
            while True:
                try:
                    data = sock.recv(most)
                except OSError as error:
                    self._go_on_after(error, deadline)
                else:
                    if data:
                        return data
                    raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
        except OSError as error:
            self._force_close()
            raise self._too_late(error) from error
        except BaseException:
            self._force_close()
            raise

    def _refuse_to_child(self) -> None:
        """For a forked child, where an unbuffered result that dies would read on, and take its parent's rows."""
        if not self.is_own():
            raise DatabaseUnavailable(CR.CR_SERVER_LOST, "This connection belongs to the process that opened it")

    def _let_kernel_time(self) -> None:
        """From now on it is the kernel's timer, where that is possible.

        Not in a main thread, which is the one that signals interrupt: Python would wait anew after each.
        """
        sock = self._socket()
        if not isinstance(sock, ssl.SSLSocket) and threading.current_thread() is not threading.main_thread():
            sock.settimeout(None)
            self._timer, self._timer_of_kernel = None, True

    def _start_clock(self, command: int, sql: str | bytes, now: float) -> None:
        """Begin a command's deadline."""
        budget, ended = self._budget, self._ended_by_server
        if ended != "none" and command in (COMMAND.COM_QUERY, COMMAND.COM_STMT_EXECUTE):
            self._server_ends = ended == "all" or _is_bounded(sql)
            if not self._server_ends:
                budget = self._statement_timeout  # nobody but us ends it: no grace for a server that will not
        else:
            self._server_ends = False
        self._given = budget
        if budget is not None:
            self._deadline = now + budget
        else:
            self._deadline = inf
            if self._timer is not None:
                self._set_timer(None)

    def _read_bytes(self, num_bytes: int) -> bytes:
        """Exactly `num_bytes`, or an error: as PyMySQL's, under a deadline that a trickle does not extend."""
        data, self._ahead = self._ahead, b""
        try:
            if len(data) < num_bytes:
                pieces, missing = [data], num_bytes - len(data)
                while missing > 0:
                    # what follows a part of the handshake may be under TLS, and is not for us to take
                    pieces.append(self.receive(missing if self._connecting else max(missing, CHUNK)))
                    missing -= len(pieces[-1])
                data = b"".join(pieces)
        except BaseException:
            self._force_close()  # interrupted in the middle of an answer
            raise
        self._ahead = data[num_bytes:]
        return data[:num_bytes]

    def _too_late(self, error: OSError) -> err.OperationalError:
        """What to raise for an error of the socket: passing the deadline is none of the link's.

        Unless the server should have ended the statement before: then nothing of it gets through any more.
        """
        if _is_timer(error) and not self._connecting and not self._server_ends:
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
                self._set_timer(self._given)
        return affected

    def _write_bytes(self, data: bytes | memoryview) -> None:
        """Send all of it, within the deadline and PyMySQL's `write_timeout`."""
        sock, until = self._sock or self._socket(), self._deadline
        if self._write_limit is not None:
            until = min(until, monotonic() + self._write_limit)
        try:
            while True:
                self._wind_timer(until)
                try:
                    sent = sock.send(data)
                except OSError as error:
                    self._go_on_after(error, until)
                    continue
                if sent == len(data):
                    return
                data = memoryview(data)[sent:]
        except OSError as error:
            self._force_close()
            if _is_timer(error) and until == self._deadline:
                raise self._too_late(error) from error
            raise err.OperationalError(
                CR.CR_SERVER_GONE_ERROR, f"MySQL server has gone away ({error!r})"
            ) from error

    def _wind_timer(self, deadline: float) -> None:
        """Set the timer where it would let `deadline` pass by; raises TimeoutError where that has passed."""
        if deadline != inf:
            left, timer = deadline - monotonic(), self._timer
            if left <= 0:
                raise TimeoutError("timed out")
            if timer is None or left + TIMER_SLACK < timer or self._connecting:
                self._set_timer(left)

    def _go_on_after(self, error: OSError, deadline: float) -> None:
        """Return where it was the timer that has stopped us, too early for `deadline`."""
        if not _is_timer(error):
            raise error
        if deadline == inf:
            raise TimeoutError("timed out") from error
        self._set_timer(remaining(deadline))

    def _set_timer(self, seconds: float | None) -> None:
        sock = self._socket()
        if self._timer_of_kernel:
            # zero would be no limit
            microseconds = 0 if seconds is None else max(round(seconds * 1_000_000), 1)
            timeval = _TIMEVAL.pack(*divmod(microseconds, 1_000_000))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeval)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        else:
            sock.settimeout(seconds)
        self._timer = seconds

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        return self._sock


def _is_timer(error: OSError) -> bool:
    """Whether it is the timer's doing: of the kernel, or of Python. The link's own end has a number."""
    return isinstance(error, BlockingIOError) or (isinstance(error, TimeoutError) and error.errno is None)


def _is_bounded(sql: str | bytes) -> bool:
    """Whether MySQL answers it in time: SELECT, which it ends itself, and what takes no time."""
    start = sql[:64].lstrip()[:6].upper()
    return start in (b"SELECT", b"BEGIN", b"ROLLBA", "SELECT", "BEGIN", "ROLLBA")

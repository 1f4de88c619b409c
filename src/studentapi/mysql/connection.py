"""One PyMySQL connection with deadlines, a liveness check that costs nothing, and no confusion by fork.

PyMySQL bounds each read from the socket; here a whole connect and a whole statement are bounded. Its private
methods that this overrides are those of PyMySQL 1.2 (pyproject.toml pins it).
"""

from __future__ import annotations

import errno
import os
import select
import ssl
import struct
from contextlib import suppress
from dataclasses import replace
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

import pymysql.connections
from pymysql import err
from pymysql.constants import COMMAND, CR

from studentapi.mysql import session
from studentapi.mysql.errors import DatabaseUnavailable, StatementTimeout
from studentapi.mysql.sockets import open_tcp, remaining

if TYPE_CHECKING:
    import socket

    from studentapi.mysql.address import Address

# The type stubs leave out the private methods that this class is made of.
Base: Any = pymysql.connections.Connection

CLIENT_GRACE = 1.0
"""Seconds past a statement's deadline that the server is given to end it, before the client gives it up."""
TIMER_SLACK = 0.25
"""Seconds by which a socket's timeout may exceed what is left of a deadline: setting it is a system call."""


_UNREADABLE = (struct.error, IndexError, ValueError, AssertionError, err.InternalError)
"""What PyMySQL makes of a greeting that is none."""


class Result(NamedTuple):
    """What one statement gave."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int
    insert_id: int


class Connection(Base):  # type: ignore[misc]
    """A connection that knows its deadlines, its process, its age, and whether it is still there.

    Takes what PyMySQL's takes, and: `statement_timeout`, seconds for each statement (None: PyMySQL's
    `read_timeout`, per statement); `ssl_context`, shared by all connections (`tls_required`: refuse a server
    without TLS); `managed_session`, whether to set the session as `session.settings_statement` says.
    `connect_timeout` is for the whole connect.
    """

    # PyMySQL's own attributes that its type stubs leave out
    _sock: socket.socket | None
    _rfile: Any
    _current_timeout: float | None
    _read_timeout: float | None
    _write_timeout: float | None
    server_version: str

    def __init__(
        self,
        *,
        statement_timeout: float | None = None,
        ssl_context: ssl.SSLContext | None = None,
        tls_required: bool = False,
        managed_session: bool = False,
        defer_connect: bool = False,
        **options: Any,
    ) -> None:
        self.process = os.getpid()
        self.last_used = self.opened = monotonic()
        self.max_age = inf
        # set by open_connection: where a second connection to the same server would go
        self.address: Address | None = None
        self._deadline = inf
        self._connecting = False
        self._statement_timeout = statement_timeout
        self._managed_session = managed_session
        self._poll: select.poll | None = None
        if ssl_context is not None or managed_session:
            # Given a context, PyMySQL makes TLS compulsory; given none, it builds one, at 20 ms a connect.
            options["ssl_disabled"] = True
        super().__init__(defer_connect=True, **options)
        if ssl_context is not None:
            self.ssl, self.ctx, self._ssl_required = True, ssl_context, tls_required
        self._budget = self._read_timeout if statement_timeout is None else statement_timeout + CLIENT_GRACE
        if not defer_connect:
            self.connect()

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect, sign in and set the session, all of it within `connect_timeout` seconds.

        Raises `pymysql.err.OperationalError` with a code: 2003 where there is no server, 2013 where it went
        silent, and the server's own where it refused.
        """
        deadline = inf if self.connect_timeout is None else monotonic() + self.connect_timeout
        self._deadline, self._connecting, self.process = deadline, True, os.getpid()
        try:
            if sock is None and not self.unix_socket:
                self.host_info = f"socket {self.host}:{self.port}"
                sock = open_tcp(self.host, self.port, deadline, self.bind_address)
            super().connect(sock)
        except OSError as error:
            self._force_close()
            raise err.OperationalError(
                CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server on {self.host!r} ({error})"
            ) from error
        except _UNREADABLE as error:
            self._force_close()
            raise err.OperationalError(
                CR.CR_SERVER_HANDSHAKE_ERR, f"What answers on {self.host!r} does not speak MySQL's protocol"
            ) from error
        except err.OperationalError as error:
            cause = getattr(error, "original_exception", None)
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise err.OperationalError(
                    CR.CR_SSL_CONNECTION_ERROR, f"The certificate of {self.host!r} was refused ({cause})"
                ) from error
            raise
        finally:
            self._connecting = False
        self.last_used = self.opened = monotonic()
        self._poll = select.poll()
        self._poll.register(self._socket(), select.POLLIN | select.POLLPRI | select.POLLRDHUP)

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        """As PyMySQL; in a managed session's connect, the whole session is set by this one round trip."""
        if not (self._connecting and self._managed_session):
            super().set_character_set(charset, collation)
            return
        statement = session.settings_statement(self.server_version, self._statement_timeout)
        self._execute_command(COMMAND.COM_QUERY, statement)
        self._read_ok_packet()

    def close(self) -> None:
        """Say COM_QUIT and close; in a forked child, close the child's copy of the socket without a word."""
        if not self.is_own():
            self._closed = True
            self._force_close()
        else:
            super().close()

    def discard(self) -> None:
        """Close at once, without COM_QUIT: the other end is gone, or not to be waited for."""
        self._force_close()

    def end_in_server(self) -> None:
        """Have the server end what this connection was running when it was given up here.

        MySQL would run a write on to its end, with its locks: only SELECT has a deadline of its own there. Does
        nothing where the connection goes on, or where the server cannot be reached.
        """
        if self.open or self.address is None:
            return
        with suppress(err.Error):
            beside = open_connection(self.address, connect_timeout=CLIENT_GRACE, statement_timeout=CLIENT_GRACE)
            try:
                beside.fetch(f"KILL {self.thread_id()}")
            finally:
                beside.close()

    def is_own(self) -> bool:
        """Whether this process opened it; a forked child must not touch its parent's."""
        return self.process == os.getpid()

    def is_quiet(self) -> bool:
        """Whether nothing has come from the server since the last answer: 0.3 µs, no round trip.

        Between statements a server says nothing but farewell: anything readable means that it is over.
        """
        return self._sock is not None and self._poll is not None and not self._poll.poll(0)

    def answers(self, timeout: float) -> bool:
        """Whether the server answers a COM_PING within `timeout` seconds; if not, the connection is closed."""
        budget, self._budget = self._budget, timeout
        try:
            self.ping(reconnect=False)
        except err.Error:
            self.discard()
            return False
        except BaseException:
            self.discard()
            raise
        finally:
            self._budget = budget
        return True

    def fetch(self, sql: str, params: Any = ()) -> Result:
        """Run one statement, `%s` or `%(name)s` in it replaced by the escaped `params`.

        With parameters, a percent sign is written `%%`. Raises PyMySQL's errors.
        """
        if params:
            if isinstance(params, dict):
                sql %= {name: self.escape(value) for name, value in params.items()}
            else:
                sql %= tuple([self.escape(value) for value in params])
        statement = sql.encode(self.encoding)
        try:
            self.query(statement)
        except err.Error:
            # The server's own errors end its answer, and PyMySQL's close the connection.
            raise
        except BaseException:
            # Broken off between statement and answer, by a signal or a value that cannot be read: what is left of
            # the answer must not be taken for that of the next statement.
            self.discard()
            raise
        result = self._result
        return Result(
            tuple([column[0] for column in result.description or ()]),
            result.rows or (),
            result.affected_rows,
            result.insert_id or 0,
        )

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        """Send a command, its deadline starting now."""
        if not self.is_own():
            raise DatabaseUnavailable(CR.CR_SERVER_LOST, "This connection belongs to the process that opened it")
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        if not self._connecting:
            self.last_used = now = monotonic()
            budget = self._budget
            self._deadline = inf if budget is None else now + budget
            if self._current_timeout != budget:
                self._limit(budget)
        super()._execute_command(command, sql)

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
            if isinstance(error, TimeoutError) and error.errno is None and not self._connecting:
                raise StatementTimeout(
                    CR.CR_SERVER_LOST, f"No answer within {self._budget:g} s; the connection was given up"
                ) from error
            raise err.OperationalError(
                CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({error})"
            ) from error
        except BaseException:
            self._force_close()
            raise
        return data

    def _read_some(self, most: int) -> bytes:
        """What is in the buffer, or else what one recv brings."""
        if self._deadline != inf:
            left = remaining(self._deadline)
            if self._current_timeout is None or left + TIMER_SLACK < self._current_timeout or self._connecting:
                self._limit(left)
        data: bytes = self._rfile.read1(most)
        if not data and most:
            raise ConnectionResetError(errno.ECONNRESET, "the server closed the connection")
        return data

    def _write_bytes(self, data: bytes) -> None:
        if self._connecting and self._deadline != inf:
            self._limit(remaining(self._deadline))
        super()._write_bytes(data)

    def _limit(self, seconds: float | None) -> None:
        """Set the socket's timeout; PyMySQL resets it wherever these attributes differ."""
        self._socket().settimeout(seconds)
        self._current_timeout = self._read_timeout = self._write_timeout = seconds

    def _socket(self) -> socket.socket:
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        return self._sock


def open_connection(
    address: Address, *, connect_timeout: float = 10.0, statement_timeout: float | None = 10.0
) -> Connection:
    """Connect to the first host of `address` that answers; both times in seconds.

    Raises the last host's `pymysql.err.OperationalError`.
    """
    deadline = monotonic() + connect_timeout
    *others, last = address.hosts
    for asked, (host, port) in enumerate(others):
        try:
            # an equal share of what is left for each host that has still to be asked
            share = (deadline - monotonic()) / (len(address.hosts) - asked)
            return _open(address, host, port, max(share, 0.01), statement_timeout)
        except err.OperationalError:
            continue
    return _open(address, *last, max(deadline - monotonic(), 0.01), statement_timeout)


def _open(
    address: Address, host: str, port: int, connect_timeout: float, statement_timeout: float | None
) -> Connection:
    connection = Connection(
        host=host,
        port=port,
        user=address.user,
        password=address.password.encode(),
        database=address.database,
        charset=session.CHARSET,
        autocommit=True,
        connect_timeout=connect_timeout,
        statement_timeout=statement_timeout,
        ssl_context=address.ssl_context,
        tls_required=address.ssl_mode not in ("disabled", "preferred"),
        managed_session=True,
    )
    connection.address = replace(address, hosts=((host, port),))
    return connection

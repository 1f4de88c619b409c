"""One connection with deadlines, a liveness check that costs nothing, and no confusion by fork."""

from __future__ import annotations

import os
import select
import ssl
import struct
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from pymysql import err
from pymysql.constants import COMMAND, CR

from studentapi.mysql import session
from studentapi.mysql.asking import AskingConnection
from studentapi.mysql.deadlines import TIMER_SLACK
from studentapi.mysql.sockets import open_tcp
from studentapi.mysql.tally import this_thread

if TYPE_CHECKING:
    import socket

    from studentapi.mysql.address import Address

_UNREADABLE = (struct.error, IndexError, ValueError, AssertionError, err.InternalError)
"""What PyMySQL makes of a greeting that is none."""


_of_parents: list[Any] = []
"""Sockets of a parent process, in a forked child."""


class Connection(AskingConnection):
    """A connection that knows its deadlines, its process, its age, and whether it is still there.

    Takes what PyMySQL's takes, and: `statement_timeout`, seconds for each statement (None: PyMySQL's
    `read_timeout`, per statement); `ssl_context`, shared by all connections (`tls_required`: refuse a server
    without TLS); `managed_session`, whether to set the session as `session.settings_statement` says.
    `connect_timeout` is for the whole connect.
    """

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
        self.opened = monotonic()
        self.max_age = inf
        # what a Database notes of it
        self.generation = 0
        # set by open_connection: where a second connection to the same server would go
        self.address: Address | None = None
        self._poll: select.poll | None = None
        if ssl_context is not None or managed_session:
            # Given a context, PyMySQL makes TLS compulsory; given none, it builds one, at 20 ms a connect.
            options["ssl_disabled"] = True
        super().__init__(statement_timeout=statement_timeout, managed_session=managed_session, **options)
        if ssl_context is not None:
            self.ssl, self.ctx, self._ssl_required = True, ssl_context, tls_required
        if not defer_connect:
            self.connect()

    def connect(self, sock: socket.socket | None = None) -> None:
        """Connect, sign in and set the session, all of it within `connect_timeout` seconds.

        Raises `pymysql.err.OperationalError` with a code: 2003 where there is no server, 2013 where it went
        silent, and the server's own where it refused.
        """
        deadline = inf if self.connect_timeout is None else monotonic() + self.connect_timeout
        self._deadline, self._connecting, self.process = deadline, True, os.getpid()
        self._ahead = b""
        try:
            if sock is None and not self.unix_socket:
                self.host_info = f"socket {self.host}:{self.port}"
                sock = open_tcp(self.host, self.port, deadline, self.bind_address)
            super().connect(sock)
        except OSError as error:
            self._force_close()
            refused: Any = err.OperationalError(
                CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server on {self.host!r} ({error})"
            )
            refused.original_exception = error  # as PyMySQL's has it
            raise refused from error
        except err.InternalError as error:  # a packet out of order while signing in
            raise err.OperationalError(CR.CR_SERVER_HANDSHAKE_ERR, f"{self.host!r}: {error.args[-1]}") from error
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
        if self._managed_session and self._statement_timeout is not None:
            self._ended_by_server = "all" if self.is_mariadb else "reads"
        self._let_kernel_time()
        self._forget_statements()
        self._poll = select.poll()
        self._poll.register(self._socket(), select.POLLIN | select.POLLPRI | select.POLLRDHUP)

    def _get_server_information(self) -> None:
        try:
            super()._get_server_information()
        except _UNREADABLE as error:
            raise err.OperationalError(
                CR.CR_SERVER_HANDSHAKE_ERR, f"What answers on {self.host!r} does not speak MySQL's protocol"
            ) from error

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
            self._deadline = inf  # the last statement's
            super().close()

    def _force_close(self) -> None:
        if not self.is_own() and self._sock is not None:
            # Closing the buffer waits for a lock that a thread of the parent may have held when it forked: the
            # descriptor alone is closed, and the objects are kept for good, lest they do the rest.
            _of_parents.append((self._sock, self._rfile))
            os.close(self._sock.fileno())
            self._sock = self._rfile = None
        self._ahead = b""
        super()._force_close()

    def __del__(self) -> None:
        """As PyMySQL's, which would not ask whose it is."""
        self._force_close()

    @property
    def server(self) -> str:
        """Where it goes: `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def is_mariadb(self) -> bool:
        """Whether the server said so in its greeting."""
        return "MariaDB" in self.server_version

    def is_quiet(self) -> bool:
        """Whether nothing has come from the server since the last answer: 0.3 µs, no round trip.

        Between statements a server says nothing but farewell: anything readable means that it is over.
        """
        return self._sock is not None and self._poll is not None and not self._ahead and not self._poll.poll(0)

    def farewell(self) -> err.OperationalError:
        """Close a connection that is not quiet, and say why the server ended it, in its own words if it left any.

        MySQL says 4031 when a connection was idle for wait_timeout, MariaDB 1927 when it was killed.
        """
        budget, self._budget, self._deadline = self._budget, 0.0, inf
        try:
            self._set_timer(TIMER_SLACK)
            self._next_seq_id = 0  # it answers nothing
            self._read_packet()
        except err.Error as error:
            said = error
        except (AttributeError, *_UNREADABLE) as error:
            said = err.OperationalError(CR.CR_SERVER_LOST, f"The server sent what nobody asked for ({error})")
        else:
            said = err.OperationalError(CR.CR_SERVER_LOST, "The server sent what nobody asked for")
        finally:
            self._budget = budget
            self.discard()
        return err.OperationalError(*said.args)

    def answers(self, timeout: float) -> bool:
        """Whether the server answers a COM_PING within `timeout` seconds; if not, the connection is closed."""
        budget, self._budget = self._budget, timeout
        started = monotonic()
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
            this_thread.tally.seconds += monotonic() - started
        return True


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
    connection.address = address.at((host, port))
    return connection

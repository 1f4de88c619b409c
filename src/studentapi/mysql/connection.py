"""One connection with deadlines, a liveness check that costs nothing, and no confusion by fork."""

from __future__ import annotations

import os
import select
import ssl
import struct
from array import array
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from pymysql import converters, err
from pymysql.constants import COMMAND, CR, SERVER_STATUS

from studentapi.mysql import binary, board, session
from studentapi.mysql.answers import LONGEST_PACKET, Answer, Known, Result
from studentapi.mysql.columns import Decoding
from studentapi.mysql.deadlines import TIMER_SLACK, TimedConnection
from studentapi.mysql.errors import DatabaseUnavailable, TooLarge, code_of
from studentapi.mysql.prepared import NOT_FOUND, Prepared, Statements
from studentapi.mysql.sockets import open_tcp
from studentapi.mysql.tally import tally

if TYPE_CHECKING:
    import socket

    from studentapi.mysql.address import Address
    from studentapi.mysql.answers import Layouts
    from studentapi.mysql.prepared import Wanted

MOST_KNOWN = 512
"""Statements whose columns a connection remembers,"""
LONGEST_KNOWN = 8192
"""of so many characters at most."""

_COMMAND = struct.Struct("<IB")
_UNREADABLE = (struct.error, IndexError, ValueError, AssertionError, err.InternalError)
"""What PyMySQL makes of a greeting that is none."""


_of_parents: list[Any] = []
"""Sockets of a parent process, in a forked child."""


class Facts(NamedTuple):
    """Which server this is, as far as it says (None: it does not), and whether it took writes when asked.

    `largest_packet`: bytes of the longest statement that it takes. `node`: as `identity`, but of one node of a
    cluster, where `identity` is the whole cluster's.
    """

    identity: str | None
    writable: bool
    largest_packet: float = inf
    node: str | None = None


class Connection(TimedConnection):
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
        self.last_used = self.opened = monotonic()
        self.max_age = inf
        # what a Database notes of it
        self.facts = Facts(None, writable=True)
        self.generation = 0
        self.leaves: str | None = None
        self.shown: Any = array("d", bytes(8 * len(board.NUMBERS)))
        # set by open_connection: where a second connection to the same server would go
        self.address: Address | None = None
        self._managed_session = managed_session
        self._known: dict[str, Known] = {}
        self._statements: Statements
        self._decoding: Decoding
        self._poll: select.poll | None = None
        if ssl_context is not None or managed_session:
            # Given a context, PyMySQL makes TLS compulsory; given none, it builds one, at 20 ms a connect.
            options["ssl_disabled"] = True
        super().__init__(statement_timeout=statement_timeout, **options)
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
        self._decoding = Decoding(self.encoding, self.decoders, self.use_unicode)
        self._known.clear()
        self._statements = Statements()
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

    def discard(self) -> None:
        """Close at once, without COM_QUIT: the other end is gone, or not to be waited for."""
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
            tally.seconds += monotonic() - started
        return True

    def fetch(self, sql: str, params: Any = (), *, prepare: bool = False) -> Result:
        """Run one statement, `%s` or `%(name)s` in it replaced by the escaped `params`.

        With parameters, a percent sign is written `%%`. `prepare`: a SELECT that is asked often may be prepared,
        in a managed session; what it gives is the same. Raises PyMySQL's errors.
        """
        watch = tally.watch
        if watch is None:
            return self._fetch(sql, params, prepare)
        with watch(self, sql, bool(params)):
            return self._fetch(sql, params, prepare)

    def _fetch(self, sql: str, params: Any, prepare: bool) -> Result:
        started = monotonic()
        try:
            if prepare and self._managed_session:
                result = self._execute_prepared(sql, params)
                if result is not None:
                    return result
            return self._execute_text(sql, self._filled_in(sql, params))
        finally:
            tally.seconds += monotonic() - started

    def _execute_text(self, sql: str, statement: bytes) -> Result:
        """The result of `statement`, which is `sql` with its parameters."""
        known = self._known.get(sql)
        result, learned = self._exchange(COMMAND.COM_QUERY, statement, statement, self._decoding.layout, known)
        if learned is not known and learned is not None and len(sql) <= LONGEST_KNOWN:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[sql] = learned
        return result

    def _execute_prepared(self, sql: str, params: Any) -> Result | None:
        """The result, if it is a prepared statement's; None where it is to be sent as text."""
        prepared = self._statements.find(sql)
        if prepared is None:
            wanted = self._statements.count(sql, params)
            prepared = None if wanted is None else self._prepare(sql, wanted)
            if prepared is None:
                return None
        execution = prepared.execution(params)
        if execution is None or len(execution) >= min(self.facts.largest_packet, LONGEST_PACKET - 1):
            return None
        try:
            result, prepared.known = self._exchange(
                COMMAND.COM_STMT_EXECUTE, execution, sql, binary.layout, prepared.known
            )
        except binary.UnknownTypeError as error:  # since it was prepared, the table has changed
            raise err.OperationalError(CR.CR_SERVER_LOST, f"A column cannot be read: {error}") from error
        except err.Error as error:
            if code_of(error) not in NOT_FOUND:
                raise
            self._statements.give_up(sql)
            return None
        return result

    def _prepare(self, sql: str, wanted: Wanted) -> Prepared | None:
        if wanted.evicted is not None:
            self._send(COMMAND.COM_STMT_CLOSE, wanted.evicted.number.to_bytes(4, "little"), "")
        self._send(COMMAND.COM_STMT_PREPARE, wanted.template.text, "")
        answer = Answer(self, self.encoding, binary.layout)
        try:
            number, fields = answer.read_prepared()
            binary.layout(fields)
        except binary.UnknownTypeError:
            self._statements.give_up(sql)
            self._send(COMMAND.COM_STMT_CLOSE, number.to_bytes(4, "little"), "")
            return None
        except err.Error as error:
            if self._sock is None:
                raise
            self._statements.give_up(sql, code_of(error))
            return None
        finally:
            self._ahead = answer.rest()
        prepared = Prepared(number, wanted.template)
        self._statements.keep(sql, prepared)
        return prepared

    def _filled_in(self, sql: str, params: Any) -> bytes:
        literal = self.literal
        if not params:
            text = sql
        elif isinstance(params, dict):
            text = sql % {name: literal(value) for name, value in params.items()}
        else:
            text = sql % tuple([literal(value) for value in params])
        statement = text.encode(self.encoding)
        largest = self.facts.largest_packet
        if len(statement) >= largest:
            # The server would hang up in the middle of it, as if the link were lost.
            raise TooLarge(1153, f"A statement of {len(statement)} bytes; max_allowed_packet is {largest}")
        return statement

    def literal(self, value: Any) -> str:
        """`value` as SQL writes it; as PyMySQL's `escape`, in one step for what is most frequent."""
        if type(value) is str and not self.server_status & SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES:
            return f"'{converters.escape_string(value)}'"
        escaped: str = self.escape(value)
        return escaped

    def _send(self, command: int, payload: bytes, sql: str | bytes) -> None:
        """Send a command, whose statement is `sql`."""
        size = len(payload) + 1
        if size >= LONGEST_PACKET or self._result is not None:
            self._execute_command(command, payload)
            return
        self._begin_command(command, sql)
        self._write_bytes(_COMMAND.pack(size, command) + payload)

    def _exchange(
        self, command: int, payload: bytes, sql: str | bytes, layout: Layouts, known: Known | None
    ) -> tuple[Result, Known | None]:
        """Send a command and read its answer; also what to know for the next time, as `Answer` has it."""
        answer = Answer(self, self.encoding, layout)
        try:
            self._send(command, payload, sql)
            result = answer.read(known)
            while answer.status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
                answer.read()  # of a CALL: an error in it is this statement's, not the next one's
        except err.Error:
            # The server's own errors end its answer; the others have closed the connection.
            self._ahead = answer.rest()
            raise
        except (LookupError, AssertionError, struct.error) as error:
            self.discard()
            raise err.InternalError("The server's answer cannot be read") from error
        except BaseException:
            # Broken off between statement and answer, by a signal or a value that cannot be read: what is left of
            # the answer must not be taken for that of the next statement.
            self.discard()
            raise
        self._ahead = answer.rest()
        self.server_status = answer.status
        return result, answer.known

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        """Send a command, its deadline starting now."""
        self._begin_command(command, sql)
        super()._execute_command(command, sql)

    def _begin_command(self, command: int, sql: str | bytes) -> None:
        """Start a command's deadline; raises `DatabaseUnavailable` where there is no connection for it."""
        if not self.is_own():
            raise DatabaseUnavailable(CR.CR_SERVER_LOST, "This connection belongs to the process that opened it")
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        tally.commands += 1
        if not self._connecting:
            self.last_used = now = monotonic()
            shown = self.shown
            shown[board.LAST_USED] = now
            shown[board.USES] += 1
            self._start_clock(command, sql, now)


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

"""A connection's statements: sent as text, or prepared when they are asked often, and their answers."""

from __future__ import annotations

import os
import struct
from array import array
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from pymysql import converters, err
from pymysql.constants import COMMAND, CR, SERVER_STATUS

from studentapi.mysql import binary, board
from studentapi.mysql.answers import FIRST_CHUNK, LONGEST_PACKET, Answer, Known, Result, read_whole
from studentapi.mysql.columns import Decoding
from studentapi.mysql.deadlines import TimedConnection
from studentapi.mysql.errors import DatabaseUnavailable, TooLarge, code_of
from studentapi.mysql.prepared import IMPOSSIBLE, NOT_FOUND, Prepared, Statements
from studentapi.mysql.tally import this_thread

if TYPE_CHECKING:
    from studentapi.mysql.answers import Layouts
    from studentapi.mysql.binary import Template
    from studentapi.mysql.tally import Tally

MOST_KNOWN = 512
"""Statements whose columns a connection remembers,"""
LONGEST_KNOWN = 8192
"""of so many characters at most."""

_COMMAND = struct.Struct("<IB")
_BROKEN = (LookupError, AssertionError, struct.error)
"""What comes of reading an answer that ends too soon, or is none."""


class Facts(NamedTuple):
    """Which server this is, as far as it says (None: it does not), and whether it took writes when asked.

    `largest_packet`: bytes of the longest statement that it takes. `node`: as `identity`, but of one node of a
    cluster, where `identity` is the whole cluster's.
    """

    identity: str | None
    writable: bool
    largest_packet: float = inf
    node: str | None = None


class AskingConnection(TimedConnection):
    """What `TimedConnection` is, and asks statements; a `managed_session` may prepare them.

    `last_used`: when it last sent a command, of `time.monotonic`. Noted by whoever has it: `facts`, what is known
    of its server; `shown`, where it is shown; `leaves`, what its session has of its own.
    """

    def __init__(self, *, managed_session: bool, **options: Any) -> None:
        self.last_used = monotonic()
        self.facts = Facts(None, writable=True)
        self.shown: Any = array("d", bytes(8 * len(board.NUMBERS)))
        self.leaves: str | None = None
        self._managed_session = managed_session
        self._known: dict[str, Known] = {}
        self._statements = Statements()
        self._decoding: Decoding
        super().__init__(**options)

    def discard(self) -> None:
        """Close at once, without COM_QUIT: the other end is gone, or not to be waited for."""
        self._force_close()

    def fetch(self, sql: str, params: Any = (), *, prepare: bool = False) -> Result:
        """Run one statement, `%s` or `%(name)s` in it replaced by the escaped `params`.

        With parameters, a percent sign is written `%%`. `prepare`: it is a SELECT that is asked often, and may be
        prepared where the session is managed and has no state of its own. Raises PyMySQL's errors.
        """
        tally = this_thread.tally
        if tally.watch is None:
            return self._fetch(sql, params, prepare, tally)
        with tally.watch(self, sql, bool(params)):
            return self._fetch(sql, params, prepare, tally)

    def _fetch(self, sql: str, params: Any, prepare: bool, tally: Tally) -> Result:
        started = monotonic()
        try:
            if prepare and self._managed_session and self.leaves is None:
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
        prepared = self._statements.prepared.get(sql)
        if prepared is None:
            template = self._statements.count(sql, formatted=bool(params))
            prepared = None if template is None else self._prepare(sql, template)
            if prepared is None:
                return None
        execution = prepared.execution(params)
        if execution is None:
            return None
        size = len(execution)
        if size >= self.facts.largest_packet or size >= LONGEST_PACKET - 1:
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

    def _prepare(self, sql: str, template: Template) -> Prepared | None:
        """Prepare it; None where that cannot be. Any other error of the server is the statement's."""
        try:
            sent = self._send(COMMAND.COM_STMT_PREPARE, template.text, "")
            answer = Answer(self, self.encoding, binary.layout, sent, self.receive(FIRST_CHUNK))
            number, params, fields = answer.read_prepared()
            self._keep_rest(answer)
            try:
                binary.layout(fields)
                fits = params == template.places  # not so where one stands in a text or a comment
            except binary.UnknownTypeError:
                fits = False
            if not fits:
                self._statements.give_up(sql)
                self._send(COMMAND.COM_STMT_CLOSE, number.to_bytes(4, "little"), "")
                return None
        except err.Error as error:
            if code_of(error) not in IMPOSSIBLE:
                raise
            self._statements.give_up(sql)
            return None
        except _BROKEN as error:
            self.discard()
            raise err.InternalError("The server's answer cannot be read") from error
        except BaseException:
            self.discard()
            raise
        prepared = Prepared(number, template)
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

    def _send(self, command: int, payload: bytes, sql: str | bytes) -> int:
        """Send a command, whose statement is `sql`; returns the number of the packet that answers it."""
        size = len(payload) + 1
        if size >= LONGEST_PACKET or self._result is not None:
            self._execute_command(command, payload)
            number: int = self._next_seq_id
            return number
        self._begin_command(command, sql)
        self._write_bytes(_COMMAND.pack(size, command) + payload)
        return 1

    def _exchange(
        self, command: int, payload: bytes, sql: str | bytes, layout: Layouts, known: Known | None
    ) -> tuple[Result, Known | None]:
        """Send a command and read its answer; also what to know for the next time, as `Answer` has it."""
        try:
            number = self._send(command, payload, sql)
            data = self.receive(FIRST_CHUNK)
            if known is not None and number == 1:
                found = read_whole(data, known)
                if found is not None:
                    result, self.server_status = found
                    return result, known
            answer = Answer(self, self.encoding, layout, number, data)
            try:
                result = answer.read(known)
                while answer.status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
                    answer.read()  # of a CALL: an error in it is this statement's, not the next one's
            finally:
                self._keep_rest(answer)
        except err.Error:
            # The server's own errors end its answer; the others have closed the connection.
            raise
        except _BROKEN as error:
            self.discard()
            raise err.InternalError("The server's answer cannot be read") from error
        except BaseException:
            # Broken off between statement and answer, by a signal or a value that cannot be read: what is left of
            # the answer must not be taken for that of the next statement.
            self.discard()
            raise
        self.server_status = answer.status
        return result, answer.known

    def _keep_rest(self, answer: Answer) -> None:
        """Keep what came behind an answer: a farewell, which whoever uses this connection next has to see."""
        if self._sock is not None:
            self._ahead = answer.rest()

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        """Send a command, its deadline starting now."""
        self._begin_command(command, sql)
        super()._execute_command(command, sql)

    def _begin_command(self, command: int, sql: str | bytes) -> None:
        """Start a command's deadline; raises `DatabaseUnavailable` where there is no connection for it."""
        if self.process != os.getpid():
            raise DatabaseUnavailable(CR.CR_SERVER_LOST, "This connection belongs to the process that opened it")
        if self._sock is None:
            raise DatabaseUnavailable(CR.CR_SERVER_GONE_ERROR, "This connection was closed")
        this_thread.tally.commands += 1
        if not self._connecting:
            self.last_used = now = monotonic()
            shown = self.shown
            shown[board.LAST_USED] = now
            shown[board.USES] += 1
            self._start_clock(command, sql, now)

    def _forget_statements(self) -> None:
        """Begin anew, for the connection is a new one."""
        self._known.clear()
        self._statements = Statements()
        self._decoding = Decoding(self.encoding, self.decoders, self.use_unicode)

"""Reading a statement's answer, in one pass over the bytes that the socket brings.

PyMySQL reads packet by packet, each by two calls, and makes an object of each; measured, that is most of what a
short read costs. Here a result is walked through where it lies, and its column definitions are compared, as one
piece of bytes, with those that the same statement brought before: they are read only where they differ.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pymysql import err
from pymysql.constants import CR, SERVER_STATUS
from pymysql.protocol import FieldDescriptorPacket

from studentapi.mysql.columns import NULL, length

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.columns import Layout

    Layouts = Callable[[list[Any]], Layout]

LONGEST_PACKET = 0xFFFFFF
"""Bytes; one of this length goes on in the next packet."""
FIRST_CHUNK, CHUNK = 8 * 1024, 64 * 1024
"""Bytes that are asked for at once: most answers fit into the first, whose memory costs less to come by."""

_HEADER = Struct("<HBB")
_EOF_PACKET = Struct("<xHH")
_STATUS = Struct("<HH")
_PREPARED = Struct("<xIHH")
_OK, _EOF, _ERROR = 0x00, 0xFE, 0xFF
_EOF_SIZE = 9
"""Bytes below which a packet that begins with 0xFE ends something; a row is longer."""
_EOF_HEADER, _EOF_LENGTH = b"\x05\0\0", 9
"""How such a packet begins, and its bytes, header and all."""


class Result(NamedTuple):
    """What one statement gave."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    affected: int
    insert_id: int


class Known(NamedTuple):
    """How the answer to a statement began, up to its first row: bytes in so many packets, and what they say."""

    beginning: bytes
    packets: int
    layout: Layout


class Stream(Protocol):
    """Where an answer comes from."""

    def receive(self, most: int) -> bytes:
        """The next bytes, at least one, some `most` at the most; raises PyMySQL's errors where there are none."""

    def discard(self) -> None:
        """Close it, for it cannot be made sense of any more."""


def read_whole(data: bytes, known: Known) -> tuple[Result, int] | None:
    """The result of an answer that is all in `data` and begins as it did before, and the server's status.

    None for any other, and where its packets are not in order: those are read by `Answer`, in more steps. A value
    that cannot be read is the same error here and there.
    """
    at, size = len(known.beginning), len(data)
    if not data.startswith(known.beginning) or data[-_EOF_LENGTH : -_EOF_LENGTH + 3] != _EOF_HEADER:
        return None
    layout, number, unpack = known.layout, known.packets + 1, _HEADER.unpack_from
    read_row = layout.row
    rows: list[tuple[Any, ...]] = []
    while at + 4 < size:
        low, high, sequence = unpack(data, at)
        start = at + 4
        at = start + low
        mark = data[start]
        if high or sequence != number or at > size:
            break
        if mark >= _EOF and (mark == _ERROR or low < _EOF_SIZE):
            status = data[-2] | data[-1] << 8
            if mark == _ERROR or at != size or status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
                break
            return Result(layout.names, tuple(rows), len(rows), 0), status
        values, ended = read_row(data, start)
        if ended != at:
            break
        rows.append(values)
        number = number + 1 & 0xFF
    return None


class Answer:
    """The answer to one command on `stream`, of which `data` has come already.

    `number` is that of its first packet. `layout` says how rows with these columns are read. `status` is the
    server's, as of the last result that was read; `known`, what to know for the next time that the same statement
    is asked, if anything.
    """

    __slots__ = ("_at", "_data", "_encoding", "_layout", "_number", "_stream", "known", "status")

    def __init__(self, stream: Stream, encoding: str, layout: Layouts, number: int, data: bytes) -> None:
        self.status = 0
        self.known: Known | None = None
        self._stream = stream
        self._encoding = encoding
        self._layout = layout
        self._data = data
        self._at = 0
        self._number = number

    def rest(self) -> bytes:
        """What has come after the answer: nothing, unless the server says farewell."""
        return self._data[self._at :]

    def read(self, known: Known | None = None) -> Result:
        """The next result.

        Raises the server's error as PyMySQL does. After packets out of order, which are an `InternalError`, or an
        `OperationalError` where the server is about to end it, the stream is closed.
        """
        if known is not None and self._at == 0 and self._number == 1 and self._data.startswith(known.beginning):
            self._at, self._number = len(known.beginning), known.packets + 1
            self.known = known
            layout = known.layout
        else:
            began, first = self._at, self._packet()
            if first[0] == _OK:
                return self._done(first)
            if first[0] == NULL:
                self._stream.discard()
                raise RuntimeError("the server asked for a local file")
            columns, _ = length(first, 0)
            layout = self._definitions(columns, began)
        rows = self._rows(layout)
        return Result(layout.names, rows, len(rows), 0)

    def read_prepared(self) -> tuple[int, int, list[Any]]:
        """The answer to COM_STMT_PREPARE: the statement's number, how many parameters, and its fields."""
        number, columns, params = _PREPARED.unpack_from(self._packet())
        definitions = [self._packet() for _ in range(params + bool(params) + columns)][params + bool(params) :]
        if columns:
            _ = self._packet()
        return number, params, [FieldDescriptorPacket(one, self._encoding) for one in definitions]

    def _definitions(self, columns: int, began: int) -> Layout:
        definitions = [self._packet() for _ in range(columns)]
        _ = self._packet()  # their end
        layout = self._layout([FieldDescriptorPacket(one, self._encoding) for one in definitions])
        # only what begins an answer, has come in one piece, and is counted without a wrap is found again
        size = 5 + sum(4 + len(definition) for definition in definitions) + 9
        if began == 0 and self._at == size and columns < NULL and self._data[3] == 1:
            self.known = Known(self._data[:size], columns + 2, layout)
        return layout

    def _rows(self, layout: Layout) -> tuple[tuple[Any, ...], ...]:
        read_row = layout.row
        rows: list[tuple[Any, ...]] = []
        data, at, number = self._data, self._at, self._number
        end, unpack = len(data), _HEADER.unpack_from
        while True:
            start = stop = at + 4
            if start <= end:
                low, high, sequence = unpack(data, at)
                stop += low + (high << 16)
            if start > end or stop > end or sequence != number or stop - start == LONGEST_PACKET:
                # not all of it is here, or it is more than one
                self._at, self._number = at, number
                packet = self._packet()
                data, at, number = self._data, self._at, self._number
                end, start, stop = len(data), 0, len(packet)
            else:
                packet, at, number = data, stop, number + 1 & 0xFF
            mark = packet[start]
            if mark >= _EOF and (mark == _ERROR or stop - start < _EOF_SIZE):
                self._at, self._number = at, number
                if mark == _ERROR:
                    err.raise_mysql_exception(packet[start:stop])
                _, self.status = _EOF_PACKET.unpack_from(packet, start)
                return tuple(rows)
            values, ended = read_row(packet, start)
            if ended != stop:
                self._stream.discard()
                raise err.InternalError("A row that is not as long as its packet")
            rows.append(values)

    def _done(self, packet: bytes) -> Result:
        affected, at = length(packet, 1)
        insert_id, at = length(packet, at)
        self.status, _ = _STATUS.unpack_from(packet, at)
        return Result((), (), affected, insert_id)

    def _packet(self) -> bytes:
        """The next packet, or all of those that are one; raises the server's error."""
        parts = []
        while True:
            low, high, sequence = _HEADER.unpack(self._take(_HEADER.size))
            if sequence != self._number:
                self._stream.discard()
                if sequence == 0:  # nobody's answer
                    raise err.OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
                raise err.InternalError(f"Packet sequence number wrong - got {sequence} expected {self._number}")
            self._number = sequence + 1 & 0xFF
            size = low + (high << 16)
            parts.append(self._take(size))
            if size < LONGEST_PACKET:
                break
        packet = b"".join(parts)
        if not packet:
            self._stream.discard()
            raise err.InternalError("An empty packet")
        if packet[0] == _ERROR:
            err.raise_mysql_exception(packet)
        return packet

    def _take(self, size: int) -> bytes:
        missing = self._at + size - len(self._data)
        if missing > 0:
            pieces = [self._data[self._at :]]
            while missing > 0:
                pieces.append(self._stream.receive(CHUNK))
                missing -= len(pieces[-1])
            self._data, self._at = b"".join(pieces), 0
        start = self._at
        self._at += size
        return self._data[start : self._at]

"""From the text protocol's bytes to Python values, column by column: the values that PyMySQL gives, for less.

What a column's values become is settled once for a result, not once for a value. A converter that an application
has set in place of PyMySQL's is used as it is.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from pymysql import converters
from pymysql.connections import TEXT_TYPES
from pymysql.constants import FIELD_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Reader = Callable[[bytes], Any]
    RowReader = Callable[[bytes, int], tuple[tuple[Any, ...], int]]

NULL = 0xFB
"""In place of a length: there is no value."""
WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
"""Bytes of a length that does not fit into one, by the byte before it."""
BINARY = 63
"""The character set of what is no text."""
UTF_8 = ("utf8", "utf-8")


class Layout(NamedTuple):
    """What the rows of a result are made of; `row` reads one at a place in a packet: its values, and its end."""

    names: tuple[str, ...]
    row: RowReader


class Decoding(NamedTuple):
    """What a connection was told of values: its encoding, PyMySQL's `conv`, whether text becomes `str`."""

    encoding: str
    decoders: Mapping[int, Callable[[Any], Any] | None]
    use_unicode: bool

    def layout(self, fields: Sequence[Any]) -> Layout:
        """Of a result with these columns, as PyMySQL's `FieldDescriptorPacket` describes them."""
        return Layout(
            tuple([field.name for field in fields]), _rows_of(tuple([self._reader(field) for field in fields]))
        )

    def _reader(self, field: Any) -> Reader:
        converter = self.decoders.get(field.type_code)
        if converter is converters.through:
            converter = None
        encoding = self._encoding(field) if self.use_unicode else None
        if converter is None:
            return _of_text(encoding)
        return _QUICK.get(converter) or _converted(encoding, converter)

    def _encoding(self, field: Any) -> str | None:
        if field.type_code == FIELD_TYPE.JSON:  # says that it is binary
            return self.encoding
        if field.type_code in TEXT_TYPES:
            return None if field.charsetnr == BINARY else self.encoding
        return "ascii"


def length(packet: bytes, at: int) -> tuple[int, int]:
    """A length-encoded number at `at`, and where it ends."""
    first = packet[at]
    if first < NULL:
        return first, at + 1
    end = at + 1 + WIDTHS[first]
    return int.from_bytes(packet[at + 1 : end], "little"), end


def _rows_of(readers: tuple[Reader, ...]) -> RowReader:
    def row(packet: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        values: list[Any] = []
        for read in readers:
            size = packet[at]
            at += 1
            if size >= NULL:
                if size == NULL:
                    values.append(None)
                    continue
                size, at = length(packet, at - 1)
            values.append(read(packet[at : at + size]))
            at += size
        return tuple(values), at

    return row


def _of_text(encoding: str | None) -> Reader:
    if encoding is None:
        return bytes
    return bytes.decode if encoding in UTF_8 else partial(str, encoding=encoding)


def _converted(encoding: str | None, converter: Callable[[Any], Any]) -> Reader:
    if encoding is None:
        return converter
    return lambda value: converter(value.decode(encoding))


def _decimal(value: bytes) -> Decimal:
    return Decimal(value.decode())


def _datetime(value: bytes) -> Any:
    try:
        return datetime.fromisoformat(value.decode())
    except ValueError:  # zero, or the like, which is no time
        return converters.convert_datetime(value)


def _date(value: bytes) -> Any:
    try:
        return date.fromisoformat(value.decode())
    except ValueError:
        return converters.convert_date(value)


_QUICK: dict[Any, Reader] = {
    int: int,
    float: float,
    Decimal: _decimal,
    converters.convert_datetime: _datetime,
    converters.convert_date: _date,
}
"""For PyMySQL's own converters, others that take what the server sent."""

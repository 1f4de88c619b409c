"""MySQL's binary protocol: what a prepared statement is given, and the rows that it gives.

The values are those of the text protocol, of which `columns` knows how PyMySQL reads it. A column or a parameter
of a type that is not known here makes its statement one that is not prepared.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from pymysql.connections import TEXT_TYPES
from pymysql.constants import FIELD_TYPE, FLAG

from studentapi.mysql.columns import BINARY, NULL, Layout, length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from studentapi.mysql.columns import RowReader

    Reader = Callable[[bytes, int], tuple[Any, int]]

_PLACEHOLDER = re.compile(r"%(?:(?P<percent>%)|s|\((?P<name>\w+)\)s|(?P<other>.?))", re.DOTALL)
_SELECT = re.compile(r"[\s(]*SELECT\b", re.IGNORECASE)
_PARAMETERS_FOLLOW = b"\x01"
_DAY, _SECOND, _MICROSECOND = Struct("<HBB"), Struct("<HBBBBB"), Struct("<HBBBBBI")
_TIME, _FINE_TIME = Struct("<BIBBB"), Struct("<BIBBBI")


class Template(NamedTuple):
    """A statement with question marks, and what goes there: names, or a number of places."""

    text: bytes
    names: tuple[str, ...] | int

    @property
    def places(self) -> int:
        """How many question marks there are."""
        return self.names if isinstance(self.names, int) else len(self.names)

    def values(self, params: Any) -> Sequence[Any] | None:
        """`params` in the order of the question marks; None where they do not fit, which is for others to say."""
        if isinstance(self.names, int):
            return params if isinstance(params, (list, tuple)) and len(params) == self.names else None
        if not isinstance(params, dict):
            return None
        try:
            return [params[name] for name in self.names]
        except KeyError:
            return None


@lru_cache(maxsize=1024)
def template(sql: str, *, formatted: bool) -> Template | None:
    """`sql` as a statement to prepare, None where it cannot be one; `formatted`: it is written for parameters."""
    if "?" in sql or _SELECT.match(sql) is None:
        return None
    if not formatted:
        return Template(sql.encode(), 0)
    found = list(_PLACEHOLDER.finditer(sql))
    if any(one["other"] is not None for one in found):
        return None
    names = [one["name"] for one in found if not one["percent"]]
    text = _PLACEHOLDER.sub(lambda one: "%" if one["percent"] else "?", sql).encode()
    if any(names):
        return Template(text, tuple(names)) if all(names) else None
    return Template(text, len(names))


def bind(values: Iterable[Any]) -> tuple[bytes, bytes] | None:
    """The parameters of COM_STMT_EXECUTE as (their types, all of them).

    None where one is neither a short text nor an integer of 64 bits: of these, server and client think alike.
    """
    types, data = [], []
    for value in values:
        if type(value) is str:
            written = value.encode()
            size = len(written)
            if size >= NULL:
                return None
            types.append(_STRING)
            data.append(bytes((size,)) + written)
        elif type(value) is int and -(1 << 63) <= value < 1 << 63:
            types.append(_INTEGER)
            data.append(value.to_bytes(8, "little", signed=True))
        else:
            return None
    if not types:
        return b"", b""
    kinds = b"".join(types)
    return kinds, bytes((len(types) + 7) // 8) + _PARAMETERS_FOLLOW + kinds + b"".join(data)


_STRING = bytes((FIELD_TYPE.VAR_STRING, 0))
_INTEGER = bytes((FIELD_TYPE.LONGLONG, 0))


class UnknownTypeError(Exception):
    """A column is of a type that is not known here."""


def layout(fields: Sequence[Any]) -> Layout:
    """How the rows of these columns are read, text as UTF-8; raises `UnknownTypeError`."""
    return Layout(tuple([field.name for field in fields]), _rows_of(tuple([_reader(field) for field in fields])))


def _rows_of(readers: tuple[Reader, ...]) -> RowReader:
    skipped = 1 + (len(readers) + 9) // 8
    no_nulls = bytes(skipped)

    def row(packet: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        start, at = at, at + skipped
        values: list[Any] = []
        if packet[start:at] == no_nulls:
            for read in readers:
                value, at = read(packet, at)
                values.append(value)
        else:
            nulls = int.from_bytes(packet[start + 1 : at], "little") >> 2
            for read in readers:
                if nulls & 1:
                    values.append(None)
                else:
                    value, at = read(packet, at)
                    values.append(value)
                nulls >>= 1
        return tuple(values), at

    return row


def _reader(field: Any) -> Reader:
    kind = field.type_code
    number = _NUMBERS.get((kind, bool(field.flags & FLAG.UNSIGNED)))
    if number is not None and (kind != FIELD_TYPE.DOUBLE or field.scale == ANY_DECIMALS):
        return partial(_fixed, number.unpack_from, number.size)
    if kind in (FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.DECIMAL):
        return _decimal
    if kind == FIELD_TYPE.JSON or (kind in TEXT_TYPES and field.charsetnr != BINARY):
        return _text
    if kind in TEXT_TYPES:
        return _piece
    if kind not in _TIMES:
        raise UnknownTypeError(f"type {kind} of the column {field.name!r}")
    return _TIMES[kind](field.scale)


def _fixed(unpack: Callable[[bytes, int], tuple[Any]], size: int, packet: bytes, at: int) -> tuple[Any, int]:
    return unpack(packet, at)[0], at + size


def _piece(packet: bytes, at: int) -> tuple[bytes, int]:
    size, at = length(packet, at)
    end = at + size
    return packet[at:end], end


def _text(packet: bytes, at: int) -> tuple[str, int]:
    piece, end = _piece(packet, at)
    return piece.decode(), end


def _decimal(packet: bytes, at: int) -> tuple[Decimal, int]:
    piece, end = _piece(packet, at)
    return Decimal(piece.decode()), end


def _date(_: int) -> Reader:
    def read(packet: bytes, at: int) -> tuple[date | str, int]:
        size = packet[at]
        day = _DAY.unpack_from(packet, at + 1) if size else (0, 0, 0)
        try:
            return date(*day), at + 1 + size
        except ValueError:  # zero, or the like, which PyMySQL leaves as the server writes it
            return "{:04d}-{:02d}-{:02d}".format(*day), at + 1 + size

    return read


def _moment(decimals: int) -> Reader:
    def read(packet: bytes, at: int) -> tuple[datetime | str, int]:
        size = packet[at]
        parts: Any = _MOMENTS[size](packet, at + 1)
        try:
            return datetime(*parts), at + 1 + size  # noqa: DTZ001 - the database's times have no zone
        except ValueError:
            year, month, day, hour, minute, second, microsecond = parts + (0,) * (7 - len(parts))
            text = f"{year:04d}-{month:02d}-{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
            fraction = f".{microsecond:06d}"[: decimals + 1] if decimals else ""
            return text + fraction, at + 1 + size

    return read


def _duration(_: int) -> Reader:
    def read(packet: bytes, at: int) -> tuple[timedelta, int]:
        size = packet[at]
        negative, days, hours, minutes, seconds, microseconds = _DURATIONS[size](packet, at + 1)
        value = timedelta(days, seconds, microseconds, 0, minutes, hours)
        return (-value if negative else value), at + 1 + size

    return read


_NUMBERS = {
    (kind, unsigned): Struct("<" + (letter.upper() if unsigned else letter))
    for kind, letter in {
        FIELD_TYPE.TINY: "b",
        FIELD_TYPE.SHORT: "h",
        FIELD_TYPE.YEAR: "h",
        FIELD_TYPE.INT24: "i",
        FIELD_TYPE.LONG: "i",
        FIELD_TYPE.LONGLONG: "q",
    }.items()
    for unsigned in (False, True)
} | {(FIELD_TYPE.DOUBLE, unsigned): Struct("<d") for unsigned in (False, True)}
"""FLOAT is not among them: as text it is rounded to six digits, and PyMySQL knows no other; nor is a DOUBLE of so
many decimals, which is rounded likewise."""
ANY_DECIMALS = 31
_TIMES: dict[int, Callable[[int], Reader]] = {
    FIELD_TYPE.DATE: _date,
    FIELD_TYPE.DATETIME: _moment,
    FIELD_TYPE.TIMESTAMP: _moment,
    FIELD_TYPE.TIME: _duration,
}
_MOMENTS: dict[int, Callable[[bytes, int], tuple[int, ...]]] = {
    0: lambda *_: (0, 0, 0),
    4: _DAY.unpack_from,
    7: _SECOND.unpack_from,
    11: _MICROSECOND.unpack_from,
}
_DURATIONS: dict[int, Callable[[bytes, int], tuple[int, ...]]] = {
    0: lambda *_: (0,) * 6,
    8: lambda packet, at: (*_TIME.unpack_from(packet, at), 0),
    12: _FINE_TIME.unpack_from,
}
"""What a time is made of, by the number of bytes that it comes in: what is zero at its end is left out."""

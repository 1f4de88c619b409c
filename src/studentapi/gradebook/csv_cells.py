"""CSV as RFC 4180 has it, in UTF-8: records with their lines' numbers, and cells that no spreadsheet computes.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula. Such text
leaves here with a `'` before it, and so does text that has such a `'` already; what comes in loses one. So what
left comes back as it was, and a formula that comes in is text like any other.
"""

from __future__ import annotations

import csv
import re
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_LINE = 64 * 1024
"""Bytes. What is not CSV at all may have no line ends, and is not to be read into memory whole."""
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")


class Record(NamedTuple):
    """A record: the number of its first line, and its cells; or what is wrong with it."""

    line: int
    cells: list[str]
    fault: str | None = None
    is_last: bool = False
    """After this fault, what follows cannot be told apart."""


def guarded(text: str) -> str:
    """Text as it leaves."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """A cell as it comes in."""
    return cell[1:] if _GUARDED.match(cell) else cell


def is_utf_8(cell: str) -> bool:
    """Whether a cell of `records` was text; bytes that are none stand in it as lone surrogates."""
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True


def records(stream: IO[bytes]) -> Iterator[Record]:
    """All records that are not blank lines. A byte order mark is passed over."""
    lines = _Lines(stream)
    reader = csv.reader(lines, strict=True)
    while True:
        first = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = (
                "A quote is not closed" if "unexpected end" in str(error) else "A quote is in the wrong place"
            )
            if "new-line" in str(error):
                reason = "A line ends with LF or CR LF"
            over = lines.number > first
            yield Record(first, [], f"{reason}; what follows is not read" if over else reason, over)
            if over:
                return
            continue
        except _LongLineError:
            yield Record(first, [], "A line is longer than 64 KiB; what follows is not read", is_last=True)
            return
        if cells:
            yield Record(first, cells)


class _LongLineError(Exception):
    pass


class _Lines:
    """The lines of a stream as text, counted."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.number = 0
        self._stream = stream

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self._stream.readline(LONGEST_LINE + 1)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) > LONGEST_LINE:
            raise _LongLineError
        if self.number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        return raw.decode("utf-8", "surrogateescape")

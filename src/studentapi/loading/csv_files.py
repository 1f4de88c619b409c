"""CSV files of a data set, read strictly: whatever is not as it should be is named by file, line and reason.

A record is one line. That is stricter than CSV, which allows line breaks within quotes; in exchange every
line stands for itself, and its number is the one that an editor shows.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator
    from importlib.resources.abc import Traversable

LONGEST_LINE = 64 * 1024
"""Bytes. What is not CSV at all may have no line ends, and is not to be read into memory whole."""
SHOWN = 24
"""Characters of a bad value that a message repeats."""
MISSING = ("", "?")
"""How a file says that a value is not known."""

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,4})?")


class MalformedFile(ValueError):  # noqa: N818 - it names a condition, as the project's other errors do
    """A file that cannot be loaded: `file` (its name), `line` (None: the file as a whole) and `reason`."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class Line:
    """One record: its values by column, each asked for as what it has to be.

    Every method raises `MalformedFile`, with this line's number, for a value that is not so.
    """

    __slots__ = ("_index", "_values", "file", "number")

    def __init__(self, file: str, number: int, values: list[str], index: dict[str, int]) -> None:
        self.file = file
        self.number = number
        self._values = values
        self._index = index

    def text(self, column: str) -> str:
        """A value that must be there; `?` is one."""
        value = self._values[self._index[column]]
        if not value:
            raise self.malformed(f"{column} is blank")
        return value

    def matching(self, column: str, pattern: re.Pattern[str], meaning: str) -> str:
        """A value that `pattern` matches as a whole; `meaning` says in words what that is."""
        value = self.text(column)
        if not pattern.fullmatch(value):
            raise self.malformed(f"{column} has to be {meaning}, not {shown(value)}")
        return value

    def choice(self, column: str, choices: Collection[str]) -> str:
        """One of `choices`."""
        value = self.text(column)
        if value not in choices:
            raise self.malformed(f"{column} has to be one of {', '.join(choices)}, not {shown(value)}")
        return value

    def whole(self, column: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self.text(column)
        if not _WHOLE.fullmatch(value):
            raise self.malformed(f"{column} has to be a whole number, not {shown(value)}")
        number = int(value)
        if not low <= number <= high:
            raise self.malformed(f"{column} has to be from {low} to {high}, not {shown(value)}")
        return number

    def whole_or_none(self, column: str, low: int, high: int) -> int | None:
        """As `whole`; None where it is not known."""
        return None if self._is_missing(column) else self.whole(column, low, high)

    def decimal(self, column: str, low: int, high: int) -> Decimal:
        """A number from `low` to `high` with at most four decimals, as many as the gradebook keeps."""
        value = self.text(column)
        if not _DECIMAL.fullmatch(value):
            raise self.malformed(f"{column} has to be a number with at most 4 decimals, not {shown(value)}")
        number = Decimal(value)
        if not low <= number <= high:
            raise self.malformed(f"{column} has to be from {low} to {high}, not {shown(value)}")
        return number

    def decimal_or_none(self, column: str, low: int, high: int) -> Decimal | None:
        """As `decimal`; None where it is not known."""
        return None if self._is_missing(column) else self.decimal(column, low, high)

    def refuse_repeat(self, key: Hashable, seen: dict[Hashable, int], what: str) -> None:
        """Note `key` in `seen` (key → line number); raise where an earlier line has it already."""
        first = seen.setdefault(key, self.number)
        if first != self.number:
            raise self.malformed(f"{what} is already in line {first}")

    def malformed(self, reason: str) -> MalformedFile:
        """Make the error that names this line, to be raised."""
        return MalformedFile(self.file, self.number, reason)

    def _is_missing(self, column: str) -> bool:
        return self._values[self._index[column]] in MISSING


def read_lines(folder: Traversable, name: str, columns: Collection[str]) -> Iterator[Line]:
    """The records of `name`.csv or `name`.csv.gz in `folder`, one at a time.

    `columns` must all be in the header, in any order; others are passed over, as other releases of a data
    set have some. A file without a record is refused: it was cut off after its header. Raises
    `MalformedFile` when the iteration comes to what is wrong.
    """
    file = _find(folder, name)
    with _opened(folder / file) as stream:
        texts = _texts(file, stream)
        first = next(texts, None)
        if first is None:
            raise MalformedFile(file, 1, "the file is empty; its first line has to name the columns")
        header = _split(file, 1, first[1].removeprefix("\ufeff"))
        index = _index(file, header, columns)
        number = 1
        for number, text in texts:
            values = _split(file, number, text)
            if len(values) != len(header):
                raise MalformedFile(file, number, f"{len(values)} columns, where the header has {len(header)}")
            yield Line(file, number, values, index)
        if number == 1:
            raise MalformedFile(file, 1, "nothing follows the header: the file is cut off")


def shown(value: str) -> str:
    """A value as a message may show it: short, and with control characters escaped."""
    return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r}…"


def _find(folder: Traversable, name: str) -> str:
    """Name of the file that is there, plain or compressed."""
    plain, packed = f"{name}.csv", f"{name}.csv.gz"
    try:
        there = [file for file in (plain, packed) if (folder / file).is_file()]
    except OSError as error:  # a folder that may not be entered
        raise MalformedFile(plain, None, f"it cannot be opened: {error.strerror}") from error
    if not there:
        raise MalformedFile(plain, None, f"there is no such file, nor {packed}")
    if len(there) > 1:
        raise MalformedFile(plain, None, f"{packed} is there too; which one is meant?")
    return there[0]


@contextmanager
def _opened(path: Traversable) -> Iterator[IO[bytes]]:
    """The bytes of a file, decompressed where its name ends in .gz."""
    try:
        stream = path.open("rb")
    except OSError as error:
        raise MalformedFile(path.name, None, f"it cannot be opened: {error.strerror}") from error
    with stream:
        if path.name.endswith(".gz"):
            with gzip.open(stream) as unpacked:
                yield cast("IO[bytes]", unpacked)  # in all but its type stubs
        else:
            yield stream


def _texts(file: str, stream: IO[bytes]) -> Iterator[tuple[int, str]]:
    """Each line's number and text, without its line end (LF or CR LF)."""
    number = 0
    while True:
        number += 1
        try:
            raw = stream.readline(LONGEST_LINE + 1)
        except EOFError as error:
            raise MalformedFile(file, number, "the compressed file is cut off here") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise MalformedFile(file, number, "the compressed file is damaged") from error
        except OSError as error:
            raise MalformedFile(file, number, f"it cannot be read: {error.strerror}") from error
        if not raw:
            return
        if not raw.endswith(b"\n"):
            reason = "longer than 64 KiB" if len(raw) > LONGEST_LINE else "no line end: the file is cut off here"
            raise MalformedFile(file, number, reason)
        raw = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
        if not raw:
            raise MalformedFile(file, number, "the line is blank")
        if b"\0" in raw or b"\r" in raw:
            what = "NUL byte" if b"\0" in raw else "carriage return"
            raise MalformedFile(file, number, f"a {what} within the line")
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            bad = f"byte 0x{raw[error.start]:02X} at position {error.start + 1} is not UTF-8"
            raise MalformedFile(file, number, bad) from error


def _split(file: str, number: int, text: str) -> list[str]:
    try:
        # Strict, and given this line alone: a quote that is still open at its end is an error.
        return next(csv.reader((text,), strict=True))
    except csv.Error as error:
        reason = "a quote is not closed" if "unexpected end" in str(error) else "a quote in the wrong place"
        raise MalformedFile(file, number, reason) from error


def _index(file: str, header: list[str], columns: Collection[str]) -> dict[str, int]:
    """Column → place, of a header that has every one of `columns` once."""
    index = {column: place for place, column in enumerate(header)}
    repeated = [column for column in columns if header.count(column) > 1]
    missing = [column for column in columns if column not in index]
    if repeated:
        raise MalformedFile(file, 1, f"the column {repeated[0]} is there twice")
    if missing:
        raise MalformedFile(file, 1, f"the column {missing[0]} is missing")
    return index

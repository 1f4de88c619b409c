"""A board in shared memory on which the processes of one service show each other their connections and counters.

Made before the processes fork, it costs a few stores per statement, no lock, no file and no message. Each process
writes on a block of its own, which it claims when it first has something to show; the block of one that has died
is taken over with its counters, so that these never go back while the service runs.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
import weakref
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NUMBERS = ("connection_id", "opened", "last_used", "uses", "reconnects", "writable")
TEXTS = {"thread": 32, "server": 96, "version": 64, "last_error": 256}
"""Bytes for each text of a row, of UTF-8; what is longer is cut."""
CONNECTION_ID, OPENED, LAST_USED, USES, RECONNECTS, WRITABLE = range(len(NUMBERS))

_WORD = 8
_ROW = _WORD * (1 + len(NUMBERS)) + sum(TEXTS.values())


class Shown(NamedTuple):
    """A connection as its process shows it; times are of `time.monotonic`, which is one for all processes."""

    process: int
    thread: str
    server: str
    version: str
    connection_id: int
    opened: float
    last_used: float
    uses: int
    reconnects: int
    writable: bool
    last_error: str


class Row:
    """The line of one thread: numbers to store into, and texts."""

    def __init__(self, memory: memoryview, process: int) -> None:
        self._memory = memory
        self.process = process
        words: Any = memory[: _WORD * (1 + len(NUMBERS))].cast("d")
        self._taken = words[:1]
        self.numbers = words[1:]
        for number in range(len(NUMBERS)):
            self.numbers[number] = 0.0
        self.write(**dict.fromkeys(TEXTS, ""))
        self._taken[0] = 1.0

    def write(self, **texts: str) -> None:
        """Show `texts`, named as in `TEXTS`."""
        start = _WORD * (1 + len(NUMBERS))
        for name, size in TEXTS.items():
            if name in texts:
                data = texts[name].encode(errors="replace")[:size]
                self._memory[start : start + size] = data.ljust(size, b"\0")
            start += size


class Board:
    """Room for `processes` blocks, each with its `counters` and `gauges` and with `rows` rows.

    Where there are more threads or processes than that, the rest works on unseen.
    """

    def __init__(self, processes: int, rows: int, counters: Iterable[str], gauges: Iterable[str] = ()) -> None:
        self._counters, self._gauges = tuple(counters), tuple(gauges)
        self._names = self._counters + self._gauges
        self._places = {name: place for place, name in enumerate(self._names)}
        self._processes, self._rows = processes, rows
        self._head = _WORD * (1 + len(self._names))
        self._block = self._head + rows * _ROW
        self._file = os.memfd_create("studentapi-board", os.MFD_CLOEXEC)
        weakref.finalize(self, os.close, self._file)
        os.ftruncate(self._file, processes * self._block)
        self._memory = memoryview(mmap.mmap(self._file, processes * self._block))
        self._here = _Here()
        self._known: dict[int, _Here] = {}

    def count(self, name: str, by: float = 1.0) -> None:
        """Add to a number of this process."""
        self.add(((self._places[name], by),))

    def add(self, changes: Iterable[tuple[int, float]]) -> None:
        """Add to several numbers of this process at once, each named by its place: counters, then gauges."""
        here = self._mine()
        with here.lock:
            numbers = here.numbers
            for place, by in changes:
                numbers[place] += by

    def take_row(self) -> Row:
        """A row for the current thread, free again once the object is gone; an unseen one if none is left."""
        here = self._mine()
        with here.lock:
            number = min(set(range(self._rows)) - here.taken, default=None)
            if here.memory is None or number is None:
                return Row(memoryview(bytearray(_ROW)), here.process)
            here.taken.add(number)
            row = Row(self._row(here.memory, number), here.process)
        weakref.finalize(row, _free, here, number, self._row(here.memory, number)).atexit = False
        return row

    def totals(self) -> dict[str, float]:
        """Every number: counters over all processes, those that ended too; gauges over those that run."""
        return dict(zip(self._names, self.sums(), strict=True))

    def sums(self) -> list[float]:
        """As `totals`, by place."""
        sums = [0.0] * len(self._names)
        for block in self._blocks():
            process, *numbers = self._words(block).tolist()
            if not _runs(int(process)):
                numbers[len(self._counters) :] = [0.0] * len(self._gauges)
            sums = list(map(add, sums, numbers))
        return sums

    def connections(self) -> Iterator[Shown]:
        """Every connection of every process that runs."""
        for block in self._blocks():
            process = int(self._words(block)[0])
            if not _runs(process):
                continue
            for number in range(self._rows):
                shown = _read(self._row(block, number), process)
                if shown is not None:
                    yield shown

    def _mine(self) -> _Here:
        here = self._here
        if here.process != os.getpid():
            # Of several threads that come at once, one claims; a forked child finds no lock of its parent's.
            here = self._known.setdefault(os.getpid(), _Here())
            with here.lock:
                if not here.process:
                    self._claim(here)
            self._here = here
        return here

    def _claim(self, here: _Here) -> None:
        process = os.getpid()
        # of the kernel, and so let go should the process die in here
        fcntl.lockf(self._file, fcntl.LOCK_EX)
        try:
            for block in self._blocks():
                words = self._words(block)
                if not _runs(int(words[0])):
                    for number in range(self._rows):
                        self._row(block, number)[:] = bytes(_ROW)
                    for gauge in range(1 + len(self._counters), len(words)):
                        words[gauge] = 0.0
                    words[0] = process
                    here.memory, here.numbers = block, words[1:]
                    break
            else:
                here.numbers = memoryview(bytearray(self._head)).cast("d")[1:]
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)
        here.process = process

    def _blocks(self) -> Iterator[memoryview]:
        for number in range(self._processes):
            yield self._memory[number * self._block : (number + 1) * self._block]

    def _words(self, block: memoryview) -> Any:
        return block[: self._head].cast("d")

    def _row(self, block: memoryview, number: int) -> memoryview:
        start = self._head + number * _ROW
        return block[start : start + _ROW]


class _Here:
    """What one process knows of its own block."""

    def __init__(self) -> None:
        self.process = 0
        self.lock = threading.Lock()
        self.taken: set[int] = set()
        self.memory: memoryview | None = None
        self.numbers: Any = memoryview(b"")


def _free(here: _Here, number: int, row: memoryview) -> None:
    if here.process == os.getpid():  # a forked child has a copy of its parent's
        row[:_WORD] = bytes(_WORD)
        here.taken.discard(number)


def _read(row: memoryview, process: int) -> Shown | None:
    words = row[: _WORD * (1 + len(NUMBERS))].cast("d")
    if not words[0] or not words[1 + OPENED]:
        return None
    numbers = dict(zip(NUMBERS, words[1:].tolist(), strict=True))
    texts, start = {}, _WORD * (1 + len(NUMBERS))
    for name, size in TEXTS.items():
        texts[name] = bytes(row[start : start + size]).rstrip(b"\0").decode(errors="replace")
        start += size
    return Shown(
        process,
        connection_id=int(numbers["connection_id"]),
        opened=numbers["opened"],
        last_used=numbers["last_used"],
        uses=int(numbers["uses"]),
        reconnects=int(numbers["reconnects"]),
        writable=bool(numbers["writable"]),
        **texts,
    )


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process > 0

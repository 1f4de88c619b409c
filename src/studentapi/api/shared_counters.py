"""Counters in memory that the worker processes share, exact over all of them and their threads.

A storage for the library `limits`. Made before the processes fork. uWSGI's own cache would not do: its
`cache_inc` does not tell the new value, and whoever asks for it afterwards sees what others added meanwhile.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import mmap
import secrets
import struct
import time
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING

from limits.storage import Storage

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKETS = 4096
SLOTS = 16
"""Slots of a bucket: 65,536 counters together, in 2 MiB. A key has its place in one bucket."""
LOCK_TIMEOUT = 0.1
"""Seconds to wait for the lock, which is held for microseconds."""
LOCK_PAUSE = 0.000_05
PLACED = 1024
"""Keys whose places a process remembers: who asks, asks again."""

_HEAD = 128
_MUTEX_BYTES = 64  # more than pthread_mutex_t has on any platform of Linux
_UNCOUNTED = struct.Struct("=q")
_SLOT = struct.Struct("=16sdq")  # digest of the key, end of its window by time.monotonic, count
_BUCKET = SLOTS * _SLOT.size


class SharedCounters(Storage):
    """A hash table of fixed size. Where a bucket is full, a further key is let through, and that is counted."""

    STORAGE_SCHEME = None

    def __init__(self) -> None:
        super().__init__()
        self._memory = mmap.mmap(-1, _HEAD + BUCKETS * _BUCKET)
        self._mutex = _Mutex(self._memory)
        # nobody who cannot read this memory can choose keys that meet in one bucket
        self._key = secrets.token_bytes(16)
        self._placed = lru_cache(PLACED)(self._place)

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong: nothing of a storage's own."""
        return OSError

    @property
    def uncounted(self) -> int:
        """Requests let through because there was no room for their counter, or no lock to be had."""
        number: int = _UNCOUNTED.unpack_from(self._memory, _MUTEX_BYTES)[0]
        return number

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter, whose window of `expiry` seconds begins with its first; the new value."""
        return self.count(key, expiry, amount)[0]

    def count(self, key: str, expiry: int, amount: int = 1) -> tuple[int, float]:
        """As `incr`; and the seconds that are left of the window."""
        digest, bucket = self._placed(key)
        held = self._mutex.take()
        try:
            now = monotonic()
            place, end, count = self._find(digest, bucket, now) if held else (None, 0.0, 0)
            if place is None:
                number = _UNCOUNTED.unpack_from(self._memory, _MUTEX_BYTES)[0]
                _UNCOUNTED.pack_into(self._memory, _MUTEX_BYTES, number + 1)
                return amount, expiry
            end = end or now + expiry
            _SLOT.pack_into(self._memory, place, digest, end, count + amount)
            return count + amount, end - now
        finally:
            if held:
                self._mutex.release()

    def get(self, key: str) -> int:
        """A counter's value."""
        return self._read(key)[1]

    def get_expiry(self, key: str) -> float:
        """The end of a counter's window, by `time.time`."""
        return time.time() + max(self._read(key)[0] - monotonic(), 0.0)

    def check(self) -> bool:
        """Whether the storage works: it always does."""
        return True

    def reset(self) -> None:
        """Forget every counter."""
        with self._mutex.held():
            self._memory[_HEAD:] = bytes(BUCKETS * _BUCKET)

    def clear(self, key: str) -> None:
        """Forget a counter."""
        digest, bucket = self._placed(key)
        with self._mutex.held():
            place, end, _ = self._find(digest, bucket, monotonic())
            if place is not None and end:
                _SLOT.pack_into(self._memory, place, bytes(16), 0.0, 0)

    def _read(self, key: str) -> tuple[float, int]:
        digest, bucket = self._placed(key)
        with self._mutex.held() as held:
            _, end, count = self._find(digest, bucket, monotonic()) if held else (None, 0.0, 0)
            return end, count

    def _place(self, key: str) -> tuple[bytes, int]:
        """What stands for a key, and where its bucket begins."""
        digest = hashlib.blake2b(key.encode(errors="replace"), digest_size=16, key=self._key).digest()
        return digest, _HEAD + int.from_bytes(digest[:8]) % BUCKETS * _BUCKET

    def _find(self, digest: bytes, bucket: int, now: float) -> tuple[int | None, float, int]:
        """The place of a counter, the end of its window and its value; else a free place or None, 0 and 0."""
        free = None
        for place in range(bucket, bucket + _BUCKET, _SLOT.size):
            name, end, count = _SLOT.unpack_from(self._memory, place)
            if end <= now:
                free = place if free is None else free
            elif name == digest:
                return place, end, count
        return free, 0.0, 0


class _Mutex:
    """The C library's robust mutex for several processes: that of one which was killed is handed on.

    Taken without letting go of Python's own lock, so that who has it is never waiting for that meanwhile.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        library = ctypes.PyDLL(None)
        self._address = ctypes.byref((ctypes.c_char * _MUTEX_BYTES).from_buffer(memory))
        self._trylock = library.pthread_mutex_trylock
        self._unlock = library.pthread_mutex_unlock
        self._consistent = library.pthread_mutex_consistent
        attributes = ctypes.create_string_buffer(_MUTEX_BYTES)
        for code in (
            library.pthread_mutexattr_init(attributes),
            library.pthread_mutexattr_setpshared(attributes, 1),  # PTHREAD_PROCESS_SHARED
            library.pthread_mutexattr_setrobust(attributes, 1),  # PTHREAD_MUTEX_ROBUST
            library.pthread_mutex_init(self._address, attributes),
        ):
            if code:
                raise OSError(code, "the C library makes no mutex for several processes")

    @contextmanager
    def held(self) -> Iterator[bool]:
        """A block that one thread of one process runs at a time; False where that could not be had in time."""
        held = self.take()
        try:
            yield held
        finally:
            if held:
                self.release()

    def release(self) -> None:
        """Let the next one in."""
        self._unlock(self._address)

    def take(self) -> bool:
        """Keep the others out until `release`; False where that could not be had in time."""
        deadline = 0.0
        while code := self._trylock(self._address):
            if code == errno.EOWNERDEAD:
                return not self._consistent(self._address)
            deadline = deadline or monotonic() + LOCK_TIMEOUT
            if monotonic() > deadline:
                return False
            time.sleep(LOCK_PAUSE)
        return True

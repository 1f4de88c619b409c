"""Public ids that the service makes: UUIDv7 (RFC 9562), so that what is made later sorts later."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_RANDOM_BITS = 74
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """A new public id; each is greater, as text too, than all that this process made before it."""
    global _last  # noqa: PLW0603  # the last id of the process is what makes the next one greater
    with _lock:
        value = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        if value <= _last:  # the same millisecond, or a clock that went back
            value = _last + 1 + secrets.randbits(32)
        _last = value
    milliseconds, random = value >> _RANDOM_BITS, value & (1 << _RANDOM_BITS) - 1
    number = milliseconds << 80 | 7 << 76 | random >> 62 << 64 | 2 << 62 | random & (1 << 62) - 1
    return str(uuid.UUID(int=number))

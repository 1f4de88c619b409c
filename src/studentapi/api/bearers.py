"""Recognising a bearer by its token, without asking the database each time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from pymysql import err

from studentapi.gradebook import tokens

if TYPE_CHECKING:
    from studentapi.gradebook.tokens import Token
    from studentapi.mysql.database import Database

V = TypeVar("V")

RENEWED = 5.0
"""Seconds after which the database is asked again about a token that is in use: its revocation is seen then."""
FORGOTTEN = 10.0
"""Seconds after which nobody is recognised who was not asked about again, be the database away or slow."""
REFUSED = 5.0
"""Seconds that an unknown token is refused without asking."""
MOST = 10_000
"""Tokens that are remembered by a process, and as many unknown ones beside them."""


@dataclass
class _Known:
    token: Token
    asked: float
    renewal: threading.Lock = field(default_factory=threading.Lock)

    def valid(self) -> Token | None:
        """The token, unless it has expired meanwhile."""
        if self.token.expires_at is None:
            return self.token
        return self.token if self.token.is_valid(datetime.now(UTC).replace(tzinfo=None)) else None


class Tokens:
    """Recognises bearers by the digests of their secrets, each worker process with a short memory of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, _Known] = {}
        self._unknown: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def recognised(self, key: bytes) -> Token | None:
        """The token of this digest, if it was valid lately and is not known to have ended.

        When it is due, one thread asks the database again; the others, and all while the database is away, go by
        what they have for as long as that is good.
        """
        known = self._known.get(key)
        if known is None:
            return None
        since = monotonic() - known.asked
        if since >= FORGOTTEN:
            return None
        due = since >= RENEWED and not self._database.away
        if not due or not known.renewal.acquire(blocking=False):
            return known.valid()
        try:
            return self._ask(key)
        except err.Error:
            if monotonic() - known.asked >= FORGOTTEN:
                raise
            return known.valid()
        finally:
            known.renewal.release()

    def find(self, key: bytes) -> Token | None:
        """The token of this digest, if it is valid now; an unknown one is asked for once in `REFUSED` seconds."""
        return None if monotonic() < self._unknown.get(key, 0.0) else self._ask(key)

    def _ask(self, key: bytes) -> Token | None:
        asked = monotonic()
        token = tokens.find(self._database, key)
        with self._lock:
            if token is None:
                self._known.pop(key, None)
                _keep(self._unknown, key, monotonic() + REFUSED)
            else:
                _keep(self._known, key, _Known(token, asked))
        return token


def _keep(memory: dict[bytes, V], key: bytes, value: V) -> None:
    """Remember `value`, and forget the oldest where there are too many."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > MOST:
        del memory[next(iter(memory))]

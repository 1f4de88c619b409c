"""Recognising a bearer by its token, without asking the database each time."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from studentapi.gradebook import tokens

if TYPE_CHECKING:
    from studentapi.gradebook.tokens import Token
    from studentapi.mysql.database import Database

REMEMBERED = 5.0
"""Seconds that a token is recognised without asking the database: a revocation takes effect within them."""
MOST_REMEMBERED = 10_000


class _Known(NamedTuple):
    token: Token
    until: float


class Tokens:
    """Recognises bearers, each worker process with a short memory of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, _Known] = {}

    def verify(self, secret: str) -> Token | None:
        """The token of this secret, if it is valid now."""
        key = hashlib.sha256(secret.encode(errors="surrogateescape")).digest()
        known = self._known.get(key)
        if known is not None and monotonic() < known.until:
            return known.token if known.token.is_valid(datetime.now(UTC).replace(tzinfo=None)) else None
        token = tokens.verify(self._database, secret)
        if token is None:
            self._known.pop(key, None)
            return None
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = _Known(token, monotonic() + REMEMBERED)
        return token

"""JSON as it is kept in the database and given to clients: times in UTC as RFC 3339, decimals as numbers."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import orjson

# MySQL's times come without a zone and are UTC: the session's time zone is.
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def dumps(body: Any) -> bytes:
    """Serialize dicts, lists, str, numbers, Decimal, dates and None to JSON in UTF-8."""
    return orjson.dumps(body, _plain, _OPTIONS)


def loads(text: str | bytes) -> Any:
    """Parse; raises ValueError."""
    return orjson.loads(text)


def version(document: bytes) -> str:
    """A short name of exactly this document: 22 characters, the same for the same content."""
    return hashlib.blake2b(document, digest_size=11).hexdigest()


def _plain(value: object) -> float:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")

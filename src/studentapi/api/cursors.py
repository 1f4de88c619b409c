"""Cursors: where a list goes on, signed, so that they hold only for the list that they come from."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import orjson

from studentapi.gradebook import service_keys

if TYPE_CHECKING:
    from studentapi.mysql.database import Database

_MAC = 16
LONGEST = 2048
"""Characters of a cursor at most: a title of 200 four-byte characters and an id, in base64."""


class InvalidCursor(ValueError):  # noqa: N818 - named for the condition
    """It is none of ours, or of another list."""


class Cursors:
    """Makes and reads cursors; all instances of a service share one key, which the database keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: bytes | None = None

    def seal(self, of: str, place: Any) -> str:
        """A cursor to `place`, made of JSON's types, in the list that `of` describes."""
        payload = orjson.dumps(place)
        return base64.urlsafe_b64encode(self._mac(of, payload) + payload).decode().rstrip("=")

    def open(self, of: str, cursor: str) -> Any:
        """The place of a cursor; raises `InvalidCursor`."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidCursor from error
        payload = sealed[_MAC:]
        if not hmac.compare_digest(sealed[:_MAC], self._mac(of, payload)):
            raise InvalidCursor
        return orjson.loads(payload)

    def _mac(self, of: str, payload: bytes) -> bytes:
        if self._key is None:
            self._key = service_keys.shared(self._database, "cursors")
        return hmac.digest(self._key, of.encode() + b"\n" + payload, hashlib.sha256)[:_MAC]

"""Exactly once: the answer to a request is kept with its effect, in one transaction, under the client's key.

The row is the transaction's marker as well (`studentapi.mysql.settlement`): a lost reply to COMMIT is settled by
it. So a client that repeats a request under its key, after any failure at all, has its effect once.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING, NamedTuple

from pymysql import err

from studentapi.gradebook import documents
from studentapi.mysql.errors import is_duplicate, is_locked
from studentapi.mysql.settlement import KEPT, Markers

if TYPE_CHECKING:
    from studentapi.mysql.transaction import Transaction

MARKERS = Markers("idempotency_keys")
DAYS = KEPT
"""Days that an answer is kept, at least."""


_CLAIM = """
    INSERT INTO idempotency_keys (id, outcome, key_hash, request_hash)
    SELECT %(marker)s, 'committed', %(key)s, %(request)s FROM (SELECT 1 AS one) AS one
    WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys WHERE key_hash = %(key)s FOR UPDATE NOWAIT)"""


class Key(NamedTuple):
    """A client's key, and the request that it stands for; SHA-256 of each."""

    key: bytes
    request: bytes

    @classmethod
    def of(cls, token: str, key: str, *request: bytes) -> Key:
        """The key of a token (its public id), for a request of these parts."""
        digest = hashlib.sha256()
        for part in request:
            digest.update(len(part).to_bytes(8, "big") + part)
        return cls(hashlib.sha256(f"{token}\n{key}".encode()).digest(), digest.digest())


class Kept(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class StillRunning(Exception):  # noqa: N818 - named for the condition
    """A request under this key is being worked on."""


class Reused(Exception):  # noqa: N818 - named for the condition
    """Another request was answered under this key."""


def claim(tx: Transaction, key: Key) -> Kept | None:
    """Take the key for this transaction; or the answer that was given under it.

    Raises `StillRunning` and `Reused`.
    """
    marker, wrote = os.urandom(16), tx.wrote
    try:
        # the row of a transaction that is still open is locked
        taken = tx.execute(_CLAIM, {"marker": marker, **key._asdict()})
    except err.Error as error:
        if is_locked(error):
            raise StillRunning from error
        if not is_duplicate(error):
            raise
        taken = 0  # another was faster, and has been committed since
    if taken:
        tx.marked(MARKERS, marker)
        return None
    tx.wrote = wrote  # nothing was inserted: giving an answer again takes no marker
    kept = _kept(tx, key)
    if kept is None:
        raise StillRunning  # what was there has been purged just now
    return kept


def keep(tx: Transaction, key: Key, answer: Kept) -> None:
    """Keep the answer under a key that this transaction has claimed."""
    tx.execute(
        "UPDATE idempotency_keys SET status = %s, headers = %s, answer = %s WHERE key_hash = %s",
        (answer.status, documents.dumps(answer.headers).decode(), answer.body, key.key),
    )


def _kept(tx: Transaction, key: Key) -> Kept | None:
    rows = tx.read(
        "SELECT request_hash, status, headers, answer FROM idempotency_keys WHERE key_hash = %s", (key.key,)
    )
    if not rows:
        return None
    request, status, headers, body = rows[0]
    if not hmac.compare_digest(request, key.request):
        raise Reused
    return Kept(status, documents.loads(headers), body)

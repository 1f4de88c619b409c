"""API tokens: made, listed, revoked, recognised. The database keeps only the SHA-256 of their secrets."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from studentapi.gradebook.ids import new_id
from studentapi.gradebook.resources import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from studentapi.mysql.database import Database
    from studentapi.mysql.transaction import Transaction

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
PREFIX = "studentapi_"
"""What a secret begins with, for people and secret scanners to know it by."""

_SECRET = re.compile(re.escape(PREFIX) + "[A-Za-z0-9_-]{43}")  # 32 random bytes, in URL-safe base64
_COLUMNS = """
    tokens.public_id, tokens.label, tokens.scopes, users.public_id, tokens.created_at, tokens.expires_at,
    tokens.revoked_at FROM tokens LEFT JOIN users ON users.id = tokens.user_id"""
_OF_DIGEST = f"""SELECT {_COLUMNS}
    WHERE tokens.digest = %s AND tokens.deleted_at IS NULL
    AND (tokens.user_id IS NULL OR users.deleted_at IS NULL AND users.role = 'student')"""


class BoundTooWide(ValueError):  # noqa: N818 - named for the condition
    """A token that is bound to a student can have the scope `read` alone."""


@dataclass(frozen=True)
class Token:
    """What a bearer may do. `student_id` binds it to one student; times are naive UTC.

    `secret` is there only at its making: it cannot be read back.
    """

    id: str
    label: str
    scopes: frozenset[Scope]
    student_id: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    secret: str = field(default="", repr=False)

    def is_valid(self, now: datetime) -> bool:
        """Whether it is neither revoked nor expired at `now` (naive, UTC)."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create(
    database: Database,
    scopes: Iterable[Scope] = ("read",),
    *,
    label: str = "",
    student_id: str | None = None,
    expires_at: datetime | None = None,
) -> Token:
    """Make a token; the answer alone holds its secret. Raises `NotFound` for the student, and `BoundTooWide`.

    Scopes are independent of each other: `write` does not include `read`, and `admin` includes neither.
    """
    wanted = frozenset(scopes)
    if not wanted or not wanted <= set(SCOPES):
        raise ValueError(f"scopes are some of {', '.join(SCOPES)}")
    if student_id is not None and wanted != {"read"}:
        raise BoundTooWide("a token that is bound to a student can have the scope 'read' alone")
    secret = PREFIX + secrets.token_urlsafe(32)
    public_id = new_id()

    def work(tx: Transaction) -> None:
        user = None
        if student_id is not None:
            found = tx.read(
                "SELECT id FROM users WHERE public_id = %s AND role = 'student' AND deleted_at IS NULL",
                (student_id,),
            )
            if not found:
                raise NotFound("student", student_id)
            user = found[0][0]
        tx.execute(
            "INSERT INTO tokens (public_id, digest, label, scopes, user_id, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (public_id, digest(secret), label, ",".join(sorted(wanted)), user, expires_at),
        )

    database.run(work)
    now = datetime.now(UTC).replace(tzinfo=None)
    return Token(public_id, label, wanted, student_id, now, expires_at, None, secret)


def all_tokens(database: Database) -> list[Token]:
    """Every token, the oldest first, without its secret."""
    return [_token(row) for row in database.read(f"SELECT {_COLUMNS} ORDER BY tokens.id")]


def revoke(database: Database, public_id: str) -> None:
    """End a token now; ending it again changes nothing. Raises `NotFound`."""

    def work(tx: Transaction) -> None:
        found = tx.read("SELECT revoked_at FROM tokens WHERE public_id = %s FOR UPDATE", (public_id,))
        if not found:
            raise NotFound("token", public_id)
        if found[0][0] is None:
            tx.execute("UPDATE tokens SET revoked_at = UTC_TIMESTAMP(6) WHERE public_id = %s", (public_id,))

    database.run(work)


def is_secret(text: str) -> bool:
    """Whether this has the form of a token's secret; what has not is unknown without being looked up."""
    return _SECRET.fullmatch(text) is not None


def digest(secret: str) -> bytes:
    """What is kept of a secret: its SHA-256, which tells nothing of 32 random bytes."""
    return hashlib.sha256(secret.encode(errors="surrogateescape")).digest()


def find(database: Database, key: bytes) -> Token | None:
    """The token whose secret has this digest, if it is valid now, and so is the student that it is bound to.

    What timing can tell of a digest's place in an index helps nobody to a secret.
    """
    rows = database.read(_OF_DIGEST, (key,))
    if not rows:
        return None
    token = _token(rows[0])
    return token if token.is_valid(datetime.now(UTC).replace(tzinfo=None)) else None


def verify(database: Database, secret: str) -> Token | None:
    """The token whose secret this is, if it is valid now."""
    return find(database, digest(secret)) if is_secret(secret) else None


def _token(row: tuple[object, ...]) -> Token:
    public_id, label, scopes, *rest = row
    return Token(public_id, label, frozenset(str(scopes).split(",")), *rest)  # type: ignore[arg-type]

"""Who asks: the bearer's token, as a row of `statements.BEARER` tells of it. The same for all in Python."""

from __future__ import annotations

import hashlib
from typing import Any


def digest(authorization: str | None) -> str:
    """The SHA-256, in hex, of the token in an Authorization header; of nothing where there is none."""
    kind, _, secret = (authorization or "").partition(" ")
    return hashlib.sha256(secret.strip().encode() if kind.lower() == "bearer" else b"").hexdigest()


def refusal(row: Any | None, scope: str, student_id: str | None = None) -> int | None:
    """The HTTP status for one who may not, None for one who may; `student_id` is whose data is asked for."""
    if row is None:
        return 401
    scopes, bound_to = row
    if scope not in scopes.split(","):
        return 403
    return 403 if bound_to is not None and bound_to != student_id else None

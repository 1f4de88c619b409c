"""Who may not: unknown, expired and revoked tokens, those of another scope, and one bound to a student."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.peers.asking import refused
from lab.peers.data import ENDED, LESSER

if TYPE_CHECKING:
    from lab.peers.asking import Asking

UNKNOWN = "studentapi_" + 43 * "x"


def turned_away(theirs: Asking, path: str, body: Any = None) -> None:
    """Ask for `path`, which is not the student's bench-1, as each of them; with `body`, record.

    Raises `Disagreement` where one is let in.
    """
    lacking = "write" if body is None else "read"
    statuses = {"unknown": 401, **dict.fromkeys(ENDED, 401), lacking: 403, "bound": 403}
    for name, secret in {"unknown": UNKNOWN, **ENDED, **LESSER}.items():
        if name in statuses:
            answer = theirs.get(path, secret) if body is None else theirs.post(path, body, secret)
            refused(f"{path} with the token {name!r}", answer, statuses[name])

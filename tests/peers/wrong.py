"""Peers that do less than they should, for the comparison to find out: the ORM's, each short of something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lab.peers.data import ENDED, LESSER, TOKEN
from lab.peers.orm.app import application
from lab.peers.orm.models import Result, db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def without_results(environ: Any, start_response: Any) -> Iterable[bytes]:
    """What counts of an attempt is not written."""
    with patch.object(db.session, "merge"):
        return application(environ, start_response)


def keeping_the_first(environ: Any, start_response: Any) -> Iterable[bytes]:
    """What counts is written with the first attempt, and stays."""
    merge = db.session.merge

    def once(result: Result) -> None:
        if db.session.get(Result, (result.student_id, result.assessment_id)) is None:
            merge(result)

    with patch.object(db.session, "merge", once):
        return application(environ, start_response)


def _letting_in(secret: str) -> Callable[[Any, Any], Iterable[bytes]]:
    """Somebody's token is as good as the one that may do everything."""

    def answer(environ: Any, start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_AUTHORIZATION") == f"Bearer {secret}":
            environ["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
        return application(environ, start_response)

    return answer


takes_expired, takes_revoked = (_letting_in(ENDED[name]) for name in ("expired", "revoked"))
reads_for_writers, writes_for_readers, reads_for_students = (
    _letting_in(LESSER[name]) for name in ("write", "read", "bound")
)

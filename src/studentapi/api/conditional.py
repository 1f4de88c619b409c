"""Conditional requests (RFC 9110, section 13): ETag, If-None-Match, If-Match."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flask import Response, request
from werkzeug.exceptions import BadRequest, PreconditionFailed, PreconditionRequired

from studentapi.api.answers import JSON, Complete
from studentapi.gradebook import documents

if TYPE_CHECKING:
    from studentapi.gradebook.resources import Row
    from studentapi.gradebook.writing import Guard

TAGS = r'(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*'
"""What If-Match and If-None-Match are, unless they are `*`: entity tags with commas between."""


_CONDITIONS = frozenset({"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"})


def etag(body: Any) -> str:
    """The entity tag of a resource, without its quotes: the same for the same content, whoever asks."""
    return documents.version(documents.dumps(body))


def answer_if_new(body: Any) -> Response:
    """Answer with `body` and its ETag, or with 304 where the client has it already.

    Raises 412 where it is not as If-Match says: the client puts parts of one state together.
    """
    content = documents.dumps(body)
    tag = documents.version(content)
    headers = [("Content-Type", JSON), ("ETag", f'"{tag}"')]
    if not _CONDITIONS.isdisjoint(request.environ):
        _refuse_malformed()
        if "If-Match" in request.headers and not request.if_match.contains(tag):
            raise PreconditionFailed("If-Match: it has changed since.")
        if request.if_none_match.contains_weak(tag):
            return Response(status=304, headers=headers)
    return Complete(content, headers=headers)


def as_asked(*, required: bool = True) -> Guard:
    """What the request's If-Match and If-None-Match say of the row that it is about to write.

    The guard raises 412 where the row is not as they say, and 428 where there is one, they say nothing, and it is
    `required`: who writes over something has to have seen it.
    """
    _refuse_malformed()

    def guard(row: Row | None) -> None:
        matched, unmatched = request.if_match, request.if_none_match
        # werkzeug takes "*" for a match with anything; nothing matches what is not there
        if "If-Match" in request.headers and (row is None or not matched.contains(etag(row))):
            raise PreconditionFailed("If-Match: it has changed since, or is not there.")
        if row is not None and unmatched.contains_weak(etag(row)):
            raise PreconditionFailed("If-None-Match: there is one.")
        if row is not None and required and "If-Match" not in request.headers:
            raise PreconditionRequired(
                "This changes something: send If-Match with the ETag that you have read, or If-Match: *."
            )

    return guard


def _refuse_malformed() -> None:
    """Refuse a condition that cannot be read: it would be taken for none."""
    for name in ("If-Match", "If-None-Match"):
        given = request.headers.get(name)
        if given not in (None, "*") and not re.fullmatch(TAGS, given):
            raise BadRequest(f'{name}: entity tags in quotes, such as "5f1c", with commas between; or *.')

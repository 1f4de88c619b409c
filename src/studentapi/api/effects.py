"""Writing requests: who writes, and each POST exactly once under its Idempotency-Key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response, g, request
from werkzeug.exceptions import BadRequest

from studentapi.api.conditional import etag
from studentapi.api.request_log import current_request_id
from studentapi.api.state import database
from studentapi.gradebook import documents, idempotency
from studentapi.gradebook.changes import Author, Writer
from studentapi.gradebook.idempotency import Kept, Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.transaction import Transaction

KEY = "[!-~]{1,255}"
"""What an Idempotency-Key is."""


class Effect(NamedTuple):
    """What a request did: the body of its answer, None for an empty one, and its status."""

    body: Any
    status: int = 200
    headers: dict[str, str] | None = None


def carry_out(work: Callable[[Writer], Effect]) -> Response:
    """Run `work` in a transaction, again as a whole where need be, and answer with what it returns.

    A POST with an Idempotency-Key is carried out once: the same request under the same key is given the same
    answer. Refusals are not kept: they change nothing, and may be mended.
    """
    key = _key()

    def once(tx: Transaction) -> Kept:
        if key is not None:
            kept = idempotency.claim(tx, key)
            if kept is not None:
                return Kept(kept.status, {**kept.headers, "Idempotent-Replayed": "true"}, kept.body)
        answer = _answer(work(Writer(tx, author())))
        if key is not None:
            idempotency.keep(tx, key, answer)
        return answer

    status, headers, body = database().run(once)
    response = Response(body, status, headers)
    if not body:
        del response.headers["Content-Type"]
    return response


def author() -> Author:
    """Who makes the current request."""
    token = g.get("token")
    return Author(None if token is None else token.id, current_request_id())


def _answer(effect: Effect) -> Kept:
    headers = dict(effect.headers or {})
    if effect.body is None:
        return Kept(effect.status, headers, b"")
    return Kept(effect.status, {"Content-Type": "application/json", **headers}, documents.dumps(effect.body))


def _key() -> Key | None:
    given = request.headers.get("Idempotency-Key")
    if given is None or request.method != "POST":
        return None
    if not re.fullmatch(KEY, given):
        raise BadRequest("Idempotency-Key: 1 to 255 visible ASCII characters.")
    token = author().token or ""
    url = request.full_path.encode()
    return Key.of(token, given, request.method.encode(), url, request.mimetype.encode(), request.get_data())


def tagged(row: Any, status: int = 200, location: str | None = None) -> Effect:
    """The effect that a resource is now `row`, with its ETag."""
    headers = {"ETag": f'"{etag(row)}"'}
    if location is not None:
        headers["Location"] = location
    return Effect(row, status, headers)

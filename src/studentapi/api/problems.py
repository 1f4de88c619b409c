"""Errors: one shape for every source (RFC 9457, application/problem+json), and no exception's text."""

from __future__ import annotations

from http import HTTPStatus
from time import monotonic
from typing import TYPE_CHECKING, Any

import structlog
from flask import request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import models_json_schema
from werkzeug.exceptions import HTTPException

from studentapi.api.answers import answer
from studentapi.api.waiting_room import CROWDED
from studentapi.gradebook.resources import NotFound
from studentapi.mysql.errors import (
    CommitUnknown,
    Crowded,
    DatabaseUnavailable,
    SessionLost,
    StatementTimeout,
    code_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apiflask import APIFlask, HTTPError
    from flask import Response

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds after which a client may ask again when the database was away."""

_LOCATIONS = {"json": "body", "form": "body", "json_or_form": "body"}
"""APIFlask's names for where a value stood."""

log = structlog.get_logger(__name__)


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    location: str = Field(description="`query` or `body`")
    name: str
    detail: str


class Problem(BaseModel):
    """What every error is answered with (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="`urn:studentapi:` and the kind of problem", examples=["urn:studentapi:not-found"]
    )
    title: str
    status: int
    detail: str
    errors: list[InvalidField] | None = Field(None, description="what is wrong with the request, field by field")


def schemas() -> dict[str, Any]:
    """The JSON schemas of `Problem` and of what it is made of, by name, for an OpenAPI document."""
    _, made = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    return dict(made["$defs"])


def problem(
    status: int, detail: str, kind: str = "", headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Make the answer for an error; `kind` is the last part of its type, by default from the status."""
    title = HTTPStatus(status).phrase
    return answer(
        {
            "type": f"urn:studentapi:{kind or title.lower().replace(' ', '-')}",
            "title": title,
            "status": status,
            "detail": detail,
            **members,
        },
        status,
        headers,
        MEDIA_TYPE,
    )


def register(app: APIFlask) -> None:
    """Have every error of `app` answered here."""
    app.error_processor(_invalid_or_aborted)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(NotFound, _not_found)
    app.register_error_handler(Crowded, _crowded)
    app.register_error_handler(DatabaseUnavailable, _unavailable)
    app.register_error_handler(SessionLost, _unavailable)
    app.register_error_handler(StatementTimeout, _too_slow)
    app.register_error_handler(CommitUnknown, _unknown)
    app.register_error_handler(UnicodeDecodeError, _unreadable)
    app.register_error_handler(Exception, _unexpected)


def _invalid_or_aborted(error: HTTPError) -> Response:
    """What APIFlask raises: a request that does not validate, or an abort."""
    errors = [
        {"location": _LOCATIONS.get(location, location), "name": name, "detail": detail}
        for location, fields in (error.detail or {}).items()
        for name, details in fields.items()
        for detail in details
    ]
    if not errors:
        return problem(error.status_code, error.message or HTTPStatus(error.status_code).description)
    return problem(error.status_code, "The request is not valid.", "invalid-request", errors=errors)


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return problem(status, error.description or HTTPStatus(status).description, headers=headers)


def _unreadable(_: UnicodeDecodeError) -> Response:
    return problem(400, "The request has bytes that are not UTF-8.")


def _not_found(error: NotFound) -> Response:
    return problem(404, f"There is no {error.kind} {error.public_id!r}.", f"{error.kind}-not-found")


def _crowded(error: Crowded) -> Response:
    del error
    request.environ[CROWDED] = True
    return problem(
        503,
        "All threads are busy with the database. Nothing was changed; ask again in a moment.",
        "database-busy",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def _unavailable(error: DatabaseUnavailable | SessionLost) -> Response:
    unlogged = _seldom.due()
    if unlogged is not None:
        log.warning("database unavailable", code=code_of(error), reason=_reason(error), unlogged=unlogged)
    return _away()


class _Seldom:
    """Lets one log line a second through: an outage would write one for each request."""

    def __init__(self) -> None:
        self._next = float("-inf")
        self._unlogged = 0

    def due(self) -> int | None:
        """How many lines were left out before this one; None where this one is to be left out."""
        now = monotonic()
        if now < self._next:
            self._unlogged += 1
            return None
        self._next = now + 1
        unlogged, self._unlogged = self._unlogged, 0
        return unlogged


_seldom = _Seldom()


def _away() -> Response:
    return problem(
        503,
        "The database is away. Nothing was changed; ask again in a moment.",
        "database-unavailable",
        headers={"Retry-After": str(RETRY_AFTER)},
    )


def _too_slow(error: StatementTimeout) -> Response:
    log.warning("statement timed out", code=code_of(error), reason=_reason(error))
    return problem(504, "The database took too long. Nothing was changed.", "statement-timeout")


def _unknown(error: CommitUnknown) -> Response:
    log.error("commit unknown", code=code_of(error), reason=_reason(error))
    return problem(
        503,
        "The database went away while it was saving: the change was made as a whole, or not at all.",
        "commit-unknown",
    )


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problem(500, "Something went wrong here; it has been logged.")


def _reason(error: Exception) -> str:
    """The server's own message; it names hosts and users, never a password, and goes to the log alone."""
    return str(error.args[1]) if len(error.args) > 1 else type(error).__name__

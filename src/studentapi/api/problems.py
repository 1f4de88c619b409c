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

from studentapi.api import problem_types
from studentapi.api.answers import answer
from studentapi.api.waiting_room import CROWDED
from studentapi.gradebook.idempotency import Reused, StillRunning
from studentapi.gradebook.refusals import Exists, InUse, Invalid, NotAllowed
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

_DETAILS = {
    400: "The request cannot be read.",
    404: "There is no such path.",
    405: "The path has other methods.",
    413: "The body is too large.",
}
"""What is said where nobody has said more."""

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
        description="`urn:studentapi:` and the kind of problem",
        examples=["urn:studentapi:not-found"],
        pattern=f"^{problem_types.PREFIX}[a-z-]+$",
    )
    title: str = Field(description="what the status says", examples=["Not Found"])
    status: int = Field(description="the answer's status", examples=[404])
    detail: str = Field(description="what is wrong, for people", examples=["There is no such path."])
    errors: list[InvalidField] | None = Field(None, description="what is wrong with the request, field by field")


def a(kind: str) -> str:
    """`kind` with its article."""
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"


def schemas() -> dict[str, Any]:
    """The JSON schemas of `Problem` and of what it is made of, by name, for an OpenAPI document."""
    _, made = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
    return dict(made["$defs"])


def problem(
    status: int, detail: str, kind: str = "", headers: Mapping[str, str] | None = None, **members: Any
) -> Response:
    """Make the answer for an error; `kind` is the last part of its type, by default from the status."""
    plain, title = problem_types.plain(status)
    return answer(
        {
            "type": f"{problem_types.PREFIX}{kind or plain}",
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
    app.register_error_handler(Invalid, _invalid)
    app.register_error_handler(Exists, _exists)
    app.register_error_handler(InUse, _in_use)
    app.register_error_handler(NotAllowed, _not_allowed)
    app.register_error_handler(StillRunning, _still_running)
    app.register_error_handler(Reused, _reused)
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
    detail = error.description
    if detail is None or detail == type(error).description:  # werkzeug's own
        detail = _DETAILS.get(status, f"{problem_types.plain(status)[1]}.")
    return problem(status, detail, headers=headers)


def _unreadable(_: UnicodeDecodeError) -> Response:
    return problem(400, "The request has bytes that are not UTF-8.")


def _not_found(error: NotFound) -> Response:
    return problem(404, f"There is no {error.kind} {error.public_id!r}.", f"{error.kind}-not-found")


def _invalid(error: Invalid) -> Response:
    location = "query" if request.method == "GET" else "body"
    errors = [{"location": location, "name": error.name, "detail": error.detail}]
    return problem(422, "A value cannot be taken as things are.", "invalid-value", errors=errors)


def _exists(error: Exists) -> Response:
    end = ", deleted: PUT makes it again." if error.deleted else "."
    return problem(409, f"There is {a(error.kind)} {error.public_id!r}{end}", f"{error.kind}-exists")


def _in_use(error: InUse) -> Response:
    detail = f"The {error.kind} {error.public_id!r} has {', '.join(error.users)}: delete these first, or with it."
    return problem(409, detail, f"{error.kind}-in-use", used_by=error.users)


def _not_allowed(error: NotAllowed) -> Response:
    return problem(409, error.detail, error.code)


def _still_running(_: StillRunning) -> Response:
    return problem(
        409,
        "A request under this Idempotency-Key is still being worked on; ask again in a moment.",
        "still-running",
        headers={"Retry-After": "1"},
    )


def _reused(_: Reused) -> Response:
    return problem(422, "This Idempotency-Key was used for another request.", "idempotency-key-reused")


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

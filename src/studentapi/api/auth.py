"""Who may do what: scopes, and tokens that are bound to one student."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import request

from studentapi.api.problems import problem
from studentapi.api.state import state

if TYPE_CHECKING:
    from collections.abc import Callable

    from apiflask import APIFlask
    from flask import Response

    from studentapi.gradebook.tokens import Scope

View = TypeVar("View", bound="Callable[..., Any]")


def requires(scope: Scope, *, student: str | None = None) -> Callable[[View], View]:
    """Let a view be called with a token of `scope` alone; stands right below the route.

    `student` names the path's parameter that is a student's id: a token bound to a student may go there if it
    is its own. Where none is named, a bound token may not go at all.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**arguments: Any) -> Any:
            refusal = _refusal(scope, arguments[student] if student else None)
            return refusal or view(**arguments)

        guarded.required_scope = scope  # type: ignore[attr-defined]
        return cast("View", guarded)

    return decorate


def public(view: View) -> View:
    """Mark a view as open to everyone."""
    view.required_scope = None  # type: ignore[attr-defined]
    return view


def assert_all_declared(app: APIFlask) -> None:
    """Refuse to start with a route that says nothing of who may call it."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        if not hasattr(view, "required_scope") and rule.endpoint != "openapi.spec":
            raise RuntimeError(f"{rule.rule} declares no scope: it needs @requires or @public")


def _refusal(scope: Scope, student_id: str | None) -> Response | None:
    """The answer to a bearer that may not, or None."""
    known = state().tokens
    if known is None:
        return None
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        return problem(
            401,
            "This needs a token: 'Authorization: Bearer …'.",
            "token-missing",
            headers={"WWW-Authenticate": 'Bearer realm="studentapi"'},
        )
    token = known.verify(secret.strip())
    if token is None:
        return problem(
            401,
            "The token is unknown, expired or revoked.",
            "token-invalid",
            headers={"WWW-Authenticate": 'Bearer realm="studentapi", error="invalid_token"'},
        )
    if scope not in token.scopes:
        return _forbidden(f"This needs a token with the scope {scope!r}.", scope)
    if token.student_id is not None and token.student_id != student_id:
        return _forbidden("This token is bound to one student and reads that student alone.", scope)
    return None


def _forbidden(detail: str, scope: Scope) -> Response:
    challenge = f'Bearer realm="studentapi", error="insufficient_scope", scope="{scope}"'
    return problem(403, detail, "forbidden", headers={"WWW-Authenticate": challenge})

"""Who may do what: scopes, and tokens that are bound to one student."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from flask import Response as FlaskResponse
from flask import g, request

from studentapi.api import rate_limits, request_log, security
from studentapi.api.problems import problem
from studentapi.api.state import state
from studentapi.gradebook import tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIEnvironment

    from apiflask import APIFlask
    from flask import Response

    from studentapi.api.bearers import Tokens
    from studentapi.gradebook.tokens import Scope, Token

View = TypeVar("View", bound="Callable[..., Any]")

OPEN = "openapi.spec"
"""APIFlask's own route, open to everyone."""


class Declared(NamedTuple):
    """What a route says of who may call it: a scope, or None for everyone; the path's parameter of a student."""

    method: str
    rule: str
    endpoint: str
    scope: Scope | None
    student: str | None


def requires(scope: Scope, *, student: str | None = None) -> Callable[[View], View]:
    """Let a view be called with a token of `scope` alone; stands right below the route.

    `student` names the path's parameter that is a student's id: a token bound to a student may read there if it
    is its own. Where none is named, a bound token may not go at all. Before anything of a request is parsed, it
    is also looked at for what no view takes: see `security.refusing`.
    """

    def decorate(view: View) -> View:
        unreadable = security.refusing(view)

        @wraps(view)
        def guarded(**arguments: Any) -> Any:
            environ = request.environ
            refusal = _refusal(scope, arguments[student] if student else None, environ) or unreadable(environ)
            return refusal or view(**arguments)

        guarded.required_scope = scope  # type: ignore[attr-defined]
        guarded.student_parameter = student  # type: ignore[attr-defined]
        return cast("View", guarded)

    return decorate


def public(view: View) -> View:
    """Mark a view as open to everyone."""
    view.required_scope = None  # type: ignore[attr-defined]
    return view


def declared(app: APIFlask) -> Iterator[Declared]:
    """What every route of `app` says, by path and method. Raises `RuntimeError` for one that says nothing.

    HEAD is as GET; OPTIONS tells the methods of a route to everyone.
    """
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        student = getattr(view, "student_parameter", None)
        if not hasattr(view, "required_scope") and rule.endpoint != OPEN:
            raise RuntimeError(f"{rule.rule} declares no scope: it needs @requires or @public")
        if student is not None and student not in rule.arguments:
            raise RuntimeError(f"{rule.rule} has no parameter {student!r} that could be a student's id")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Declared(method, rule.rule, rule.endpoint, getattr(view, "required_scope", None), student)


def assert_all_declared(app: APIFlask) -> None:
    """Refuse to start with a route that says nothing of who may call it."""
    for _ in declared(app):
        pass


def _refusal(scope: Scope, student_id: str | None, environ: WSGIEnvironment) -> Response | None:
    """The answer to a bearer that may not, or None."""
    known = state().tokens
    if known is None:
        return None
    token = _bearer(known, environ)
    if isinstance(token, FlaskResponse):
        return token
    g.token = token
    request_log.note_bearer(environ, token.id)
    if scope not in token.scopes:
        return _forbidden(f"This needs a token with the scope {scope!r}.", scope)
    if token.student_id is not None and (scope != "read" or token.student_id != student_id):
        return _forbidden("This token is bound to one student and reads that student alone.", scope)
    return None


def _bearer(known: Tokens, environ: WSGIEnvironment) -> Token | Response:
    """Whose request this is, or the answer where that is nobody, or somebody who asks too often."""
    kind, _, text = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    secret = text.strip() if kind.lower() == "bearer" else ""
    key = tokens.digest(secret)
    token = known.recognised(key) or _stranger(known, secret, key, environ)
    if isinstance(token, FlaskResponse):
        return token
    return rate_limits.refusal("token", token.id, environ) or token


def _stranger(known: Tokens, secret: str, key: bytes, environ: WSGIEnvironment) -> Token | Response:
    """As `_bearer`, of one whom this process does not remember; its address may fail so and so often.

    A token that any process has recognised lately is tried all the same: who shares an address with somebody
    who fails is not kept out.
    """
    limits, address = rate_limits.current(), rate_limits.client_address(environ)
    token = None
    if not limits.is_used_up("failures", address) or limits.is_vouched(key.hex()):
        token = known.find(key) if tokens.is_secret(secret) else None
    if token is None:
        return rate_limits.refusal("failures", address, environ) or _unknown(said=bool(secret))
    limits.vouch(key.hex())
    return token


def _unknown(*, said: bool) -> Response:
    """The same for a token that never was, has expired or is revoked."""
    challenge = 'Bearer realm="studentapi"'
    if not said:
        detail = "This needs a token: 'Authorization: Bearer …'."
        return problem(401, detail, "token-missing", headers={"WWW-Authenticate": challenge})
    return problem(
        401,
        "The token is unknown, expired or revoked.",
        "token-invalid",
        headers={"WWW-Authenticate": f'{challenge}, error="invalid_token"'},
    )


def _forbidden(detail: str, scope: Scope) -> Response:
    challenge = f'Bearer realm="studentapi", error="insufficient_scope", scope="{scope}"'
    return problem(403, detail, "forbidden", headers={"WWW-Authenticate": challenge})

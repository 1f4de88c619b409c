"""What holds for every request and every answer: headers, other sites' scripts, and input that no view takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import unquote_to_bytes

from flask import request

from studentapi.api.problems import problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from apiflask import APIFlask
    from flask import Response
    from werkzeug.datastructures import MultiDict

View = TypeVar("View", bound="Callable[..., Any]")

POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of an answer that is no page; a page has its own."""
HSTS = "max-age=31536000"
"""A year; of this host alone: of others in its domain nothing is known here."""
FORM = "application/x-www-form-urlencoded"

ALLOWED_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
    "X-Request-ID, X-Server-Timing, traceparent, tracestate"
)
EXPOSED_HEADERS = (
    "ETag, Idempotent-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, "
    "WWW-Authenticate, X-Request-ID"
)
PREFLIGHT_SECONDS = "600"

_ALWAYS = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]
_BODY = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
"""What the environment of a request without a body has not."""
_UNLESS_SAID = [("Cache-Control", "no-store"), ("Content-Security-Policy", POLICY)]


def takes(*media_types: str) -> Callable[[View], View]:
    """Declare what a view reads of a request's body where no `input` says it; stands below `requires`."""

    def decorate(view: View) -> View:
        view.media_types = media_types  # type: ignore[attr-defined]
        return view

    return decorate


def register(app: APIFlask, origins: Iterable[str] = ()) -> None:
    """Let scripts of `origins` (`https://host[:port]`) read the answers of `app`, and refuse what is no request.

    Not flask-cors: exact origins are a look into a set, and its patterns and wildcards are what is not wanted.
    A token travels in a header that a script sets, so no answer ever allows a browser's own credentials.
    """
    allowed = frozenset(origins)

    if allowed:

        @app.after_request
        def share(response: Response) -> Response:
            _share(response, allowed)
            return response

    app.wsgi_app = _readable(app.wsgi_app)  # type: ignore[method-assign, assignment]


def _readable(application: WSGIApplication) -> WSGIApplication:
    """Refuse what is no request, or not all of one: uWSGI hands it on, which no framework expects."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if "REQUEST_METHOD" not in environ or "PATH_INFO" not in environ:
            environ["REQUEST_METHOD"] = "GET"
            response = problem(400, "This is not an HTTP request.")
        elif environ.get("REQUEST_URI", "").partition("?")[2] and not environ.get("QUERY_STRING"):
            # it has no room for it, and leaves it out: a dry run would not be dry
            response = problem(414, "The query is too long.")
        else:
            return application(environ, start_response)
        return response(environ, start_response)

    return checked


def refusing(view: View) -> Callable[[WSGIEnvironment], Response | None]:
    """What answers a request with something that `view` would pass over in silence; None to any other."""
    taken = _media_types(view)

    def refusal(environ: WSGIEnvironment) -> Response | None:
        plain = not environ.get("QUERY_STRING") and _BODY.isdisjoint(environ)
        return None if plain else _refusal(view, taken)

    return refusal


def _refusal(view: Callable[..., Any], taken: tuple[str, ...]) -> Response | None:
    query = request.environ.get("QUERY_STRING", "")
    try:
        if "%" in query:
            unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeError:
        return problem(400, "The request has bytes that are not UTF-8.")
    if not taken and request.method in ("POST", "PUT", "PATCH") and _has_body():
        return _unsupported("This takes no body.", {})
    if taken and _has_body():
        if request.mimetype not in taken:
            return _unsupported(f"The body has to be {' or '.join(taken)}.", {"Accept": ", ".join(taken)})
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return _unsupported("The body has to come as it is, not compressed.", {"Accept-Encoding": "identity"})
    twice = [_twice("query", name) for name in _repeated(request.args)]
    if FORM in taken and request.mimetype == FORM:
        # what else a form has is refused as unknown, or passed over
        twice += [_twice("body", name) for name in _repeated(request.form) if name in _fields(view)]
    return problem(422, "The request is not valid.", "invalid-request", errors=twice) if twice else None


def _media_types(view: Callable[..., Any]) -> tuple[str, ...]:
    """What `view` reads of a body; nothing where it reads none."""
    named = getattr(view, "media_types", None)
    if named is not None:
        return cast("tuple[str, ...]", named)
    known = getattr(view, "_spec", {})  # where APIFlask keeps what `input` said
    types = known.get("content_type", ()) if "body" in known else ()
    return (types,) if isinstance(types, str) else tuple(types)


def _fields(view: Callable[..., Any]) -> set[str]:
    """The names of what `view` reads of a form."""
    model = getattr(view, "_spec", {}).get("body")
    return {field.alias or name for name, field in model.model_fields.items()} if model is not None else set()


def _has_body() -> bool:
    return bool(request.content_length) or "Content-Type" in request.headers


def _unsupported(detail: str, headers: dict[str, str]) -> Response:
    return problem(415, detail, headers=headers)


def _repeated(values: MultiDict[str, str]) -> list[str]:
    return sorted(name for name, given in values.lists() if len(given) > 1)


def _twice(location: str, name: str) -> dict[str, str]:
    return {"location": location, "name": name, "detail": "Given more than once"}


def harden(headers: list[tuple[str, str]], environ: WSGIEnvironment) -> None:
    """Complete an answer's head: students' data is for its reader alone, and is what its type says."""
    there = {name.lower() for name, _ in headers}
    headers += [one for one in _UNLESS_SAID if one[0].lower() not in there]
    headers += _ALWAYS
    if environ["wsgi.url_scheme"] == "https":
        headers.append(("Strict-Transport-Security", HSTS))


def _share(response: Response, allowed: frozenset[str]) -> None:
    """Let a script of an allowed origin read the answer, and ask what it may send."""
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin not in allowed:
        return
    headers = response.headers
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
        headers["Access-Control-Allow-Headers"] = ALLOWED_HEADERS
        headers["Access-Control-Max-Age"] = PREFLIGHT_SECONDS

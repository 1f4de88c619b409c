"""What is seen of each request: its id in every answer and log line, its own log line, its figures, its span.

All of it happens around the application, and after the answer has been sent where it can: nobody waits for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from flask import request

from studentapi import logs
from studentapi.api import latency as latency_of
from studentapi.api.latency import Latency
from studentapi.api.request_ids import Ids, ids, traceresponse
from studentapi.api.waiting_room import CROWDED, REQUEST, TAKEN_IN
from studentapi.mysql.tally import this_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from wsgiref.types import StartResponse, WSGIEnvironment

    from apiflask import APIFlask
    from flask import Response

    from studentapi.api.spans import RequestSpan, Spans

    Head = Callable[[list[tuple[str, str]], WSGIEnvironment], None]

TIMING_ASKED = "HTTP_X_SERVER_TIMING"
"""`X-Server-Timing: 1` asks for `Server-Timing`."""


def register(
    app: APIFlask, *, processes: int, lines: bool, open_to_all: bool, spans: Spans | None, heads: Sequence[Head]
) -> None:
    """Have every request of `app` seen, whose routes are all there; `processes` of its service.

    `heads` are called with each answer's headers, to add what every answer has, and its request's environment.
    """
    routes = [(method, rule.rule) for rule in app.url_map.iter_rules() for method in rule.methods or ()]
    # room for those that take the place of others
    latency = app.extensions[latency_of.EXTENSION] = Latency(routes, processes + 2)
    RequestLog(app, latency, lines=lines, open_to_all=open_to_all, spans=spans, heads=heads)


def current_request_id() -> str | None:
    """The id of the current request; None where nobody has it seen."""
    known: _Known | None = request.environ.get(REQUEST)
    return None if known is None else known.ids.request_id


def note_bearer(environ: WSGIEnvironment, token_id: str) -> None:
    """Keep whose request it is."""
    known: _Known | None = environ.get(REQUEST)
    if known is not None:
        known.token = token_id


class _Known:
    """What is known of one request; goes on with it into the waiting room."""

    __slots__ = ("client", "database_seconds", "ids", "method", "route", "span", "started", "statements", "token")

    def __init__(self, environ: WSGIEnvironment, spans: Spans | None) -> None:
        self.started = monotonic()
        # uWSGI hands on what is no request, too
        self.method = latency_of.known(environ.get("REQUEST_METHOD", ""))
        self.client = environ.get("REMOTE_ADDR")
        self.route: str | None = None
        self.token: str | None = None
        self.statements = 0
        self.database_seconds = 0.0
        self.ids = ids(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"))
        self.span: RequestSpan | None = None
        if spans is not None:
            self.span = spans.start(self.method, environ, self.ids.request_id)
            if self.span.trace_id:
                self.ids = Ids(self.ids.request_id, self.span.trace_id, self.span.span_id)


class RequestLog:
    """A WSGI application around `app`'s own.

    `lines`: whether each request has its line. `open_to_all`: whether everybody is told the times of a request.
    """

    def __init__(
        self,
        app: APIFlask,
        latency: Latency,
        *,
        lines: bool,
        open_to_all: bool,
        spans: Spans | None = None,
        heads: Sequence[Head] = (),
    ) -> None:
        self._app = app.wsgi_app
        self._latency = latency
        self._lines = lines
        self._open_to_all = open_to_all
        self._spans = spans
        self._heads = heads
        app.wsgi_app = self  # type: ignore[method-assign]  # as Flask's documentation has it
        app.after_request(_note)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer."""
        known = environ.get(REQUEST)
        if known is None:
            known = environ[REQUEST] = _Known(environ, self._spans)
            self._latency.began()
        logs.of_request.set(known.ids)
        answer = _Answer(self, known, environ)
        if known.span is not None:
            this_thread.tally.watch = known.span.watch

        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            answer.status = int(status[:3])
            for complete in self._heads:
                complete(headers, environ)
            self._add_own(headers, answer)
            return start_response(status, headers, *more)

        try:
            answer.parts = self._app(environ, begin)
        except BaseException:
            answer.close()
            raise
        if CROWDED in environ:
            # counted now: another thread may be at work on this request by the time that this answer is closed
            answer.count()
        return answer

    def end(self, answer: _Answer) -> None:
        """Say what there is to say of an answer that is over."""
        known = answer.known
        seconds = monotonic() - known.started
        # first: it is over, whatever becomes of its span and its line
        self._latency.ended(
            known.method,
            known.route,
            answer.status,
            seconds=seconds,
            statements=known.statements,
            database_seconds=known.database_seconds,
        )
        if known.span is not None:
            known.span.end(known.route, answer.status)
        if self._lines:
            logs.write_request(
                {
                    "event": "request",
                    "level": "info",
                    "logger": logs.REQUESTS,
                    "timestamp": datetime.now(UTC),
                    "method": known.method,
                    "route": known.route,
                    "status": answer.status,
                    "duration_ms": round(seconds * 1000, 3),
                    "bytes": answer.size,
                    "statements": known.statements,
                    "database_ms": round(known.database_seconds * 1000, 3),
                    "request_id": known.ids.request_id,
                    "trace_id": known.ids.trace_id,
                    "token": known.token,
                    "client": known.client,
                }
            )

    def _add_own(self, headers: list[tuple[str, str]], answer: _Answer) -> None:
        known = answer.known
        request_id, trace_id, span_id = known.ids
        sampled = known.span is not None and known.span.sampled
        headers.append(("X-Request-ID", request_id))
        headers.append(("traceresponse", traceresponse(trace_id, span_id, sampled=sampled)))
        asked = answer.environ.get(TIMING_ASKED) == "1"
        if asked and (known.token is not None or self._open_to_all):
            answer.count()
            database = known.database_seconds * 1000
            rest = (monotonic() - known.started) * 1000 - database
            statements = f"{known.statements} statement{'' if known.statements == 1 else 's'}"
            headers.append(("Server-Timing", f'db;dur={database:.3f};desc="{statements}", app;dur={rest:.3f}'))


class _Answer:
    """The parts of an answer's body, counted on their way out."""

    __slots__ = ("_commands", "_log", "_over", "_seconds", "environ", "known", "parts", "size", "status")

    def __init__(self, log: RequestLog, known: _Known, environ: WSGIEnvironment) -> None:
        self._log = log
        self._over = False
        self._commands, self._seconds = this_thread.tally.commands, this_thread.tally.seconds
        self.known = known
        self.environ = environ
        self.parts: Iterable[bytes] = ()
        self.status = 500
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            self.size += len(part)
            yield part

    def count(self) -> None:
        """Add what this thread has asked of the database since this was last called."""
        known, commands, seconds = self.known, this_thread.tally.commands, this_thread.tally.seconds
        known.statements += commands - self._commands
        known.database_seconds += seconds - self._seconds
        self._commands, self._seconds = commands, seconds

    def close(self) -> None:
        """The server calls this when the answer is sent, or when its client has gone."""
        try:
            if hasattr(self.parts, "close"):
                self.parts.close()
        finally:
            if not self._over:
                self._over = True
                try:
                    if TAKEN_IN not in self.environ:
                        self.count()
                        self._log.end(self)
                finally:
                    this_thread.tally.watch = None
                    logs.of_request.set(None)


def _note(response: Response) -> Response:
    """Keep what only the application knows."""
    asked = request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as Flask documents it
    known = asked.environ.get(REQUEST)
    if known is not None:
        rule = asked.url_rule
        known.route = None if rule is None else rule.rule
    return response

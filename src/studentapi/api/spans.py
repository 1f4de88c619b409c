"""Spans of requests and of their statements, by OpenTelemetry; imported only where there is tracing.

Names and attributes are OpenTelemetry's semantic conventions. No path, address, parameter or error's text is in
them: these hold students' ids and data.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pymysql import err

from studentapi import __version__
from studentapi.api.latency import OTHER
from studentapi.mysql.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIEnvironment

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

    from studentapi.mysql.connection import Connection

LONGEST_STATEMENT = 2000
"""Characters of a statement's text that are shown."""
SERVER_ERROR = 500

_LITERALS = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|\b\d(?:[\w.]|(?<=e)[+-])*""",
    re.IGNORECASE | re.DOTALL,
)
_OPEN_QUOTE = re.compile(r"['\"].*", re.DOTALL)
_propagator = TraceContextTextMapPropagator()


def span_exporter(kind: str) -> Callable[[], SpanExporter]:
    """What makes the exporter that `OTEL_TRACES_EXPORTER` names: `otlp`, by HTTP, or `console`, a line a span."""
    if kind == "otlp":
        return OTLPSpanExporter
    if kind == "console":
        return lambda: ConsoleSpanExporter(formatter=lambda span: str(span.to_json(indent=None)) + "\n")
    raise ValueError(f"OTEL_TRACES_EXPORTER is otlp, console or none here, not {kind!r}")


def provider(exporter: SpanExporter) -> TracerProvider:
    """A provider for this process that hands spans to `exporter`, a thread of its own."""
    of_sdk = logging.getLogger("opentelemetry")
    of_sdk.handlers, of_sdk.propagate = logging.getLogger("studentapi").handlers, False
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "studentapi", "service.version": __version__}))
    made = TracerProvider(resource=resource)
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


class Spans:
    """Begins the spans of requests. `make_provider` is called once in each process, at its first request."""

    def __init__(self, make_provider: Callable[[], TracerProvider]) -> None:
        self._make_provider = make_provider
        self._lock = threading.Lock()
        self._of: tuple[int, Tracer] | None = None
        # a lock that another thread of the parent held stays locked in a child
        os.register_at_fork(after_in_child=self._forget)

    def start(self, method: str, environ: WSGIEnvironment, request_id: str) -> RequestSpan:
        """Begin the span of a request, which goes on with its client's trace where it brings one."""
        carrier = {
            name: environ[key]
            for name, key in (("traceparent", "HTTP_TRACEPARENT"), ("tracestate", "HTTP_TRACESTATE"))
            if key in environ
        }
        tracer = self._tracer()
        named = "HTTP" if method == OTHER else method
        span = tracer.start_span(
            named,
            _propagator.extract(carrier),
            SpanKind.SERVER,
            {
                "http.request.method": "_OTHER" if method == OTHER else method,
                "url.scheme": str(environ.get("wsgi.url_scheme", "http")),
                "studentapi.request_id": request_id,
            },
        )
        return RequestSpan(tracer, span, named)

    def _tracer(self) -> Tracer:
        of = self._of
        if of is None or of[0] != os.getpid():
            with self._lock:
                of = self._of
                if of is None or of[0] != os.getpid():
                    of = self._of = (os.getpid(), self._make_provider().get_tracer("studentapi", __version__))
        return of[1]

    def _forget(self) -> None:
        self._lock, self._of = threading.Lock(), None


class RequestSpan:
    """The span of one request; `watch` makes one for each of its statements, where anybody wants to see them."""

    def __init__(self, tracer: Tracer, span: Span, method: str) -> None:
        self._tracer = tracer
        self._span = span
        self._method = method
        context = span.get_span_context()
        self.sampled = context.trace_flags.sampled
        self.trace_id = format(context.trace_id, "032x") if context.is_valid else ""
        self.span_id = format(context.span_id, "016x")
        self.watch = self._statement if span.is_recording() else None

    def end(self, route: str | None, status: int) -> None:
        """End it, named for its method and its route."""
        span = self._span
        if route is not None:
            span.update_name(f"{self._method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= SERVER_ERROR:
            span.set_attribute("error.type", str(status))
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    @contextmanager
    def _statement(self, connection: Connection, sql: str, has_parameters: bool) -> Iterator[None]:
        text = statement_text(sql, has_parameters=has_parameters)
        attributes: dict[str, Any] = {
            "db.system.name": "mariadb" if connection.is_mariadb else "mysql",
            "db.query.text": text,
            "server.address": str(connection.host),
            "server.port": int(connection.port),
        }
        name = text.split(maxsplit=1)[0].upper() if text.strip() else "statement"
        span = self._tracer.start_span(name, set_span_in_context(self._span), SpanKind.CLIENT, attributes)
        try:
            yield
        except err.Error as error:
            span.set_attribute("db.response.status_code", str(code_of(error)))
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()


def statement_text(sql: str, *, has_parameters: bool) -> str:
    """A statement with its placeholders; one that values were written into before has `?` in their place."""
    if not has_parameters:
        sql = _OPEN_QUOTE.sub("?", _LITERALS.sub("?", sql))
    return sql[:LONGEST_STATEMENT]

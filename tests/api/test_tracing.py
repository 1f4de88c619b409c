"""Spans of requests and statements: where OpenTelemetry is asked for, and with nothing of students in them."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode
from pymysql import err

from studentapi.api import tracing
from studentapi.api.spans import Spans, statement_text
from studentapi.mysql.tally import this_thread
from tests.api.observed import RULE, Observed
from tests.processes import eventually
from tests.service import PROCESSES, STUDENT, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace.sampling import Sampler

    from studentapi.mysql.database import Database

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def traced(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch, sampler: Sampler | None = None
) -> Iterator[tuple[Observed, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()

    def provider() -> TracerProvider:
        made = TracerProvider(sampler, Resource({}), shutdown_on_exit=False)
        made.add_span_processor(SimpleSpanProcessor(exporter))
        return made

    monkeypatch.setattr(tracing, "spans", lambda: Spans(provider))
    observed = Observed(database, url)
    try:
        yield observed, exporter
    finally:
        observed.close()


def finished(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """The request's span, and those of its statements."""
    spans = exporter.get_finished_spans()
    (request,) = [span for span in spans if span.kind is SpanKind.SERVER]
    return request, [span for span in spans if span is not request]


def ids(span: ReadableSpan) -> tuple[str, str]:
    context = span.get_span_context()
    assert context is not None
    return format(context.trace_id, "032x"), format(context.span_id, "016x")


def test_a_request_and_each_of_its_statements_is_a_span_of_its_clients_trace(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traced(database, migrated_url, monkeypatch) as (observed, exporter):
        observed.ask()
        exporter.clear()
        answer = observed.ask(traceparent=f"00-{TRACE}-{PARENT}-01", X_Request_ID="mine")
        request, statements = finished(exporter)
        assert (request.name, ids(request)[0]) == (f"GET {RULE}", TRACE)
        assert request.parent is not None
        assert format(request.parent.span_id, "016x") == PARENT
        assert dict(request.attributes or {}) == {
            "http.request.method": "GET",
            "url.scheme": "http",
            "http.route": RULE,
            "http.response.status_code": 200,
            "studentapi.request_id": "mine",
        }
        line = observed.lines()[-1]
        assert (len(statements), line["trace_id"]) == (line["statements"], TRACE)
        assert answer.headers["traceresponse"] == f"00-{TRACE}-{ids(request)[1]}-01"
        for span in statements:
            assert span.parent is not None
            assert (format(span.parent.span_id, "016x"), span.kind) == (ids(request)[1], SpanKind.CLIENT)
            assert (span.attributes or {})["db.system.name"] in ("mysql", "mariadb")
            assert span.name == "SELECT"
        texts = [str((span.attributes or {})["db.query.text"]) for span in statements]
        assert any("%s" in text for text in texts)
        assert this_thread.tally.watch is None


def test_no_span_holds_a_students_id_or_a_value(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traced(database, migrated_url, monkeypatch) as (observed, exporter):
        own = observed.app.extensions["studentapi"].database

        def write() -> str:
            with own.transaction() as tx:
                tx.execute_many(
                    "INSERT INTO schools (public_id, name) VALUES (%s, %s)",
                    [("private-4711", "it's"), ("private\\", 'O"'), ("other", "4711")],
                )
                with pytest.raises(err.IntegrityError):
                    tx.execute("INSERT INTO schools (public_id, name) VALUES (%s, %s)", ("private-4711", "4711"))
            return "written"

        observed.view("/write", write)
        assert observed.ask("/write").status_code == 200
        observed.ask()
        spans = exporter.get_finished_spans()
        assert "4711" not in "".join(span.to_json() for span in spans)
        assert "private" not in "".join(span.to_json() for span in spans)
        (failed,) = [span for span in spans if span.status.status_code is StatusCode.ERROR]
        assert (failed.attributes or {})["db.response.status_code"] == "1062"
        texts = [str((span.attributes or {}).get("db.query.text")) for span in spans]
        assert "INSERT INTO schools (public_id, name) VALUES (?, ?),(?, ?),(?, ?)" in texts


@pytest.mark.parametrize(
    ("sql", "has_parameters", "shown"),
    [
        ("SELECT a1 FROM t WHERE b = %s AND c = 'x'", True, "SELECT a1 FROM t WHERE b = %s AND c = 'x'"),
        ("SELECT a1 FROM t WHERE b = 12", False, "SELECT a1 FROM t WHERE b = ?"),
        (r"VALUES ('it''s', 'a\'b', -1.5e-3, _binary'x', NULL)", False, "VALUES (?, ?, -?, _binary?, NULL)"),
        ("VALUES ('cut", False, "VALUES (?"),
        ("VALUES (1e5,0x4711,4711e+10)", False, "VALUES (?,?,?)"),
        ("x" * 5000, False, "x" * 2000),
    ],
)
def test_values_are_not_shown(sql: str, has_parameters: bool, shown: str) -> None:
    assert statement_text(sql, has_parameters=has_parameters) == shown


def test_a_failed_request_is_an_error_without_its_text(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traced(database, migrated_url, monkeypatch) as (observed, exporter):

        def fail() -> str:
            raise RuntimeError("private")

        observed.view("/fail", fail)
        observed.ask("/fail")
        request, _ = finished(exporter)
        assert (request.status.status_code, (request.attributes or {})["error.type"]) == (StatusCode.ERROR, "500")
        assert "private" not in request.to_json()


def test_what_is_not_sampled_is_not_recorded_and_keeps_its_trace(
    database: Database, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with traced(database, migrated_url, monkeypatch, ParentBased(ALWAYS_OFF)) as (observed, exporter):
        answer = observed.ask(traceparent=f"00-{TRACE}-{PARENT}-00")
        assert answer.headers["traceresponse"].startswith(f"00-{TRACE}-")
        assert answer.headers["traceresponse"].endswith("-00")
        assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
        ({"OTEL_SERVICE_NAME": "grades"}, False),
    ],
)
def test_the_environment_turns_tracing_on(environment: dict[str, str], wanted: bool) -> None:
    assert tracing.is_wanted(environment) is wanted


def test_an_exporter_that_is_not_there_ends_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(ValueError, match="zipkin"):
        tracing.spans()


def test_without_the_extra_the_service_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.setattr(tracing, "PACKAGES", ("opentelemetry.not_there",))
    assert tracing.spans() is None
    monkeypatch.setattr(tracing, "PACKAGES", ("not_there.at_all",))
    assert tracing.spans() is None


def test_nothing_is_imported_where_nobody_asks() -> None:
    code = (
        "import sys\n"
        "from pydantic import SecretStr\n"
        "from studentapi.app import create_app\n"
        "from studentapi.settings import Settings\n"
        "create_app(Settings(database_url=SecretStr('mysql://u:p@127.0.0.1:1/d'), _env_file=None))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


class _Collector(http.server.ThreadingHTTPServer):
    """Takes spans by OTLP over HTTP."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.received: list[ExportTraceServiceRequest] = []

    def spans(self) -> list[tuple[int, str]]:
        """Process and name of each span."""
        return [
            (next(one.value.int_value for one in of.resource.attributes if one.key == "process.pid"), span.name)
            for request in self.received
            for of in request.resource_spans
            for scope in of.scope_spans
            for span in scope.spans
        ]


class _Taking(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        assert isinstance(server, _Collector)
        server.received.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[_Collector]:
    with _Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_each_worker_exports_its_own_and_what_is_left_at_its_end(
    sample: Database, sample_url: str, tmp_path: Path, collector: _Collector
) -> None:
    del sample
    with running(
        sample_url,
        tmp_path,
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_address[1]}",
        OTEL_EXPORTER_OTLP_COMPRESSION="none",
        OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="otel,process",
        OTEL_BSP_SCHEDULE_DELAY="100",
    ) as service:
        service.warm_up()  # 400 requests
        eventually(lambda: len({process for process, _ in collector.spans()}) == PROCESSES)
        for _ in range(20):
            assert service.get(STUDENT)[0] == 200
        service.stop()
        names = [name for _, name in collector.spans()]
        assert sum(name.endswith("/assessment-data") for name in names) == 420
        assert names.count("SELECT") >= 420

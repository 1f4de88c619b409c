"""Whether there is tracing: OpenTelemetry's own environment variables ask for it, the extra `otel` brings it.

Where nobody asks, nothing of OpenTelemetry is imported.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from studentapi.api.spans import Spans

log = structlog.get_logger(__name__)

PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
EXPORTER = "OTEL_TRACES_EXPORTER"
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Whether `environment` asks for tracing: names an exporter or where one sends to, and does not refuse."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get(EXPORTER, "").strip().lower()
    return exporter != "none" and bool(exporter or any(environment.get(name) for name in ENDPOINTS))


def spans() -> Spans | None:
    """What makes the spans of requests and statements; None where there is no tracing.

    Raises `ValueError` for an exporter that is none of `otlp` and `console`.
    """
    if not is_wanted(os.environ):
        return None
    if not _is_installed():
        log.warning("tracing is asked for, but not installed", install="pip install 'studentapi[otel]'")
        return None
    from studentapi.api.spans import Spans, provider, span_exporter  # noqa: PLC0415 - an extra

    make = span_exporter(os.environ.get(EXPORTER, "").strip().lower() or "otlp")
    return Spans(lambda: provider(make()))


def _is_installed() -> bool:
    try:
        return all(find_spec(name) is not None for name in PACKAGES)
    except ModuleNotFoundError:  # of a package above
        return False

"""Log lines: one JSON object each, on standard output."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer

REQUESTS = "studentapi.request"
"""The logger of a line for each request."""


def configure(level: str) -> None:
    """Send structlog's lines, and those of libraries, from `level` on to standard output."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # without the frames' variables: passwords and tokens are among them
        structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _Formatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger("studentapi")
    root.handlers = [handler]
    root.propagate = False
    root.setLevel(level.upper())


def write_request(line: dict[str, Any]) -> None:
    """Write the line of a request, which is complete as it is: a third of the time that another line takes."""
    logger = logging.getLogger(REQUESTS)
    if logger.isEnabledFor(logging.INFO):
        logger.handle(logging.LogRecord(REQUESTS, logging.INFO, "", 0, line, None, None))


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name == REQUESTS:
            return orjson.dumps(record.msg, option=orjson.OPT_UTC_Z).decode()
        return super().format(record)

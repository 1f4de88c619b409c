"""Log lines: one JSON object each, on standard output."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from contextlib import nullcontext, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TextIO
from weakref import WeakSet

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger


class RequestIds(Protocol):
    """What names a request."""

    @property
    def request_id(self) -> str:
        """Its id."""

    @property
    def trace_id(self) -> str:
        """That of its trace."""


REQUESTS = "studentapi.request"
"""The logger of a line for each request."""

DELAY = 0.1
"""Seconds after which requests' lines are written, where they may wait."""
MOST = 1000
"""Lines that wait; whoever brings one more writes them all."""

of_request: ContextVar[RequestIds | None] = ContextVar("of_request", default=None)
"""The request that is being answered: every line has its ids."""


def configure(level: str) -> None:
    """Send structlog's lines, and those of libraries, from `level` on to standard output."""
    shared: list[structlog.typing.Processor] = [
        _add_ids,
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
    handler = _Writer(sys.stdout)
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


def let_requests_wait() -> None:
    """From now on, write requests' lines up to `DELAY` seconds later, several at once.

    They are written before any other line and at the end of the process; one that is killed takes them along.
    """
    for handler in logging.getLogger("studentapi").handlers:
        if isinstance(handler, _Writer):
            handler.patient = True


def write_request(line: dict[str, Any]) -> None:
    """Write the line of a request, which is complete as it is: a third of the time that another line takes."""
    if _requests.isEnabledFor(logging.INFO):
        _requests.handle(logging.LogRecord(REQUESTS, logging.INFO, "", 0, line, None, None))


_requests = logging.getLogger(REQUESTS)


def _add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    ids = of_request.get()
    if ids is not None:
        event.setdefault("request_id", ids.request_id)
        event.setdefault("trace_id", ids.trace_id)
    return event


class _Writer(logging.StreamHandler[TextIO]):
    """Writes lines in the order in which they come, those of requests a moment later where it is `patient`."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.patient = False
        self.forget()
        _writers.add(self)

    def handle(self, record: logging.LogRecord) -> bool:
        """Write a line under the handler's lock, as ever; or keep it without.

        Where nobody reads what is written, whoever writes holds the lock, and no request waits for that.
        """
        if not (self.patient and record.name == REQUESTS):
            return bool(super().handle(record))
        try:
            self._keep(self.format(record) + self.terminator)
        except Exception:  # noqa: BLE001 - it says so on standard error, as every handler's
            self.handleError(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, after those that wait. No request ends by it."""
        try:
            self._write_waiting()
            super().emit(record)
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)

    def flush(self) -> None:
        """Write what is left; `logging` does so at the end of the process, too."""
        with self.lock or nullcontext():
            self._write_waiting()
            super().flush()

    def forget(self) -> None:
        """Leave what waits to the process that this one was forked from, whose lines they are; and its thread."""
        self._waiting: deque[str] = deque()
        self._some = threading.Event()
        self._starting = threading.Lock()
        self._has_thread = False  # that writes what waits

    def _keep(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) > MOST or not (self._has_thread or self._start()):
            self._try_to_flush()
        elif not self._some.is_set():
            self._some.set()

    def _start(self) -> bool:
        """Whether there is a thread now; where none is left, the next line tries again."""
        with self._starting, suppress(RuntimeError):
            if not self._has_thread:
                threading.Thread(target=self._write_at_times, name="request log", daemon=True).start()
                self._has_thread = True
        return self._has_thread

    def _write_at_times(self) -> None:
        while self._some.wait():
            time.sleep(DELAY)
            self._some.clear()
            self._try_to_flush()

    def _try_to_flush(self) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more, or the process ends: the service goes on
            self.flush()

    def _write_waiting(self) -> None:
        waiting = self._waiting
        if waiting:
            # others may add to them meanwhile, and only who has the lock takes any away
            self.stream.write("".join([waiting.popleft() for _ in range(len(waiting))]))


_writers: WeakSet[_Writer] = WeakSet()


def _forget() -> None:
    for writer in _writers:
        writer.forget()


os.register_at_fork(after_in_child=_forget)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name == REQUESTS:
            return orjson.dumps(record.msg, option=orjson.OPT_UTC_Z).decode()
        return super().format(record)

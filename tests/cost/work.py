"""The work that the app does for one warm request, counted: Python's calls, its instructions, its memory.

A program of its own, `python -m tests.cost.work`: in a fresh interpreter nothing else runs, and a count is exact.
The app is put together as for uWSGI, and asked by a thread that is not the main one, as by its workers.
It gets the addresses of a gradebook without rows and of a database with the lab's cities, and prints the version
of Python and the counts as JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import logging
import os
import sys
import tracemalloc
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from platform import python_version
from threading import get_ident
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lab.answers.configuration import URL
from studentapi import logs
from studentapi.api import shared_counters
from studentapi.api.shared_counters import SharedCounters
from studentapi.api.state import EXTENSION
from studentapi.api.waiting_room import WaitingRoom
from tests.cost.measuring import app_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from tests.cost.school import School

NEVER = 3600.0
"""Seconds until requests' lines are written, lest that fall into a request that is counted."""
WARM = 20
"""Requests before anything is counted."""
REPEATED = 5
"""Requests that are counted; the least is that of a request that nothing came between."""
ROUNDS, STEADY = 3, 1000
"""How often memory is looked at, and the requests between."""
TOKEN = "HTTP_AUTHORIZATION"


def main() -> None:
    """Count, and print it."""
    output = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the request log is part of the work
    with ThreadPoolExecutor(1) as worker:
        found = worker.submit(_count, *sys.argv[1:]).result()
    os.write(output, json.dumps({"python": python_version(), "counts": found}).encode())


def _count(gradebook: str, cities: str) -> dict[str, dict[str, list[int]]]:
    with (
        patch.object(SharedCounters, "_place", _place()),
        patch.object(logs, "DELAY", NEVER),
        app_on(gradebook, log_level="info") as (app, school),
    ):
        logs.let_requests_wait()
        served = WaitingRoom(app, app.extensions[EXTENSION].database, NoServer())
        token = {TOKEN: school.client.environ_base[TOKEN]}
        found = {name: counted(served, {**environ, **token}) for name, environ in _environs(school).items()}
    os.environ[URL] = cities
    app = importlib.import_module("lab.answers.studentapi").application
    return {**found, "city": counted(app, _environ("/", "city=London"))}


class NoServer:
    """In place of uWSGI's module, which is asked for nothing while there is room for every request."""

    def connection_fd(self) -> int:
        """Not to be asked for."""
        raise AssertionError

    def disconnect(self) -> None:
        """Not to be asked for."""
        raise AssertionError


def counted(application: WSGIApplication, environ: dict[str, Any]) -> dict[str, list[int]]:
    """The counts of `tests.cost.counts.MEASURES`, each of some requests."""

    def ask() -> None:
        answer = application({**environ, "wsgi.input": BytesIO()}, _start_response)
        for _ in answer:
            pass
        answer.close()  # type: ignore[attr-defined]

    for _ in range(WARM):
        ask()
    return {
        "calls": [_calls(ask) for _ in range(REPEATED)],
        "instructions": [_instructions(ask) for _ in range(REPEATED)],
        "bytes": [_bytes(ask) for _ in range(REPEATED)],
        "garbage": [_garbage(ask) for _ in range(REPEATED)],
        "kept": _kept(ask),
    }


def _calls(ask: Callable[[], None]) -> int:
    """Calls of functions, Python's and C's."""
    count = 0

    def look(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(look)
    try:
        ask()
    finally:
        sys.setprofile(None)
    return count


def _instructions(ask: Callable[[], None]) -> int:
    """Instructions of Python's byte code."""
    count, here = 0, get_ident()

    def look(*_: object) -> None:
        nonlocal count
        count += get_ident() == here

    with _each_instruction(look):
        ask()
    return count


@contextmanager
def _each_instruction(look: Callable[..., None]) -> Iterator[None]:
    """Call `look` before each instruction."""
    if sys.version_info >= (3, 12):
        events, tool = sys.monitoring.events, sys.monitoring.PROFILER_ID
        sys.monitoring.use_tool_id(tool, "studentapi")
        sys.monitoring.register_callback(tool, events.INSTRUCTION, look)
        sys.monitoring.set_events(tool, events.INSTRUCTION)
        try:
            yield
        finally:
            sys.monitoring.set_events(tool, events.NO_EVENTS)
            sys.monitoring.free_tool_id(tool)
        return

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            look()
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def _bytes(ask: Callable[[], None]) -> int:
    """The most memory at once; it differs by some bytes with the digits of a time in a log line."""
    tracemalloc.start()
    try:
        for _ in range(WARM):
            ask()
        gc.collect()
        gc.disable()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        ask()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        gc.enable()
        tracemalloc.stop()


def _kept(ask: Callable[[], None]) -> list[int]:
    """Blocks of memory that many requests have taken for good; several times, as what is kept once is no leak."""
    several = array("q", [0] * ROUNDS)  # its numbers are in no block
    for place in range(ROUNDS):
        _write_log()
        gc.collect()
        several[place] = sys.getallocatedblocks()
        for _ in range(STEADY):
            ask()
        _write_log()
        gc.collect()
        several[place] = sys.getallocatedblocks() - several[place]
    return [max(blocks, 0) for blocks in several]


def _write_log() -> None:
    """Write the lines that wait: they are kept for a moment, and not for good."""
    for handler in logging.getLogger("studentapi").handlers:
        handler.flush()


def _garbage(ask: Callable[[], None]) -> int:
    """Objects that a request leaves to the garbage collector, in cycles."""
    gc.collect()
    gc.disable()
    try:
        ask()
        return gc.collect()
    finally:
        gc.enable()


def _place() -> Callable[[SharedCounters, str], tuple[bytes, int]]:
    """A bucket of its own for each counter of the rate limits: two in one, by chance, would be more to do."""
    numbers = count()

    def place(_: SharedCounters, _key: str) -> tuple[bytes, int]:
        number = next(numbers)
        return number.to_bytes(16, "big"), shared_counters._HEAD + number * shared_counters._BUCKET

    return place


def _environs(school: School) -> dict[str, dict[str, Any]]:
    student = school.students[0]
    return {
        "assessment-data": _environ(f"/api/v1/students/{student}/chapters/chapters-1/assessment-data"),
        "list": _environ("/api/v1/attempts", "limit=5"),
    }


def _environ(path: str, query: str = "") -> dict[str, Any]:
    """What a server passes on of a GET."""
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_USER_AGENT": "curl/8",
        "HTTP_ACCEPT": "*/*",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
    assert status == "200 OK", (status, headers)
    return bytes


if __name__ == "__main__":
    main()

"""The work that the app does for one warm request, counted: Python's calls, its instructions, its memory.

A program of its own, `python -m tests.cost.work`: in a fresh interpreter nothing else runs, and a count is exact.
It gets the addresses of a gradebook without rows and of a database with the lab's cities, and prints the version
of Python and the counts as JSON.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import tracemalloc
from array import array
from contextlib import contextmanager
from io import BytesIO
from itertools import count
from platform import python_version
from threading import get_ident
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from lab.answers.configuration import URL
from studentapi.api import shared_counters
from studentapi.api.shared_counters import SharedCounters
from tests.cost.measuring import app_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from wsgiref.types import WSGIApplication

    from tests.cost.school import School

WARM = 20
"""Requests before anything is counted."""
REPEATED = 5
"""Requests that are counted; the least is that of a request that nothing came between."""
ROUNDS, STEADY = 3, 1000
"""How often memory is looked at, and the requests between."""
TOKEN = "HTTP_AUTHORIZATION"


def main() -> None:
    """Count, and print it."""
    gradebook, cities = sys.argv[1:]
    output = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the request log is part of the work
    with patch.object(SharedCounters, "_place", _place()), app_on(gradebook, log_level="info") as (app, school):
        found = {"assessment-data": counted(app, _assessment_data(school))}
    os.environ[URL] = cities
    app = importlib.import_module("lab.answers.studentapi").application
    found["city"] = counted(app, _environ("/", "city=London"))
    os.write(output, json.dumps({"python": python_version(), "counts": found}).encode())


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
        gc.collect()
        several[place] = sys.getallocatedblocks()
        for _ in range(STEADY):
            ask()
        gc.collect()
        several[place] = sys.getallocatedblocks() - several[place]
    return [max(blocks, 0) for blocks in several]


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


def _assessment_data(school: School) -> dict[str, Any]:
    student = school.students[0]
    environ = _environ(f"/api/v1/students/{student}/chapters/chapters-1/assessment-data")
    return {**environ, TOKEN: school.client.environ_base[TOKEN]}


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

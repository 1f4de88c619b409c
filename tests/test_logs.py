"""Requests' lines that may wait: written together, in order, and none lost at an orderly end."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading

import pytest

from studentapi import logs


class Stream(io.StringIO):
    """Keeps each piece that is written, and says that there was one."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.written = threading.Event()

    def write(self, text: str) -> int:
        self.pieces.append(text)
        self.written.set()
        return len(text)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def writer(stream: Stream) -> logs._Writer:
    writer = logs._Writer(stream)
    writer.patient = True
    return writer


def write(writer: logs._Writer, text: str, logger: str = logs.REQUESTS) -> None:
    writer.handle(logging.LogRecord(logger, logging.INFO, "", 0, text, None, None))


def test_lines_of_requests_are_written_a_moment_later_without_another(
    writer: logs._Writer, stream: Stream
) -> None:
    for text in ("first", "second"):
        stream.written.clear()
        write(writer, text)
        assert stream.written.wait(30)
    assert "".join(stream.pieces) == "first\nsecond\n"


def test_any_other_line_comes_after_those_that_wait(
    writer: logs._Writer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "DELAY", 3600)
    write(writer, "first")
    write(writer, "second")
    assert stream.pieces == []
    write(writer, "third", "studentapi.other")
    assert "".join(stream.pieces) == "first\nsecond\nthird\n"


def test_so_many_lines_wait_and_no_more(
    writer: logs._Writer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "DELAY", 3600)
    for number in range(logs.MOST):
        write(writer, str(number))
    assert stream.pieces == []
    write(writer, "last")
    assert "".join(stream.pieces).splitlines() == [*map(str, range(logs.MOST)), "last"]


def test_a_stream_that_nobody_reads_any_more_ends_no_request(
    writer: logs._Writer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "DELAY", 3600)
    stream.close()
    monkeypatch.setattr(Stream, "write", io.StringIO.write)
    for number in range(logs.MOST + 1):
        write(writer, str(number))


def test_what_waits_is_written_at_the_end_of_the_process() -> None:
    program = (
        "from studentapi import logs; logs.DELAY = 3600; logs.configure('info'); logs.let_requests_wait();"
        "logs.write_request({'event': 'request', 'status': 200})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ended.stdout) == {"event": "request", "status": 200}

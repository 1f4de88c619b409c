"""Requests' lines that may wait: written together, in order, and none lost at an orderly end."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from studentapi import logs

if TYPE_CHECKING:
    from collections.abc import Iterator


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


def test_no_request_waits_for_a_stream_that_nobody_reads(
    writer: logs._Writer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "DELAY", 0)
    read, stuck = threading.Event(), threading.Event()

    def block(text: str) -> int:
        stuck.set()
        assert read.wait(60)
        return len(text)

    monkeypatch.setattr(stream, "write", block)
    write(writer, "first")
    assert stuck.wait(30)

    def ask() -> None:
        for number in range(logs.MOST):
            write(writer, str(number))

    requests = threading.Thread(target=ask)
    requests.start()
    requests.join(30)
    waits = requests.is_alive()
    read.set()
    requests.join()
    assert not waits


def test_what_waits_is_written_at_the_end_of_the_process() -> None:
    program = (
        "from studentapi import logs; logs.DELAY = 3600; logs.configure('info'); logs.let_requests_wait();"
        "logs.write_request({'event': 'request', 'status': 200})"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ended.stdout) == {"event": "request", "status": 200}


@pytest.fixture
def full() -> Iterator[logs._Writer]:
    """Writes to a disk that is full."""
    with suppress(OSError), open("/dev/full", "w") as stream:  # noqa: PTH123 - no file
        writer = logs._Writer(stream)
        writer.patient = True
        yield writer


def test_a_full_disk_ends_no_request_whatever_it_logs(
    full: logs._Writer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "DELAY", 3600)
    for _ in range(logs.MOST):
        write(full, "a line of a request" * 5)
    write(full, "a warning", "studentapi.other")
    said = capsys.readouterr().err
    assert "No space left" in said
    assert "a warning" in said
    for _ in range(logs.MOST + 1):
        write(full, "a line of a request" * 5)


@pytest.mark.parametrize("logger", [logs.REQUESTS, "studentapi.other"])
def test_a_line_that_cannot_be_made_ends_no_request(
    writer: logs._Writer, stream: Stream, capsys: pytest.CaptureFixture[str], logger: str
) -> None:
    writer.handle(logging.LogRecord(logger, logging.INFO, "", 0, "%d", ("no number",), None))
    assert "no number" in capsys.readouterr().err
    write(writer, "next", logger)
    writer.flush()
    assert "".join(stream.pieces) == "next\n"


def test_without_a_thread_a_line_is_written_at_once_and_the_next_one_tries_again(
    writer: logs._Writer, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threading.stack_size(1 << 50)  # more than there are addresses: no thread starts
    try:
        write(writer, "first")
        assert stream.pieces == ["first\n"]
    finally:
        threading.stack_size(before)
    monkeypatch.setattr(logs, "DELAY", 0)
    stream.written.clear()
    write(writer, "second")
    assert stream.written.wait(30)
    assert stream.pieces == ["first\n", "second\n"]


FORKED = """
import logging, os
from studentapi import logs
from tests.processes import eventually
logs.configure("info")
logs.let_requests_wait()
(writer,) = logging.getLogger("studentapi").handlers
logs.DELAY = 3600
logs.write_request({"of": "parent"})
child = os.fork()
if child == 0:
    logs.DELAY = 0
    logs.write_request({"of": "child"})
    eventually(lambda: not writer._waiting)  # the child's thread has them
    writer.flush()  # waits for it
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_process_writes_its_own_lines_and_not_its_parents() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=120
    )
    assert [json.loads(line)["of"] for line in ended.stdout.splitlines()] == ["child", "parent"]

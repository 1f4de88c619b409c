"""Requests as fast as they are answered, by wrk, with a Lua script that goes through many of them.

Each client opens a connection for each request, and every server closes it with its answer, for uwsgi.ini's
`http-socket` knows no other way; unless a connection is to be kept, where the server keeps it too.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from time import sleep
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

FOREVER = "3600s"
"""wrk counts in whole seconds; it is ended by SIGINT, which makes it stop and report."""
REQUEST_TIMEOUT = "10s"
MARK = "SAMPLE "
READY = "ready\n"
MANY_CORES = 4
"""From so many processors on wrk gets a second thread; one asks for about 30,000 connections a second."""

SCRIPT = """
local threads, first = 0, 0
function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end
function init(args)
  ready = {}
  for at, one in ipairs(REQUESTS) do
    ready[at] = wrk.format(one[1], one[2], one[3], one[4])
  end
  position = math.floor(tonumber(args[1]) * #ready) + number * math.floor(#ready / 2)
  wrong = 0
  io.stderr:write("ready\\n")
end
function request()
  position = position + 1
  return ready[position % #ready + 1]
end
function done(summary, latency, requests)
  local failed = summary.errors
  io.write(string.format(
    '\\nSAMPLE {"requests": %d, "seconds": %.6f, "bytes": %d, "p50_ms": %.4f, "p99_ms": %.4f, ' ..
    '"connect": %d, "read": %d, "write": %d, "timeout": %d, "status": %d}\\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    failed.connect, failed.read, failed.write, failed.timeout, failed.status))
end
"""
CHECKING = """
function response(status, headers, body)
  if status ~= STATUS or (ANSWERS and not ANSWERS[body]) then
    if wrong < 3 then
      io.stderr:write("wrong: ", tostring(status), " ", string.sub(body, 1, 200), "\\n")
    end
    wrong = wrong + 1
  end
end
"""
"""What looks at every answer; it costs the client as much as the rest of wrk, so only the warm-up has it."""


class LoadError(Exception):
    """Something was answered wrongly, or not at all; the message says what."""


@dataclass(frozen=True)
class Request:
    """One request; a `body` is JSON. `answer` is the body that has to come, None where that is not known."""

    path: str
    method: str = "GET"
    body: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Sample:
    """What a slice of load found: `requests` answered in `seconds`, median and 99th percentile in milliseconds.

    `errors` counts requests that got no answer, and answers of status 400 and above; `bytes` is all that came
    back. The percentiles are wrk's, whose correction counts a stall once for each request that it held up.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    bytes: int

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


def run(
    port: int,
    requests: Sequence[Request],
    *,
    clients: int,
    seconds: float,
    token: str | None = None,
    status: int = 200,
    check: bool = False,
    kept: bool = False,
) -> Sample:
    """Have `clients` ask 127.0.0.1:`port` for `seconds`, for each of `requests` in turn, beginning anywhere.

    `kept`: a client goes on with its connection. With `check`, each answer has to have `status`, and a body that
    one of the requests names where any does. Raises `LoadError` where wrk does not run, or an answer is wrong;
    not for `errors`, which the caller judges.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        path = Path(directory) / "load.lua"
        path.write_text(script(tuple(requests), token=token, status=status, check=check, kept=kept))
        threads = 2 if clients > 1 and (os.cpu_count() or 1) >= MANY_CORES else 1
        command = [
            "wrk", f"--connections={clients}", f"--threads={threads}", f"--duration={FOREVER}",
            f"--timeout={REQUEST_TIMEOUT}", f"--script={path}", f"http://127.0.0.1:{port}", "--",
            f"{random.random():.6f}",  # noqa: S311 - nothing secret
        ]  # fmt: skip
        return _read(*_for_a_while(command, threads, seconds))


@lru_cache(maxsize=32)
def script(
    requests: tuple[Request, ...], *, token: str | None, status: int, check: bool, kept: bool = False
) -> str:
    """The Lua script for wrk; kept, since everyone is asked for the same."""
    always = {} if kept else {"Connection": "close"}
    always |= {"Authorization": f"Bearer {token}"} if token else {}
    lines = []
    for request in requests:
        headers = always | ({"Content-Type": "application/json"} if request.body is not None else {})
        fields = ", ".join(f"[{_quoted(name)}]={_quoted(value)}" for name, value in headers.items())
        body = "nil" if request.body is None else _quoted(request.body)
        lines.append(f"{{{_quoted(request.method)}, {_quoted(request.path)}, {{{fields}}}, {body}}},")
    parts = ["REQUESTS = {", *lines, "}", SCRIPT]
    if check:
        answers = [f"[{_quoted(request.answer)}]=true," for request in requests if request.answer is not None]
        parts += ["ANSWERS = {", *answers, "}"] if answers else []
        parts += [f"STATUS = {status}", CHECKING]
    return "\n".join(parts)


def _quoted(text: str) -> str:
    """A Lua string, with what is not plain ASCII by number."""
    plain = (chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\{byte:03}" for byte in text.encode())  # noqa: PLR2004 - ASCII's printable ones
    return '"' + "".join(plain) + '"'


def _for_a_while(command: list[str], threads: int, seconds: float) -> tuple[str, str]:
    """Output and errors of wrk, ended `seconds` after all its threads have read the script."""
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            errors = cast("IO[str]", process.stderr)
            said = [errors.readline() for _ in range(threads)]
            if set(said) == {READY}:
                sleep(seconds)
                process.send_signal(signal.SIGINT)
            rest = errors.read()
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        output.seek(0)
        if status or set(said) != {READY}:
            raise LoadError(f"wrk ended with status {status}: {''.join(said)}{rest}{output.read()}")
        return output.read(), rest


def _read(output: str, errors: str) -> Sample:
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise LoadError(f"wrk does not report: {output}{errors}")
    if errors:
        raise LoadError(errors.strip())
    found = json.loads(line.removeprefix(MARK))
    kinds = ("connect", "read", "write", "timeout", "status")
    return Sample(
        requests=found["requests"],
        seconds=found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        errors=sum(found[kind] for kind in kinds),
        bytes=found["bytes"],
    )

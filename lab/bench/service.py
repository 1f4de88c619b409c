"""A peer as it is run: its own server program on a port of the loopback address, and what that uses."""

from __future__ import annotations

import http.client
import os
import re
import signal
import subprocess
from time import monotonic, sleep
from typing import TYPE_CHECKING

from lab.bench import processes as proc
from lab.peers import serving
from studentapi.embedded.process import spawn

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lab.peers import Peer

START_TIMEOUT = 60.0
_EXCEPTION = re.compile(r"[\w.]*(Error|Exception|Refused)\b")
"""How the last line of a traceback begins."""
STOP_TIMEOUT = 10.0


class Running:
    """A peer in `processes` × `threads`; its log goes to the file `log`."""

    def __init__(  # noqa: PLR0917 - the order of a sentence: who, on what, where, how many
        self, peer: Peer, url: str, port: int, processes: int, threads: int, log: Path
    ) -> None:
        self.peer = peer
        self.port = port
        self._log = log
        command, environment = serving.command(peer, url=url, port=port, processes=processes, threads=threads)
        with log.open("wb") as output:
            self._process = spawn(command, output=output, env=environment, cwd=log.parent)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def await_answer(self) -> None:
        """Return once it answers HTTP, whatever it says; raises `RuntimeError` that says why it does not."""
        deadline = monotonic() + START_TIMEOUT
        while not self._answers() or self.has_ended():
            if self.has_ended() or monotonic() > deadline:
                raise RuntimeError(f"{self.peer.title} does not serve: {cause(self._log.read_text())}")
            sleep(0.05)

    def has_ended(self) -> bool:
        """Whether it runs no more; what answers at its address then is something else."""
        return self._process.poll() is not None

    def pids(self) -> list[int]:
        """Its processes, the first of them included."""
        return proc.of_session(self._process.pid)

    def cpu_seconds(self) -> float:
        """User and system time of all its processes since they began."""
        return proc.cpu_seconds(*self.pids())

    def resident_by_process(self) -> dict[int, int]:
        """Bytes in memory by process id; what processes share counts in each."""
        return {pid: proc.resident_bytes(pid) for pid in self.pids()}

    def resident_bytes(self) -> int:
        """Bytes in memory, summed over its processes."""
        return sum(self.resident_by_process().values())

    def ask_to_end(self) -> None:
        """Answer what is in flight, then end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """End, one way or the other; nothing of it is left."""
        self.ask_to_end()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/?city=london")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        else:
            return True
        finally:
            connection.close()


def cause(log: str) -> str:
    """The line of a log that says why a program has ended: the last one that names an exception, or the last."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _EXCEPTION.match(line)]
    return (errors or lines or ["it said nothing"])[-1]


def end_all(services: Iterable[Running]) -> None:
    """End all of them side by side."""
    services = list(services)
    for service in services:
        service.ask_to_end()
    for service in services:
        service.end()

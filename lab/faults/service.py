"""The answers as they are run: each by uWSGI with the project's own uwsgi.ini."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pydantic import SecretStr

from lab.answers.configuration import MAX_AGE
from lab.ports import free_port
from studentapi.cli.serve import uwsgi_command, uwsgi_environment
from studentapi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.answers import Answer

ROOT = Path(__file__).parents[2]
START_TIMEOUT = 60.0
STOP_TIMEOUT = 4.0
"""Seconds for a service to end by itself; one whose threads hang never would."""


class Service:
    """One answer under uWSGI, on a port of the loopback address; its log goes to `log`."""

    def __init__(self, answer: Answer, url: str, *, max_age: float, log: Path) -> None:
        self.answer = answer
        self.port = free_port()
        self._log = log
        settings = Settings(
            database_url=SecretStr(url),
            port=self.port,
            processes=answer.processes,
            threads=answer.threads,
            auth="off",
            _env_file=None,  # type: ignore[call-arg]  # pydantic-settings, not a field
        )
        environment = {
            **uwsgi_environment(settings),
            "STUDENTAPI_APPLICATION": answer.application,
            "PYTHONPATH": str(ROOT),
            MAX_AGE: str(max_age),
        }
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                uwsgi_command(),
                env=environment,
                cwd=log.parent,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def await_answer(self) -> None:
        """Return once it answers as it should; raises `RuntimeError` with its log when it does not."""
        deadline = monotonic() + START_TIMEOUT
        while not self._answers():
            if self._process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"{self.answer.title} does not serve:\n{self._log.read_text()[-3000:]}")
            sleep(0.05)

    def ask_to_end(self) -> None:
        """Answer what is in flight, then end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """End, one way or the other."""
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/?city=london")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()


def end_all(services: Sequence[Service]) -> None:
    """End all of them side by side."""
    for service in services:
        service.ask_to_end()
    for service in services:
        service.end()

"""The service under uWSGI, as it is run, for tests."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from pydantic import SecretStr

from studentapi.cli.serve import uwsgi_command, uwsgi_environment
from studentapi.settings import Settings
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Wrapped = Callable[..., list[str]]

ROOT = Path(__file__).parents[1]
STUDENT = "/api/v1/students/11391/chapters/AAA-1/assessment-data"
PROCESSES, THREADS = 2, 4


class Service:
    """A running uWSGI."""

    def __init__(self, process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.log = log
        self._host = host

    def get(self, path: str = STUDENT, seconds: float = 60) -> tuple[int, bytes]:
        """Status and body of a GET."""
        return self.ask("GET", path, seconds=seconds)[:2]

    def ask(
        self, method: str, path: str, form: dict[str, str] | None = None, seconds: float = 60
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers; raises `OSError` or `http.client.HTTPException` where no answer comes."""
        connection = http.client.HTTPConnection(self._host, self.port, timeout=seconds)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            connection.request(method, path, urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers)
        finally:
            connection.close()

    def warm_up(self, path: str = STUDENT, clients: int = 32) -> None:
        """Have each thread of each worker open its connection, where there are clients enough."""
        with ThreadPoolExecutor(clients) as pool:
            assert {status for status, _ in pool.map(lambda _: self.get(path), range(400))} == {200}

    def stop(self) -> None:
        """End it by SIGTERM, unless that was done before; it has to end well."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
        assert self.process.returncode == 0, self.log.read_text()


@contextmanager
def running(
    url: str,
    directory: Path,
    *,
    application: str | None = None,
    wrap: Wrapped = lambda *words: [str(word) for word in words],
    **settings: str,
) -> Iterator[Service]:
    """Run `studentapi serve`; whatever happens, nothing of it is left.

    With `application`, another module of this repository by the same uwsgi.ini. `wrap` makes the command line of
    one that runs somewhere else; `settings` are environment variables.
    """
    port = free_port()
    host = settings.get("STUDENTAPI_HOST", "127.0.0.1")
    log = directory / "log"
    given = {
        "STUDENTAPI_DATABASE_URL": url,
        "STUDENTAPI_PORT": str(port),
        "STUDENTAPI_PROCESSES": str(PROCESSES),
        "STUDENTAPI_THREADS": str(THREADS),
        "STUDENTAPI_AUTH": "off",
        **settings,
    }
    command = [str(Path(sysconfig.get_path("scripts"), "studentapi")), "serve"]
    environment = {**os.environ, **given}
    if application is not None:
        command = uwsgi_command()
        environment |= _environment_for(given) | {"STUDENTAPI_APPLICATION": application, "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            wrap(*command),
            env=environment, cwd=directory, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    service = Service(process, host, port, log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                if service.get("/livez")[0] == 200:
                    break
            except OSError:
                pass
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield service
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment_for(given: dict[str, str]) -> dict[str, str]:
    """What uwsgi.ini asks of the environment, where these settings are given."""
    named = {name.removeprefix("STUDENTAPI_").lower(): value for name, value in given.items()}
    url = SecretStr(named.pop("database_url"))
    return given | uwsgi_environment(Settings(database_url=url, _env_file=None, **named))  # type: ignore[arg-type, call-arg]

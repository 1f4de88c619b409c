"""`studentapi doctor` as tests call it, and a server's settings changed for a while."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from studentapi.cli.main import main
from studentapi.mysql.address import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Server

COMMAND = Path(sysconfig.get_path("scripts"), "studentapi")
NAME = "studentapi_doctor"
SECRET = "geheim-9f2c"
STEADY = 2 * (8 + 2)
"""Connections of one service with the settings below."""
SETTINGS = {"STUDENTAPI_PROCESSES": "2", "STUDENTAPI_THREADS": "8"}


class Doctor:
    """The command, and what it found."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        run = subprocess.run(
            [COMMAND, "doctor", *arguments],
            env={**os.environ, **SETTINGS, "STUDENTAPI_DATABASE_URL": url, **environment},
            cwd=self.directory, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in run.stderr
        password = Address.parse(url).password
        assert url not in run.stdout + run.stderr
        assert password not in run.stdout + run.stderr
        return run

    def __call__(self, url: str, *arguments: str, **environment: str) -> Findings:
        """Without a process of its own, for speed."""
        with chdir(self.directory):
            run = CliRunner().invoke(
                main, ["doctor", "--json", *arguments], catch_exceptions=False,
                env={**SETTINGS, "STUDENTAPI_DATABASE_URL": url, **environment},
            )  # fmt: skip
        assert run.stderr == ""
        assert Address.parse(url).password not in run.output
        answer = json.loads(run.stdout)
        assert run.exit_code == (1 if answer["verdict"] == "problem" else 0)
        return Findings(answer)


class Findings:
    """The answer in JSON, by check; of the first host unless another is named."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.verdict = answer["verdict"]
        self.all: list[dict[str, Any]] = answer["findings"]

    def __getitem__(self, check: str) -> dict[str, Any]:
        return self.of(self.all[0]["where"], check)

    def of(self, where: str, check: str) -> dict[str, Any]:
        (one,) = [found for found in self.all if (found["where"], found["check"]) == (where, check)]
        return one

    def not_ok(self) -> list[str]:
        return [found["check"] for found in self.all if found["verdict"] != "ok"]


@contextmanager
def globally(server: Server, **variables: object) -> Iterator[None]:
    """Set the server's variables, and back."""
    with ExitStack() as restored:
        for name, value in variables.items():
            ((before,),) = server.execute(f"SELECT @@GLOBAL.{name}")
            restored.callback(server.execute, f"SET GLOBAL {name} = {_literal(before)}")
            server.execute(f"SET GLOBAL {name} = {_literal(value)}")
        yield


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def at(url: str, *hosts: str) -> str:
    """The same URL with these hosts."""
    return re.sub(r"@[^/]+/", f"@{','.join(hosts)}/", url)


def not_loopback(url: str) -> str:
    """The host of `url`, which is on this machine, by an address that is not loopback; Linux connects it here."""
    return host_of(url).replace("127.0.0.1", "0.0.0.0")


def host_of(url: str) -> str:
    return re.sub(r".*@|/.*", "", url)

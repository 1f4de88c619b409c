"""How a peer is started: its command line and environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from lab.answers.configuration import CONNECTIONS
from lab.peers import DRIVER, REMEMBERED
from studentapi.cli.serve import uwsgi_command, uwsgi_environment
from studentapi.settings import Settings

if TYPE_CHECKING:
    from lab.peers import Peer

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "var" / "lab"
"""What is compiled."""
_GO_SOURCE = Path(__file__).parent / "go"
_GO_PATH = Path("/usr/share/gocode")
"""Where Debian's packages put libraries for Go."""
GO_DRIVER = _GO_PATH / "src" / "github.com" / "go-sql-driver" / "mysql"
_UNREACHED = "1000000000/minute"
"""A rate limit that is counted and never reached."""


def missing(peer: Peer) -> str | None:
    """What this machine has not and the peer needs, for people to read; None where nothing is."""
    if peer.module and importlib.util.find_spec(peer.module) is None:
        return f"the Python module {peer.module}"
    if peer.server == "go" and shutil.which("go") is None:
        return "Go: Debian's package golang-go"
    if peer.server == "go" and not GO_DRIVER.exists():
        return "Debian's package golang-github-go-sql-driver-mysql-dev"
    return None


def build(peer: Peer) -> None:
    """Compile what has to be, unless nothing has changed since; raises `CalledProcessError`."""
    if peer.server != "go":
        return
    BUILT.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": str(_GO_PATH),
        "GOCACHE": str(BUILT / "go-cache"),
    }
    subprocess.run(["go", "build", "-o", str(_go_program()), "."], cwd=_GO_SOURCE, env=environment, check=True)


def command(peer: Peer, *, url: str, port: int, processes: int, threads: int) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment to start a peer on 127.0.0.1:`port`.

    `url` is the database's, without options. Everyone may have processes × threads connections. SIGTERM ends
    it in good order.
    """
    if peer.shares_connection:
        processes, threads = processes * threads, 1
    address = url if peer.tls else f"{url}?ssl_mode=disabled"
    if peer.server == "uwsgi":
        settings = Settings(
            database_url=SecretStr(address),
            port=port,
            processes=processes,
            threads=threads,
            rate_limit_token=_UNREACHED,
            rate_limit_address=_UNREACHED,
            _env_file=None,  # type: ignore[call-arg]  # pydantic-settings, not a field
        )
        return uwsgi_command(), {
            **_without_settings(uwsgi_environment(settings)),
            "STUDENTAPI_APPLICATION": peer.application,
            "STUDENTAPI_AUTH": "required",
            "STUDENTAPI_RATE_LIMIT_TOKEN": _UNREACHED,
            "STUDENTAPI_RATE_LIMIT_ADDRESS": _UNREACHED,
            "PYTHONPATH": str(ROOT),
            CONNECTIONS: str(threads),
            REMEMBERED: str(peer.remembered),
            DRIVER: peer.driver,
        }
    environment = {
        **os.environ,
        "STUDENTAPI_DATABASE_URL": address,
        "STUDENTAPI_PORT": str(port),
        "PYTHONPATH": str(ROOT),
    }
    if peer.server == "uvicorn":
        # uvloop and httptools are what uvicorn takes by itself where they are installed; named, they are sure
        return [
            *(sys.executable, "-m", "uvicorn", peer.application, "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", str(processes), "--loop", "uvloop", "--http", "httptools"),
            *("--no-access-log", "--log-level", "warning"),
        ], {**environment, CONNECTIONS: str(threads)}
    # one process with as many system threads as the others have processes, and all the connections
    return [str(_go_program())], {
        **environment,
        "GOMAXPROCS": str(processes),
        CONNECTIONS: str(processes * threads),
    }


def _without_settings(environment: dict[str, str]) -> dict[str, str]:
    """Without what a shell may have set of studentapi's: a log that is switched off would be a safety less."""
    kept = {
        "STUDENTAPI_" + name
        for name in ("DATABASE_URL", "PYTHON_HOME", "HOST", "PORT", "PROCESSES", "THREADS", "HARAKIRI")
    }
    return {
        name: value for name, value in environment.items() if name in kept or not name.startswith("STUDENTAPI_")
    }


def _go_program() -> Path:
    return BUILT / "peer-go"

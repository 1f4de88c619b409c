"""Which database server the machine has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from studentapi.embedded.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = ("mariadbd", "mysqld")

DIRECTORIES = (
    # The PATH of an ordinary user lacks the directories that packages put servers into.
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/local/libexec",
    "/usr/local/mysql/bin",
    "/usr/local/mariadb/bin",
)

VERSION_TIMEOUT = 30
"""Seconds for a server to print its version; the first run of a large binary reads it from disk."""


@dataclass(frozen=True)
class Binary:
    """A server program: where it is, which of the two it is, and its version."""

    path: Path
    flavour: Literal["mariadb", "mysql"]
    version: str

    def __str__(self) -> str:
        name = {"mariadb": "MariaDB", "mysql": "MySQL"}[self.flavour]
        return f"{name} {self.version} ({self.path})"


def find_server() -> Binary | None:
    """The server that `STUDENTAPI_MYSQLD` names, else the first one found on the machine, else None.

    Raises `ServerError` when the one that the variable names does not run.
    """
    if named := os.environ.get("STUDENTAPI_MYSQLD"):
        binary = identify(Path(named).expanduser().absolute())
        if binary is None:
            raise ServerError(f"STUDENTAPI_MYSQLD names no MySQL or MariaDB server that runs: {named}")
        return binary
    return next(filter(None, map(identify, _candidates())), None)


def identify(path: Path) -> Binary | None:
    """What the program at `path` says of itself; None when it is no server, or does not run."""
    try:
        said = subprocess.run(  # noqa: S603 - the operator's own choice, or a system directory
            [path, "--no-defaults", "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=VERSION_TIMEOUT,
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\bVer (\d+\.\d+\.\d+)", said)
    if version is None:
        return None
    # The name tells nothing: Debian's mysqld is a link to mariadbd.
    return Binary(path, "mariadb" if "MariaDB" in said else "mysql", version[1])


def _candidates() -> Iterator[Path]:
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found).absolute()
        for directory in (*map(Path, DIRECTORIES), *sorted(Path("/opt").glob("*/bin"))):
            path = directory / name
            if os.access(path, os.X_OK):
                yield path

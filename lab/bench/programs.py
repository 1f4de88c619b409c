"""The programs and packages that a run was made with."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

from lab.peers.serving import GO_DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GO_CHANGES = GO_DRIVER / "CHANGELOG.md"
PARTS = (
    "uWSGI",
    "Flask",
    "PyMySQL",
    "DBUtils",
    "Flask-SQLAlchemy",
    "SQLAlchemy",
    "mysqlclient",
    "FastAPI",
    "asyncmy",
    "uvicorn",
    "uvloop",
)
ASKED = {"Go": (["go", "version"], r"go(\d[\d.]*)"), "wrk": (["wrk", "-v"], r"wrk (?:\w+/)?(\d[\d.]*)")}
"""How each says its version."""


def versions(servers: Mapping[str, str]) -> dict[str, str]:
    """The database servers, by their titles, and the other programs that are here."""
    found = {"databases": ", ".join(servers.values())}
    for name, (command, pattern) in ASKED.items():
        if shutil.which(command[0]) and (said := re.search(pattern, _said(command))):
            found[name] = said[1]
    if version := go_driver():
        found["go-sql-driver"] = version
    return found


def go_driver() -> str:
    """The version of Debian's go-sql-driver, by its list of changes; empty where there is none."""
    if not GO_CHANGES.exists():
        return ""
    named = re.search(r"^## Version (\d[\d.]*)", GO_CHANGES.read_text(), re.MULTILINE)
    return named[1] if named else ""


def _said(command: Iterable[str]) -> str:
    # wrk prints its version as an error
    ran = subprocess.run([*command], capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout + ran.stderr

"""The programs and packages that a run was made with."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    return found


def _said(command: Iterable[str]) -> str:
    # wrk prints its version as an error
    ran = subprocess.run([*command], capture_output=True, text=True, check=False, timeout=30)
    return ran.stdout + ran.stderr

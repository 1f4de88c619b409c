"""The machine and the versions that a run was made with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PARTS = ("PyMySQL", "DBUtils", "Flask", "Flask-SQLAlchemy", "SQLAlchemy", "uWSGI")


def described(programs: Mapping[str, str], parts: Iterable[str] = PARTS) -> dict[str, str]:
    """What it is, by names for people: `programs` and their versions, and those of the Python packages `parts`.

    A package that is not installed is left out.
    """
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": f"{len(os.sched_getaffinity(0))} × {_processor()}",
        "memory": f"{gibibytes:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        **programs,
        "Python": platform.python_version(),
        **{name: found for name in parts if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

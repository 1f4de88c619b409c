"""The machine and the versions that a run was made with."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.faults.scene import Scene

PARTS = ("PyMySQL", "DBUtils", "Flask", "Flask-SQLAlchemy", "SQLAlchemy", "uWSGI")


def described(scene: Scene) -> dict[str, str]:
    """What it is, by names for people."""
    gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": f"{len(os.sched_getaffinity(0))} × {_processor()}",
        "memory": f"{gibibytes:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "database": str(scene.execute("SELECT VERSION()")[0][0]),
        "Python": platform.python_version(),
        **{name: version(name) for name in PARTS},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

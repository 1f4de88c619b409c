"""What runs on this machine, asked of /proc: for tests that must leave nothing running."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Return once `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(0.02)


def working_on(directory: Path) -> dict[int, str]:
    """Command lines, by process id, of what mentions `directory` in its arguments or works in it."""
    found = {}
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal() or int(process.name) == os.getpid():
            continue
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            place = str((process / "cwd").readlink())
        except OSError:  # it ended, or is the kernel's
            continue
        if command and (str(directory) in command or place.startswith(str(directory))):
            found[int(process.name)] = command
    return found


def children(pid: int) -> dict[int, str]:
    """Command lines, by process id, of the processes that `pid` started and that still run."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_bytes().decode() for child in listed}

"""py-spy on one process of an app, while it is under load."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab.profile import stacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.profile.stacks import Stacks

RATE = 997
"""Samples a second; not a round number, lest it keep step with anything."""
ENDING = 30.0
"""Seconds that it may take beyond the sampling, to read the program's symbols and to write."""
_LAST_WORDS = 300


class NotSampledError(Exception):
    """There is no sample; the message says why."""


def program() -> str | None:
    """Where py-spy is, if it is installed."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if beside.exists() else shutil.which("py-spy")


def sample(pid: int, seconds: int, load: Callable[[], object]) -> Stacks:
    """Where the threads of `pid` that hold the GIL are, within `seconds` of the load that `load` makes meanwhile.

    It does not stop the process. Raises `NotSampledError`.
    """
    found = program()
    if found is None:
        raise NotSampledError("py-spy is not installed")
    with tempfile.TemporaryDirectory(prefix="profile-") as directory:
        output = Path(directory) / "stacks"
        command = [
            *(found, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(RATE)),
            *("--format", "raw", "--output", str(output)),
            *("--nonblocking", "--gil", "--function", "--full-filenames"),
        ]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                load()
                _, said = process.communicate(timeout=ENDING)
            except BaseException as problem:
                process.kill()
                if isinstance(problem, subprocess.TimeoutExpired):
                    raise NotSampledError(f"py-spy has not ended after {ENDING:g} s") from problem
                raise
        if process.returncode or not output.exists():
            raise NotSampledError(f"py-spy says: {said.strip()[-_LAST_WORDS:]}")
        read = stacks.read(output.read_text(errors="replace").split("\n"))
        if not read.samples:
            raise NotSampledError("py-spy has seen nobody hold the lock")
        return read

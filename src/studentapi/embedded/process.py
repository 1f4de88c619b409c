"""Child processes that end with their parent, and those that a killed parent left over."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
PR_SET_PDEATHSIG = 1
ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
if os.getppid() != int(sys.argv[1]):  # it ended before the call
    sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(
    command: Sequence[str | Path],
    *,
    output: IO[bytes],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command`, whose first word is a path, so that it gets SIGTERM when the calling thread ends.

    It runs in a session of its own, where a terminal's Ctrl-C does not reach it: its parent decides when
    it ends. The wish is made by a small program that then becomes the command, since code between fork and
    exec (`preexec_fn`) may deadlock where the parent has threads.
    """
    return subprocess.Popen(  # noqa: S603 - the caller's own words
        [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid()), *map(str, command)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes], timeout: float) -> None:
    """Ask `process` to end by SIGTERM; kill it when it has not ended after `timeout` seconds."""
    process.terminate()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_any(processes: Sequence[subprocess.Popen[bytes]], timeout: float | None = None) -> bool:
    """Wait until one of `processes` has ended; False when `timeout` seconds passed before."""
    descriptors: list[int] = []
    try:
        for process in processes:
            if process.poll() is not None:
                return True
            descriptors.append(os.pidfd_open(process.pid))
        return _readable(descriptors, timeout)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def end_left_over(directories: Sequence[Path], timeout: float) -> None:
    """End every database server that works in one of `directories`: SIGTERM, after `timeout` seconds SIGKILL.

    A server is known by its working directory, the inode and not its name, so that one in a container with
    the same path is let alone, and by a `--datadir` among its arguments, so that a shell there is, too.
    """
    wanted = {_identity(directory) for directory in directories}
    for pid in _pids():
        try:
            # A descriptor stays with this process, whatever happens to its number in the meantime.
            descriptor = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if _works_in(pid, wanted):
                _end(descriptor, timeout)
        finally:
            os.close(descriptor)


def _end(descriptor: int, timeout: float) -> None:
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not _readable([descriptor], timeout):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            _readable([descriptor], timeout)
    except ProcessLookupError:
        return


def _readable(descriptors: Sequence[int], timeout: float | None) -> bool:
    """Wait for one of `descriptors`; a process's is readable once it has ended. False after `timeout` seconds."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def _pids() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            yield int(entry.name)


def _works_in(pid: int, directories: set[tuple[int, int]]) -> bool:
    process = Path("/proc", str(pid))
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        return any(argument.startswith(b"--datadir=") for argument in arguments) and (
            _identity(process / "cwd") in directories
        )
    except OSError:  # it ended, or is another user's
        return False


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino

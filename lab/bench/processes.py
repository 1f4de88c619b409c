"""What processes use, asked of /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")
# Fields of /proc/PID/stat, counted from the one behind the name, which may hold spaces and brackets.
_SESSION, _USER, _LAST_TIME, _RESIDENT = 3, 11, 15, 21


def of_session(leader: int) -> list[int]:
    """The processes of the session that `leader` began: itself and whatever it started."""
    pids = (int(entry.name) for entry in os.scandir(PROC) if entry.name.isdecimal())
    return [pid for pid in pids if (fields := _fields(pid)) and int(fields[_SESSION]) == leader]


def cpu_seconds(*pids: int) -> float:
    """User and system time of `pids`, and of those of their children that have ended, in steps of 10 ms."""
    ticks = 0
    for pid in pids:
        ticks += sum(int(field) for field in _fields(pid)[_USER:_LAST_TIME])
    return ticks / TICKS


def user_and_system(*pids: int) -> tuple[float, float]:
    """The parts of `cpu_seconds`: user time and system time."""
    user = system = 0
    for pid in pids:
        fields = [int(field) for field in _fields(pid)[_USER:_LAST_TIME]]
        user += sum(fields[::2])
        system += sum(fields[1::2])
    return user / TICKS, system / TICKS


def resident_bytes(pid: int) -> int:
    """What of a process is in memory, pages that it shares among it; 0 when it has ended."""
    fields = _fields(pid)
    return int(fields[_RESIDENT]) * PAGE if fields else 0


def _fields(pid: int) -> list[str]:
    """The fields behind the name; none when the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []

"""Whether the machine is at rest before anything is measured: others' work slows some rounds and not others."""

from __future__ import annotations

import os
from pathlib import Path
from time import sleep

from lab.bench.words import share

LOOK_SECONDS = 1.0
BUSY = 0.25
"""From this share of the processors' time on, others have enough of it to be seen in the figures."""
_IDLE = (3, 4)
"""Of the times in a line of /proc/stat: idle, and waiting for a disk."""
_TIMES = 8
"""So many times are counted apart; guests' are among the others."""

Times = tuple[int, int]
"""Clock ticks of the processors: at work, and all."""


def busy() -> str:
    """How busy the machine is, in words, after a look of a second; empty where it is at rest.

    What it did a minute ago is in the load average and not in this: growth is measured right after the others.
    """
    before = used()
    sleep(LOOK_SECONDS)
    return told(before, used(), os.getloadavg()[0])


def told(before: Times, after: Times, load: float) -> str:
    """The words for what the processors did between two looks."""
    work, total = after[0] - before[0], after[1] - before[1]
    if not total or work / total < BUSY:
        return ""
    cores = len(os.sched_getaffinity(0))
    return (
        f"the machine was busy when this began: {share(work / total)} of the time of {cores} processors, "
        f"load {load:.1f}"
    )


def used(stat: str | None = None) -> Times:
    """Ticks by now of the processors that this process may use; what a host took away counts as work."""
    text = Path("/proc/stat").read_text() if stat is None else stat
    wanted = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    lines = [line.split() for line in text.splitlines()]
    times = [[int(one) for one in line[1 : 1 + _TIMES]] for line in lines if line and line[0] in wanted]
    total = sum(map(sum, times))
    return total - sum(one[number] for one in times for number in _IDLE), total

"""What the bench says of the machine before it measures, and where it keeps its data."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING

from lab.bench import rest
from lab.bench.database_server import VAR, VOLUME, volume

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_processors_that_are_ours_count_and_waiting_is_no_work() -> None:
    mine = min(os.sched_getaffinity(0))
    others = max(os.sched_getaffinity(0)) + 1
    line = "{name} 10 1 20 500 60 3 4 5 0 0"
    stat = "\n".join(line.format(name=name) for name in ("cpu", f"cpu{mine}", f"cpu{others}"))
    assert rest.used(f"{stat}\nintr 1 2 3\n") == (43, 603)


def test_a_machine_at_rest_is_not_spoken_of() -> None:
    assert not rest.told((1000, 5000), (1010, 5200), 1.9)
    assert not rest.told((1000, 5000), (1000, 5000), 1.9)


def test_a_busy_machine_is_told_with_its_load() -> None:
    said = rest.told((1000, 5000), (1150, 5200), 1.94)
    assert said.startswith("the machine was busy when this began: 75 % of the time of ")
    assert said.endswith("load 1.9")


def test_work_of_this_process_is_seen() -> None:
    before = rest.used()
    deadline = monotonic() + 30
    while rest.used()[0] - before[0] < 5 and monotonic() < deadline:
        sum(range(1000))
    after = rest.used()
    assert 5 <= after[0] - before[0] <= after[1] - before[1]


def test_each_checkout_has_a_volume_of_its_own(tmp_path: Path) -> None:
    assert volume(tmp_path / "one") != volume(tmp_path / "two")
    assert volume(VAR) == VOLUME

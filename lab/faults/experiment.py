"""One fault, done to all answers at the same moment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING

from lab.faults.load import CLIENT_TIMEOUT, Load
from lab.faults.scene import wait_until
from lab.faults.service import Service, end_all
from lab.faults.verdict import STEADY, Outcome, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lab.answers import Answer
    from lab.faults.kinds.fault import Fault
    from lab.faults.scene import Scene

WARM = 2.5
"""Seconds of load before a fault, so that every thread has its connection."""
WATCH_LEAST, WATCH_MOST = 3.0, CLIENT_TIMEOUT + 1.0
"""Seconds of load after a fault: until all have recovered, at most until the clients of a hung answer gave up."""
STOP_GRACE = 2.0
"""Seconds for the last requests to be answered."""


@dataclass(frozen=True)
class Watch:
    """When the fault began, when it was over, and until when the clients watched (monotonic seconds)."""

    began: float
    ended: float
    until: float


def run(
    fault: Fault, scene: Scene, answers: Sequence[Answer], log: Callable[[Answer], Path]
) -> dict[str, Outcome]:
    """What `fault` did to each of `answers`, by name; one that does not even serve is left out.

    Database and network are as before afterwards.
    """
    try:
        for answer in answers:
            scene.execute(f"TRUNCATE TABLE `{answer.database}`.record")
        fault.prepare(scene)
        loads, watch = _under_load(fault, scene, answers, log)
        scene.settle()
        return {
            answer.name: judge(
                loads[answer.name].samples,
                fault.rows(scene, answer),
                began=watch.began,
                ended=watch.ended,
                until=watch.until,
                touched=fault.touched(answer),
            )
            for answer in answers
            if answer.name in loads
        }
    finally:
        fault.tidy(scene)


def _under_load(
    fault: Fault, scene: Scene, answers: Sequence[Answer], log: Callable[[Answer], Path]
) -> tuple[dict[str, Load], Watch]:
    services: list[Service] = []
    loads: dict[str, Load] = {}
    try:
        for answer in answers:
            service = Service(answer, fault.url(scene, answer), max_age=fault.max_age, log=log(answer))
            services.append(service)
        for service in services:
            try:
                service.await_answer()
            except RuntimeError as error:  # its own column stays empty
                print(error, file=sys.stderr)
            else:
                loads[service.answer.name] = Load(service.port, f"{fault.name}-{service.answer.name}")
        watch = _watch(fault, scene, list(loads.values()))
    finally:
        for load in loads.values():
            load.end()
        # a client that waits for a hung service is set free by the service's end
        end_all(services)
        fault.recover(scene)
        for load in loads.values():
            load.join()
    return loads, watch


def _watch(fault: Fault, scene: Scene, loads: Sequence[Load]) -> Watch:
    for load in loads:
        load.resume()
    sleep(WARM)
    if fault.idle:
        for load in loads:
            load.pause()
        wait_until(lambda: not _outstanding(loads), 5)
    began = monotonic()
    fault.inject(scene)
    ended = monotonic()
    if fault.idle:
        for load in loads:
            load.resume()
    wait_until(lambda: _all_well(loads, ended), WATCH_MOST)
    until = monotonic()
    for load in loads:
        load.pause()
    wait_until(lambda: not _outstanding(loads), STOP_GRACE)
    return Watch(ended if fault.idle else began, ended, until)


def _outstanding(loads: Sequence[Load]) -> list[float]:
    return [began for load in loads for began in load.outstanding()]


def _all_well(loads: Sequence[Load], ended: float) -> bool:
    """Whether each answer has given nothing but good answers for a while, and owes none."""
    now = monotonic()
    if now - ended < WATCH_LEAST:
        return False
    for load in loads:
        bad = [sample.ended for sample in load.samples if not sample.good and sample.ended >= now - STEADY]
        owed = [began for began in load.outstanding() if now - began > 1]
        if bad or owed:
            return False
    return True

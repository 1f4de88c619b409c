"""The measurement: the apps of a route are up and warm, take turns, and then are sampled one after the other."""

from __future__ import annotations

import os
import resource
import sys
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING

from lab.bench import processes
from lab.bench.load import LoadError
from lab.bench.plan import WIDE, Size, order
from lab.bench.stage import CREATED, Stage
from lab.bench.targets import CLIENTS, ours
from lab.peers import ROUTES, peer, serving
from lab.profile import floor, rows, sampling
from lab.profile.results import Profile, Slice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer
    from lab.peers import Route
    from lab.peers.data import Dataset
    from lab.profile.results import Results

PEERS: dict[Route, tuple[str, ...]] = {
    "city": ("studentapi", "mysqlclient", "bare", "pooled_db", "persistent_db"),
    "assessment-data": ("service", "mysqlclient", "fastapi", "bare"),
    "recording": ("service", "mysqlclient_remembers"),
}
"""Who is profiled on which route: studentapi first, then whom it is held to, or who does most alike."""
ROUNDS = 8
"""Turns that each has; what slows the machine down slows a round for all."""
COMPARED = 10
"""Of so many students answers are compared before; the bench compares more."""
SAMPLES = "where the code is"
TAIL_CLIENTS = (1, 2, 4, CLIENTS)
TAIL_ROUNDS = 5
START = 1.0
"""Seconds of load beyond the sampling, which does not begin at once."""


def run(  # noqa: PLR0917 - the order of a sentence: on what, of what, how long
    server: DatabaseServer,
    dataset: Dataset,
    routes: Collection[Route],
    seconds: float,
    results: Results,
    directory: Path,
    *,
    size: Size = WIDE,
) -> None:
    """Profile each of `PEERS` on one server for `seconds` of load, and as many of sampling, into `results`.

    The peers' logs go to `directory`. What cannot be measured is among `results.missing`.
    """
    able = []
    for one in dict.fromkeys(peer(name) for route in routes for name in PEERS[route]):
        results.peers[one.name] = one.title
        if reason := serving.missing(one):
            results.missing[one.title] = f"lacks {reason}"
        else:
            able.append(one)
    say(f"{server.flavour} {server.version}, {size}: starting {len(able)} services")
    with Stage(server, dataset, size, directory, compared=COMPARED) as stage:
        for name, problem in stage.start(able).items():
            results.missing[f"{peer(name).title}, {server.flavour}"] = problem
        for route in routes:
            names = [name for name in PEERS[route] if name in stage.services and peer(name) in able]
            with _forgotten(stage, route):
                found = measure(stage, route, names, seconds, results)
                if found:
                    sample(stage, found, seconds, results)
        # all five have a target there, whichever are profiled
        for route in ROUTES if set(PEERS) <= set(routes) else routes:
            if ours(route) in stage.services:
                with _forgotten(stage, route):
                    results.tails += tails(stage, route, seconds)
    # by itself: nobody else is up who could do anything
    say("what a call costs one thread")
    results.processors = len(os.sched_getaffinity(0))
    results.floors[server.flavour] = floor.measure(dataset.url, seconds)
    if "assessment-data" in routes:
        results.rows[server.flavour] = rows.measure(dataset.url, dataset.students, seconds, server.cpu_seconds)


@contextmanager
def _forgotten(stage: Stage, route: Route) -> Iterator[None]:
    """Nothing is recorded before, and what was is gone behind."""
    if route in CREATED:
        stage.forget()
    try:
        yield
    finally:
        if route in CREATED:
            stage.forget()


def measure(stage: Stage, route: Route, names: Sequence[str], seconds: float, results: Results) -> list[Profile]:
    """Let each have its slices of CPU time, into `results`; who fails in one is out of it."""
    say(f"{route}: CPU time, rounds: {ROUNDS} × {len(names)}")
    found = {name: Profile(stage.server.flavour, route, name) for name in names}
    for name in names:
        try:
            stage.warm_up(name, route)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
            _leave_out(found, name, results, problem)
    for number in range(ROUNDS):
        for name in order(list(found), number):
            try:
                found[name].slices.append(slice_of(stage, name, route, seconds / ROUNDS))
            except (LoadError, TimeoutError) as problem:
                _leave_out(found, name, results, problem)
    results.profiles += found.values()
    return list(found.values())


def tails(stage: Stage, route: Route, seconds: float) -> list[Profile]:
    """Studentapi alone on a route, by more and more clients in turn: how its tail grows with them.

    Who fails is told of by what it is compared in; here, the route is left out.
    """
    name = ours(route)
    say(f"{route}: the tail, rounds: {TAIL_ROUNDS} × {len(TAIL_CLIENTS)}")
    found = [Profile(stage.server.flavour, route, name, clients=clients) for clients in TAIL_CLIENTS]
    try:
        stage.warm_up(name, route)
        for _ in range(TAIL_ROUNDS):
            for one in found:
                one.slices.append(slice_of(stage, name, route, seconds / ROUNDS, one.clients))
    except (LoadError, TimeoutError) as problem:
        say(f"{route}: {problem}")
        return []
    return found


def slice_of(stage: Stage, name: str, route: Route, seconds: float, clients: int = CLIENTS) -> Slice:
    """One slice; raises `LoadError` where an answer was not as it should be, or none came."""
    pids = stage.services[name].pids()
    before = (*processes.user_and_system(*pids), stage.server.cpu_seconds(), _client_seconds())
    asked = stage.ask(name, route, clients, seconds)
    after = (*processes.user_and_system(*pids), stage.server.cpu_seconds(), _client_seconds())
    if asked.errors or not asked.requests:
        raise LoadError(f"{asked.errors} errors beside {asked.requests} answers in {asked.seconds:.1f} s")
    stage.settle()
    user, system, database, client = (now - then for now, then in zip(after, before, strict=True))
    return Slice(
        asked.requests, asked.seconds, user, system, database, client, p50_ms=asked.p50_ms, p99_ms=asked.p99_ms
    )


def sample(stage: Stage, profiles: Sequence[Profile], seconds: float, results: Results) -> None:
    """Sample each of `profiles` under the same load, without counting its time."""
    if sampling.program() is None:
        say("not sampled: py-spy is not installed")
        results.missing[SAMPLES] = "not sampled: py-spy is not installed"
        return
    lasts = max(1, ceil(seconds))
    say(f"{profiles[0].route}: where the code is, {lasts} s × {len(profiles)}")
    for one in profiles:
        route: Route = one.route  # type: ignore[assignment]  # it was one when it was put there
        pid = _worker(stage.services[one.peer].pids())
        try:
            one.stacks = sampling.sample(
                pid,
                lasts,
                lambda: stage.ask(one.peer, route, CLIENTS, lasts + START),  # noqa: B023 - called at once
            )
            stage.settle()
        except (sampling.NotSampledError, LoadError, TimeoutError, ValueError) as problem:
            say(f"not sampled: {problem}")
            results.missing[f"{SAMPLES}, {one.peer}, {route}, {one.server}"] = f"not sampled: {problem}"


def say(words: str) -> None:
    """Tell who waits."""
    print(words, flush=True)


def _worker(pids: Sequence[int]) -> int:
    """The busiest of an app's processes, but for the one that began the session and only watches the others."""
    workers = [pid for pid in pids if os.getsid(pid) != pid]
    return max(workers or pids, key=processes.cpu_seconds)


def _client_seconds() -> float:
    """CPU time of the programs that this one has started and seen end: between two slices, of wrk."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _leave_out(found: dict[str, Profile], name: str, results: Results, problem: Exception) -> None:
    one = found.pop(name)
    words = str(problem)[:300]
    results.missing[f"{peer(name).title}, {one.route} on {one.server}"] = words
    print(f"FAILED: {name}: {words}", file=sys.stderr, flush=True)

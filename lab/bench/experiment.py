"""The measurement: all peers are up and warm, and take turns, round after round."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import TYPE_CHECKING

from pymysql.err import IntegrityError

from lab.bench.load import LoadError
from lab.bench.plan import order
from lab.bench.results import Measured, Place, Slice
from lab.bench.settling import settle
from lab.bench.stage import CREATED, DATABASE, WARM_SECONDS, Stage
from lab.bench.targets import ours
from lab.peers import data

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from lab.bench.database_server import DatabaseServer
    from lab.bench.plan import Block
    from lab.bench.results import Results
    from lab.peers import Peer, Route

LONGEST = 300
"""Letters of a failure that are kept: it may quote a whole answer."""
COMPARED_AGAIN = 10
"""Of so many students, and classes, answers are compared in a quick run, and once the same apps have been."""
QUICK_WARM_SECONDS = 0.3
FEW_ANSWERS, LONGER = 50, 3
"""Who answered fewer in the warm-up has slices so many times as long;"""
FEW_OF_OURS = 150
"""and everyone has, where studentapi, whose 99th percentile has a target, answered fewer than this."""


def run(
    server: DatabaseServer,
    blocks: Sequence[Block],
    peers: Collection[Peer],
    results: Results,
    directory: Path,
) -> None:
    """Measure all `blocks` on one server into `results`; the peers' logs go to `directory`."""
    dataset = data.prepare(server.url("mysql", ssl_mode=""), DATABASE)
    with closing(server.connect()) as connection:
        settle(connection)
    for number, size in enumerate(dict.fromkeys(block.size for block in blocks)):
        here = [block for block in blocks if block.size == size]
        routes = dict.fromkeys(block.route for block in here)
        wanted = [peer for peer in peers if any(takes_part(peer, block) for block in here)]
        say(f"{server.flavour} {server.version}, {size}: starting {len(wanted)} services")
        compared = COMPARED_AGAIN if number or results.quick else None
        warm = QUICK_WARM_SECONDS if results.quick else WARM_SECONDS
        with Stage(server, dataset, size, directory, warm=warm, compared=compared) as stage:
            for name, problem in stage.start(wanted).items():
                tell(results, f"{server.flavour}, {size}: {name} is not measured: {problem}")
            for route in routes:
                names = [peer.name for peer in wanted if route in peer.routes and peer.name in stage.services]
                patience = warm_up(stage, names, route, results)
                for block in here:
                    if block.route == route:
                        measure(stage, block, patience, results)


def takes_part(peer: Peer, block: Block) -> bool:
    """Whether a peer is measured in a block."""
    return block.route in peer.routes and (block.peers is None or peer.name in block.peers)


def warm_up(stage: Stage, names: Sequence[str], route: Route, results: Results) -> dict[str, int]:
    """Those that answer this route as studentapi does, and how many times as long a slice they have.

    None has a shorter one than studentapi: what a slice begins with weighs more in it. The others are told of,
    loudly.
    """
    answered = {}
    for name in names:
        try:
            sample = stage.warm_up(name, route)
        except Exception as problem:  # noqa: BLE001 - whatever it is, the others go on
            what = f"{stage.server.flavour}, {route}, {stage.size}"
            fail(stage, results, name, f"{what}: {name} is not measured: {problem}")
        else:
            answered[name] = sample.requests
    all_longer = answered.get(ours(route), FEW_OF_OURS) < FEW_OF_OURS
    return {name: LONGER if all_longer or few < FEW_ANSWERS else 1 for name, few in answered.items()}


def measure(stage: Stage, block: Block, patience: dict[str, int], results: Results) -> None:
    """Let each of those in `patience` have its slice in each round; who fails in one is out of this block."""
    place = Place(stage.server.flavour, block.route, block.size.processes, block.size.threads, block.clients)
    measured = {name: Measured(place, name) for name in patience if name in stage.services}
    say(f"{block.route}, {block.size}, clients: {block.clients}, rounds: {block.rounds} × {len(measured)}")
    try:
        if block.route in CREATED:
            stage.forget()
        stage.settle()
    except (TimeoutError, IntegrityError) as problem:
        where = f"{place.where}, {block.clients} clients"
        tell(results, f"{where}: begun on a server that was not at rest: {problem}")
    for number in range(block.rounds):
        for name in order(list(measured), number):
            try:
                measured[name].slices.append(slice_of(stage, block, name, patience[name]))
            except (LoadError, TimeoutError) as problem:
                del measured[name]
                fail(stage, results, name, f"{place.where}, {block.clients} clients: {name} failed: {problem}")
    results.measured += measured.values()


def slice_of(stage: Stage, block: Block, name: str, times: int) -> Slice:
    """One slice; raises `LoadError` where an answer was not as it should be, or none came."""
    for patience in (times, LONGER * times, LONGER * LONGER * times):
        found = _slice(stage, block, name, block.seconds * patience)
        if found.requests:
            return found
    raise LoadError(f"no answer in {found.seconds:.1f} s")


def _slice(stage: Stage, block: Block, name: str, seconds: float) -> Slice:
    service = stage.services[name]
    counted = stage.counters()
    app, database = service.cpu_seconds(), stage.server.cpu_seconds()
    sample = stage.ask(name, block.route, block.clients, seconds)
    app, database = service.cpu_seconds() - app, stage.server.cpu_seconds() - database
    if sample.errors:
        raise LoadError(f"{sample.errors} errors beside {sample.requests} answers in {sample.seconds:.1f} s")
    after = stage.counters()
    stage.settle()
    more = {counter: after[counter] - before for counter, before in counted.items()}
    return Slice(
        requests=sample.requests,
        seconds=sample.seconds,
        p50_ms=sample.p50_ms,
        p99_ms=sample.p99_ms,
        app=app,
        database=database,
        connects=more["Connections"],
        statements=more["Questions"] - 1,  # the last one asks for this number
        pings=more["Com_admin_commands"],
    )


def say(words: str) -> None:
    """Tell who waits."""
    print(words, flush=True)


def fail(stage: Stage, results: Results, name: str, words: str) -> None:
    """Tell what failed, and end whatever the peer is still doing."""
    tell(results, words)
    if problem := stage.restart(name):
        tell(results, f"{name} does not come up again: {problem}")


def tell(results: Results, words: str) -> None:
    """Keep what failed, and say it where it is seen."""
    words = " ".join(words.split())  # an answer has lines
    words = words if len(words) <= LONGEST else f"{words[:LONGEST]} …"
    results.failures.append(words)
    print(f"FAILED: {words}", file=sys.stderr, flush=True)

"""What follows from a run: what Flask costs, what connections cost, and which ratios can be reached at all."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from lab.bench.targets import AGAINST, CLIENTS, TAIL, ours
from lab.bench.words import micros, route_title, share, times
from lab.profile import floor
from lab.profile.measure import PEERS
from lab.profile.stacks import CONNECTIONS, FLASK, PYDANTIC, REST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.bench.figures import Ratio
    from lab.profile.results import Profile, Results

CITY, BARE, MYSQLCLIENT = "city", "bare", "mysqlclient"
SPARED = (
    "studentapi/api/conditional.py",
    "studentapi/api/latency.py",
    "studentapi/api/rate_limits.py",
    "studentapi/api/request_ids.py",
    "studentapi/api/request_log.py",
    "studentapi/api/security.py",
    "studentapi/api/shared_counters.py",
    "studentapi/api/waiting_room.py",
    "studentapi/logs.py",
    "studentapi/mysql/board.py",
)
"""The files of what the rivals are spared."""
FULL = 0.9
"""From this share of their time on, the processors are taken for busy."""
STEADY = 1.3
"""Times that the highest of the rounds' ratios may be the lowest."""


@dataclass(frozen=True)
class Ceiling:
    """Requests per second against another's: as `measured`, and if `Database` cost less; its `target`, if any.

    `by_cpu`: what the CPU times of the two would make of it, which a noisy machine disturbs less.
    `at_floor`: if a call of it cost what plain socket calls cost; `codeless`: if all user time that the sample
    finds in connections vanished (None: there is no sample). `allowed`: the µs of a call at which the target
    would just be reached, from what a call costs now; below zero, where nothing that a call saves is enough.
    """

    title: str
    target: float | None
    measured: Ratio
    by_cpu: float
    at_floor: float
    codeless: float | None
    allowed: float | None


def ceilings(results: Results, server: str) -> Iterator[Ceiling]:
    """Of the city lookup, against everyone who was measured beside it.

    A request costs this machine a sum of CPU times: the app's, the database server's, the client's. Where an app
    saves some of it, requests/s are taken to grow as that sum shrinks, as they do on a machine that is busy.
    """
    there, calls = results.at(server, CITY), results.floor(server)
    mine = there.get(ours(CITY))
    if mine is None or floor.READ not in calls:
        return
    call = calls[floor.READ]
    targets = {peer: wanted for route, peer, _, wanted in AGAINST if route == CITY}
    for name in PEERS["city"]:
        if name not in there or there[name] is mine:
            continue
        measured, target = mine.rate_over(there[name]), targets.get(name)
        yield Ceiling(
            title=results.peers[name],
            target=target,
            measured=measured,
            by_cpu=there[name].all / mine.all,
            at_floor=_faster(mine, measured.median, call - calls[floor.SOCKETS]),
            codeless=_faster(mine, measured.median, mine.sampled(*CONNECTIONS)) if mine.stacks else None,
            allowed=None if target is None else call - mine.all * (1 - measured.median / target),
        )


def _faster(mine: Profile, measured: float, saved: float) -> float:
    left = mine.all - saved
    return measured * mine.all / left if left > 0 else inf


def findings(results: Results, server: str) -> Iterator[str]:
    """Sentences about one server's city lookup, each with its figures."""
    there, calls = results.at(server, CITY), results.floor(server)
    mine, bare = there.get(ours(CITY)), there.get(BARE)
    if mine is None or floor.READ not in calls or not mine.app:
        return
    if bare is not None:
        yield _flask(mine, bare, there.get(MYSQLCLIENT), calls)
    yield _connections(mine, calls)
    for one in ceilings(results, server):
        if one.target is not None:
            yield _ceiling(one, calls)


def unsteady(results: Results, server: str) -> str | None:
    """A warning, where the rounds of the city lookup are too far apart for a target that is near."""
    found = [one.measured for one in ceilings(results, server)]
    most = max((one.high / one.low for one in found), default=1.0)
    if most <= STEADY:
        return None
    return (
        f"Rounds of one ratio differ by up to {most:.1f} times: this machine, or what is on it, is unsteady. "
        "CPU times are disturbed less than requests/s, and what is said of a target that is near may be wrong."
    )


def shares(results: Results, server: str) -> Iterator[str]:
    """Of each other route, a sentence on what the sample finds."""
    for route in results.routes():
        mine = results.at(server, route).get(ours(route))
        if route == CITY or mine is None or mine.stacks is None:
            continue
        found = (mine.stacks.share(*layers) for layers in (CONNECTIONS, (FLASK, PYDANTIC), (REST,)))
        connections, frameworks, rest = map(share, found)
        yield (
            f"**{route_title(route).capitalize()}**: of {micros(mine.user)} µs of studentapi's user time, the "
            f"sample finds {connections} in connections, {frameworks} in Flask, APIFlask and Pydantic, {rest} in "
            f"studentapi's own code above them. The database server takes {micros(mine.database)} µs besides."
        )


def gaps(results: Results, server: str) -> Iterator[str]:
    """Of each other route, a sentence on each target against a rival: what the two differ by."""
    for route, peer, _, target in AGAINST:
        there = results.at(server, route)
        mine, theirs = there.get(ours(route)), there.get(peer)
        if route == CITY or mine is None or theirs is None:
            continue
        measured = mine.rate_over(theirs)
        missing = mine.all - theirs.all / target
        reached = ", and reached in this run" if round(measured.median, 2) >= target else ""
        too_many = f"; by CPU time, {micros(missing)} µs of {micros(mine.all)} µs too many"
        less = too_many if round(missing) > 0 else ""
        yield (
            f"**{route_title(route).capitalize()} against {results.peers[peer]}**: {times(measured)} times its "
            f"requests/s, {theirs.all / mine.all:.2f} by CPU time. The target is {target:g}{reached}{less}. The "
            f"app takes {micros(mine.app)} µs to the rival's {micros(theirs.app)}, the database server "
            f"{micros(mine.database)} to {micros(theirs.database)}{_spared(mine, theirs)}."
        )


def _spared(mine: Profile, theirs: Profile) -> str:
    if mine.stacks is None:
        return ""
    cost = mine.user * mine.stacks.of_files(*SPARED)
    return (
        f". Of the app's, the sample finds {micros(cost)} µs in what the rival is spared: the log, the figures "
        "for operators, the limits, entity tags, a thread kept free. Without these it would be "
        f"{theirs.all / (mine.all - cost):.2f} times by CPU time"
    )


def tails(results: Results, server: str) -> Iterator[str]:
    """Of each route, a sentence on how its 99th percentile stands to the median, and what that comes of."""
    for route in dict.fromkeys(one.route for one in results.tails if one.server == server):
        found = [one for one in results.tails if (one.server, one.route) == (server, route)]
        first, last = found[0], found[-1]
        fewer = ", ".join(f"{one.tail.median:.1f} with {one.clients}" for one in found[:-1])
        words = (
            f"**The tail, {route_title(route)}**: with {last.clients} clients the 99th percentile is "
            f"{times(last.tail)} times the median; the target is {TAIL:g}. It is {fewer}. The processors are "
            f"{share(first.busy(results.processors))} busy with 1 client, {share(last.busy(results.processors))} "
            f"with {last.clients}"
        )
        others = [
            f"{one.tail.median:.1f} for {results.peers[one.peer]}"
            for one in results.at(server, route).values()
            if one.peer != ours(route)
        ]
        if others:
            words += f". By {CLIENTS} clients it is {'; '.join(others)}"
        if last.tail.median > TAIL >= first.tail.median and last.busy(results.processors) >= FULL:
            words += (
                ". So it is no request that takes long by itself: it waits for a processor, which client, app "
                "and database server share"
            )
        yield f"{words}."


def _flask(mine: Profile, bare: Profile, other: Profile | None, calls: dict[str, float]) -> str:
    costs = mine.app - bare.app + calls[floor.PYMYSQL] - calls[floor.READ]
    words = (
        f"**What Flask costs.** studentapi's app takes {micros(mine.app)} µs of CPU time per request, the bare "
        f"WSGI function {micros(bare.app)} µs. A call to the database costs the one "
        f"{micros(calls[floor.READ])} µs, the other {micros(calls[floor.PYMYSQL])} µs. That leaves "
        f"{micros(costs)} µs for Flask, {share(costs / mine.app)} of the app, which no connection changes"
    )
    if other is not None and floor.MYSQLCLIENT in calls:
        again = other.app - bare.app + calls[floor.PYMYSQL] - calls[floor.MYSQLCLIENT]
        words += f"; by the same sum for mysqlclient's app, {micros(again)} µs"
    if mine.stacks:
        words += (
            f". The sample finds {share(mine.stacks.share(FLASK))} of studentapi's user time in Flask and "
            f"Werkzeug, {micros(mine.sampled(FLASK))} µs of {micros(mine.user)} µs"
        )
    return words + "."


def _connections(mine: Profile, calls: dict[str, float]) -> str:
    read, least = calls[floor.READ], calls[floor.SOCKETS]
    words = (
        f"**What studentapi's connections cost.** A call costs {micros(read)} µs, {share(read / mine.app)} of "
        f"the app; of these, {micros(least)} µs are the floor, and {micros(read - least)} µs all that is beyond "
        "it: the reading, and the safeties"
    )
    if mine.stacks:
        words += (
            f". Under load, the sample finds {share(mine.stacks.share(*CONNECTIONS))} of the app's user time in "
            f"connections, {micros(mine.sampled(*CONNECTIONS))} µs"
        )
    if floor.MYSQLCLIENT in calls:
        words += f". mysqlclient's call, in C, costs {micros(calls[floor.MYSQLCLIENT])} µs"
    return words + "."


def _ceiling(one: Ceiling, calls: dict[str, float]) -> str:
    read, least = calls[floor.READ], calls[floor.SOCKETS]
    limit = max(one.at_floor, one.codeless or 0.0)
    words = (
        f"**Against {one.title}**: {times(one.measured)} times its requests/s. With connections that "
        f"cost nothing beyond the floor it would be {one.at_floor:.2f}"
    )
    if one.codeless is not None:
        words += f", and without any user time of theirs {one.codeless:.2f}"
    words += f". The target is {one.target:g}"
    if round(one.measured.median, 2) >= (one.target or 0):
        return f"{words}, and reached in this run."
    if round(limit, 2) < (one.target or 0):
        return f"{words}, which connections alone could not reach, whatever they did without."
    allowed = one.allowed or 0.0
    if allowed <= 0:
        return f"{words}: more than a whole call costs would have to be saved."
    below = "less than the floor" if allowed < least else f"{allowed / least:.1f} times the floor"
    return f"{words}: a call would have to cost {micros(allowed)} µs, {below}, in place of {micros(read)} µs."

"""What the figures say, in sentences."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lab.bench.figures import Figures, figures, printed, ratio
from lab.bench.plan import SERVER_TITLES
from lab.bench.targets import ours, standing, verdicts, wide
from lab.bench.words import micros, named, route_title, share, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lab.bench.figures import Ratio
    from lab.bench.results import Place, Results
    from lab.bench.targets import Standing

NEW, KEPT = "per_request", "persistent_db"
"""The two that the question's answer compares."""
BARE, GO = "bare", "go"
ASKS, REMEMBERS = "mysqlclient", "mysqlclient_remembers"
"""The same app: one asks the database for the token on each request, one remembers it as studentapi does."""
OPENS = {"fastapi_kept": "fastapi", "go_kept": "go"}
"""Whose clients keep their connections, and the same app whose clients open one for each request."""
AS_ANSWERED = {1, 8}
"""The clients of which the answer's comparison is told in words; the tables have all."""


def findings(results: Results, others: Sequence[Standing] = ()) -> Iterator[str]:
    """One for each thing that a reader would look for, on each server that was there.

    `others`: how it stands with each target beside those of `results`.
    """
    judged = Counter(one.standing for one in verdicts(results)) + Counter(others)
    del judged["not measured"]
    if judged:
        yield (
            f"Of {judged.total()} targets that were measured, {judged['reached']} are reached, "
            f"{judged['not reached']} are not, and of {judged['undecided']} the rounds do not agree."
        )
    size = results.sizes()[-1:]
    for place in results.places():
        if [(place.processes, place.threads)] == size and place.clients in AS_ANSWERED:
            yield from _kept_connections(results, place)
    for place in wide(results):
        yield from _between(results, place)
    for server in results.servers:
        yield from _behind(results, server)


def remembered(results: Results) -> Iterator[str]:
    """A sentence for each server: studentapi beside the same rival with and without a memory for tokens."""
    for server in results.servers:
        found = []
        places = [place for place in wide(results) if place.server == server]
        for place in places:
            there = results.at(place)
            mine = there.get(ours(place.route))
            if mine is None or REMEMBERS not in there:
                continue
            words = f"{route_title(place.route)} {ratio(mine, there[REMEMBERS]).median:.2f}"
            found.append(f"{words} ({ratio(mine, there[ASKS]).median:.2f})" if ASKS in there else words)
        if found:
            yield (
                f"{SERVER_TITLES[server]}, studentapi's requests/s over those of Flask with mysqlclient that "
                f"remembers tokens, too (in parentheses: that does not): {', '.join(found)}."
            )


def kept(results: Results) -> Iterator[str]:
    """A sentence for each server: studentapi beside those whose clients keep their connections."""
    for server in results.servers:
        found = []
        for place in wide(results):
            there = results.at(place)
            mine = there.get(ours(place.route))
            for name, other in OPENS.items():
                if place.server == server and mine and name in there and other in there:
                    words = f"{route_title(place.route)}, {short(other)} {ratio(mine, there[name]).median:.2f}"
                    found.append(f"{words} ({ratio(mine, there[other]).median:.2f})")
        if found:
            yield (
                f"{SERVER_TITLES[server]}, studentapi's requests/s over those of servers whose clients keep "
                f"their connections (in parentheses: open one for each request): {'; '.join(found)}."
            )


def _kept_connections(results: Results, place: Place) -> Iterator[str]:
    there = results.at(place)
    if NEW not in there or KEPT not in there:
        return
    new, kept = figures(there[NEW]), figures(there[KEPT])
    yield (
        f"**Connections kept, or new for each request** ({_where(place)}): kept ones (PersistentDB) serve "
        f"{ratio(there[KEPT], there[NEW]).median:.2f} times the requests. The database server spends "
        f"{micros(new.database_us)} µs on a request with a new connection, {micros(kept.database_us)} with a "
        f"kept one, and is busy for {_load(new)} and {_load(kept)} of one processor's time. Of the CPU time of "
        f"app and database, the database's share is {share(1 - new.app_share)} with new connections and "
        f"{share(1 - kept.app_share)} with kept ones; for the server's CPU the question's answer reports 55 % "
        "against 45 %."
    )


def _behind(results: Results, server: str) -> Iterator[str]:
    """Whom studentapi does not reach, on any route, and with whom it is level."""
    found: list[str] = []
    level: list[str] = []
    for place in wide(results):
        there = results.at(place)
        mine = there.get(ours(place.route))
        if place.server != server or mine is None:
            continue
        others = {name: ratio(mine, other) for name, other in there.items() if other is not mine}
        stands = {name: _standing(one) for name, one in others.items()}
        for kind, those in (("not reached", found), ("undecided", level)):
            names = [f"{short(name)} ({others[name].median:.2f})" for name, one in stands.items() if one == kind]
            if names:
                those.append(f"{route_title(place.route)}: {', '.join(names)}")
    if found:
        yield (
            f"**Faster than studentapi** ({SERVER_TITLES[server]}, by its requests/s over theirs): "
            f"{'; '.join(found)}."
        )
    if level:
        yield (
            f"**Level with studentapi** ({SERVER_TITLES[server]}), now one faster and now the other: "
            f"{'; '.join(level)}."
        )


def _standing(times: Ratio) -> Standing:
    """How it stands with being no slower."""
    return standing(printed(times.median) >= 1, [printed(one) >= 1 for one in times.rounds])


def _where(place: Place) -> str:
    return f"{SERVER_TITLES[place.server]}, {named(place)}"


def _load(found: Figures) -> str:
    return share(found.rate * found.database_us / 1e6)


def _between(results: Results, place: Place) -> Iterator[str]:
    there = results.at(place)
    mine = there.get(ours(place.route))
    if mine is None:
        return
    words = []
    if BARE in there:
        times = ratio(mine, there[BARE]).median
        words.append(f"{share(times)} of what a bare WSGI function with plain PyMySQL serves")
    if GO in there:
        times = ratio(mine, there[GO]).median
        words.append(f"{share(times)} of what Go serves")
    if words:
        title = route_title(place.route).capitalize()
        asked = "" if place.route == "city" else "; both ask for the token each time, which studentapi remembers"
        yield f"**{title}** ({_where(place)}): studentapi serves {', and '.join(words)}{asked}."

"""What a run found, as it is kept in profile.json."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, Self

from lab.bench.figures import Ratio, spread
from lab.bench.targets import CLIENTS
from lab.profile.stacks import Stacks

if TYPE_CHECKING:
    from pathlib import Path

MICRO = 1e6
_LISTS = ("profiles", "tails")


@dataclass(frozen=True)
class Slice:
    """A peer under load for a moment: `requests` answered in `seconds`.

    CPU seconds meanwhile: `user` and `system` of the peer, `database` of the database server, `client` of wrk.
    Latencies are wrk's, in milliseconds.
    """

    requests: int
    seconds: float
    user: float
    system: float
    database: float
    client: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


@dataclass
class Profile:
    """A peer on a route: its slices, the n-th of the same round as everyone's n-th, and its sample, if any.

    CPU times are µs per request, the medians of the slices.
    """

    server: str
    route: str
    peer: str
    slices: list[Slice] = field(default_factory=list)
    stacks: Stacks | None = None
    clients: int = CLIENTS

    @property
    def rate(self) -> float:
        """Requests per second."""
        return median(one.rate for one in self.slices)

    @property
    def user(self) -> float:
        """The app's user time."""
        return self._each("user")

    @property
    def system(self) -> float:
        """The app's system time."""
        return self._each("system")

    @property
    def app(self) -> float:
        """The app's user and system time."""
        return self._each("user", "system")

    @property
    def database(self) -> float:
        """The database server's."""
        return self._each("database")

    @property
    def client(self) -> float:
        """The client's."""
        return self._each("client")

    @property
    def all(self) -> float:
        """What a request costs this machine: the app's, the database server's and the client's."""
        return self._each("user", "system", "database", "client")

    def sampled(self, *layers: str) -> float:
        """The user time of these layers, by their share of the samples."""
        return self.user * self.stacks.share(*layers) if self.stacks else 0.0

    def rate_over(self, other: Profile) -> Ratio:
        """Requests per second over those of another, by rounds."""
        found = [mine.rate / theirs.rate for mine, theirs in zip(self.slices, other.slices, strict=True)]
        return Ratio(median(found), min(found), max(found))

    @property
    def p50_ms(self) -> float:
        """The median latency, in ms."""
        return median(one.p50_ms for one in self.slices)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of latencies, in ms."""
        return median(one.p99_ms for one in self.slices)

    @property
    def tail(self) -> Ratio:
        """The 99th percentile over the median, slice by slice."""
        return spread([one.p99_ms / one.p50_ms for one in self.slices])

    def busy(self, processors: int) -> float:
        """The share of the processors' time that app, database server and client use."""
        return self.rate * self.all / MICRO / processors

    def _each(self, *names: str) -> float:
        slices: list[dict[str, float]] = [asdict(one) for one in self.slices]
        return MICRO * median([sum(one[name] for name in names) / one["requests"] for one in slices])


@dataclass
class Results:
    """A run. `servers` and `peers`: titles by name; `missing`: what was not measured, and why.

    `floors`: by server, the µs of CPU time of a call, of each way to ask, one for each round. `rows`: by server
    and by the way that the rows of assessment data are given, the same of app and database. `tails`: studentapi
    alone, on each route, by so many clients. `processors`: how many all of it shares.
    """

    day: str
    machine: dict[str, str] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    floors: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    rows: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    profiles: list[Profile] = field(default_factory=list)
    tails: list[Profile] = field(default_factory=list)
    processors: int = 1
    seconds: int = 0
    command: str = "make profile"

    def at(self, server: str, route: str) -> dict[str, Profile]:
        """Who was measured there, by name."""
        return {
            one.peer: one for one in self.profiles if (one.server, one.route) == (server, route) and one.slices
        }

    def routes(self) -> list[str]:
        """Every route, in the order of measuring."""
        return list(dict.fromkeys(one.route for one in self.profiles))

    def floor(self, server: str) -> dict[str, float]:
        """The medians of `floors`."""
        return {name: median(found) for name, found in self.floors.get(server, {}).items() if found}

    def write(self, path: Path) -> None:
        """Write it, a line for each peer on a route."""
        head = {name: value for name, value in vars(self).items() if name not in _LISTS}
        text = json.dumps(head, indent=1)[:-2]
        for name in _LISTS:
            lines = ",\n".join(json.dumps(asdict(one)) for one in getattr(self, name))
            text += f',\n "{name}": [\n{lines}\n]'
        path.write_text(f"{text}}}\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The results in a profile.json."""
        found = json.loads(path.read_text())
        return cls(**{**found, **{name: [_profile(one) for one in found[name]] for name in _LISTS}})


def _profile(found: dict[str, Any]) -> Profile:
    stacks = found.pop("stacks")
    slices = [Slice(**one) for one in found.pop("slices")]
    return Profile(**found, slices=slices, stacks=None if stacks is None else Stacks(**stacks))

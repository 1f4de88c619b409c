"""How often a token and an address may ask: quotas, exact over all workers, and the answer beyond them.

The library `limits` reads their notation and counts; its windows are fixed, and begin with the first request in
them. Not Flask-Limiter: it keeps its state in a global, evaluates every route's limits by name on each request.
"""

from __future__ import annotations

import ipaddress
import math
import time
from functools import lru_cache, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, cast

import structlog
from flask import current_app, request
from limits import parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string

from studentapi.api.problems import problem
from studentapi.api.shared_counters import SharedCounters

if TYPE_CHECKING:
    from collections.abc import Callable
    from wsgiref.types import WSGIEnvironment

    from apiflask import APIFlask
    from flask import Response
    from limits import RateLimitItem
    from limits.storage import Storage

T = TypeVar("T")
Kind = Literal["address", "token", "failures"]

EXTENSION = "studentapi.rate_limits"
UNLIMITED = ("/livez", "/readyz", "/metrics")
"""Paths that those who run the service ask for, at their own pace."""
VOUCHED = 3600
"""Seconds, since a process first asked for it, that a token is tried although its address failed too often."""
KEYS = 1024
"""Names of counters that a process remembers for each limit."""
STORAGE_TIMEOUT = 0.25
"""Seconds for one word with a storage in the network."""
STORAGE_PAUSE = 1.0
"""Seconds without limits after a storage failed, so that not every request waits for it."""

_WHAT = {
    "address": "Too many requests from this address",
    "token": "Too many requests with this token",
    "failures": "Too many requests without a valid token from this address",
}
_TAKEN: dict[Kind, str] = {kind: f"studentapi.quota.{kind}" for kind in ("address", "failures", "token")}
"""The environment's keys for what a request has taken, as it is told: one that waits is looked at twice."""

log = structlog.get_logger(__name__)


class Limit:
    """One limit of a kind, as it is asked for at each request."""

    def __init__(self, kind: Kind, item: RateLimitItem, *, alone: bool) -> None:
        self.amount, self.window = item.amount, item.get_expiry()
        self.name = kind if alone else f"{kind}-{self.window}"
        self.text = str(item)
        self.policy = f'"{self.name}";q={self.amount};w={self.window}'
        """For the header `RateLimit-Policy`, of draft-ietf-httpapi-ratelimit-headers-10."""
        self.key_for = lru_cache(KEYS)(partial(item.key_for, kind))
        """The name of the counter of somebody."""


class Quota(NamedTuple):
    """What is left of one limit after a request has taken its part; below 0 where it got none."""

    limit: Limit
    left: int
    seconds: int

    def standing(self) -> str:
        """For the header `RateLimit`, of the same draft."""
        return f'"{self.limit.name}";r={max(self.left, 0)};t={self.seconds}'


class RateLimits:
    """The limits of one app, in `limits`' notation: "600/minute;10000/hour"; empty: none of that kind.

    A storage that fails lets everything through: it is there to protect the service, not to end it.
    """

    def __init__(self, *, token: str, address: str, failures: str, storage: str | None = None) -> None:
        notations: dict[Kind, str] = {"token": token, "address": address, "failures": failures}
        self._limits = {kind: _limits(kind, text) for kind, text in notations.items()}
        self._here = SharedCounters() if storage is None else None
        self._storage: Storage = self._here or _remote(str(storage))
        self._back_at = 0.0
        self.unavailable = 0

    @property
    def uncounted(self) -> int:
        """Requests let through for want of room for a counter; by this process, for want of its storage."""
        return self.unavailable + getattr(self._storage, "uncounted", 0)

    def take(self, kind: Kind, who: str) -> list[Quota]:
        """Take one request's part of every limit of a kind; what is left of each."""
        quotas = []
        for limit in self._limits[kind]:
            window, key = limit.window, limit.key_for(who)
            if self._here is not None:
                count, seconds = self._here.count(key, window)
            else:
                count, seconds = self._ask(_count, key, window, otherwise=(1, float(window)))
            quotas.append(Quota(limit, limit.amount - count, min(max(math.ceil(seconds), 1), window)))
        return quotas

    def is_used_up(self, kind: Kind, who: str) -> bool:
        """Whether nothing is left of one of the limits of a kind; takes nothing."""
        return any(
            self._ask(_value, limit.key_for(who), otherwise=0) >= limit.amount for limit in self._limits[kind]
        )

    def vouch(self, key: str) -> None:
        """Remember, for all workers, that a bearer was recognised."""
        self._ask(_add, f"vouched/{key}", VOUCHED, otherwise=0)

    def is_vouched(self, key: str) -> bool:
        """Whether it was, lately."""
        return self._ask(_value, f"vouched/{key}", otherwise=0) > 0

    def _ask(self, question: Callable[..., T], *about: object, otherwise: T) -> T:
        """The storage's answer, or `otherwise` where it has none."""
        if monotonic() < self._back_at:
            self.unavailable += 1
            return otherwise
        try:
            return question(self._storage, *about)
        except StorageError as error:
            self._back_at = monotonic() + STORAGE_PAUSE
            self.unavailable += 1
            log.warning("rate limits unavailable", reason=type(error.storage_error).__name__)
            return otherwise


def _limits(kind: Kind, notation: str) -> list[Limit]:
    items = parse_many(notation) if notation else []
    return [Limit(kind, item, alone=len(items) == 1) for item in items]


def _value(storage: Storage, key: str) -> int:
    return storage.get(key)


def _add(storage: Storage, key: str, window: int) -> int:
    return storage.incr(key, window)


def _count(storage: Storage, key: str, window: int) -> tuple[int, float]:
    """As `SharedCounters.count`, in two words with the storage."""
    return storage.incr(key, window), storage.get_expiry(key) - time.time()


def _remote(address: str) -> Storage:
    """A storage that several instances share."""
    options = {"socket_timeout": STORAGE_TIMEOUT, "socket_connect_timeout": STORAGE_TIMEOUT}
    return cast("Storage", storage_from_string(address, wrap_exceptions=True, **options))


def register(app: APIFlask, limits: RateLimits) -> None:
    """Have `app` keep the limits of addresses, before all else; `tell` is for what is around it."""
    app.extensions[EXTENSION] = limits
    app.before_request(_limit_address)


def current() -> RateLimits:
    """The current app's."""
    return cast("RateLimits", current_app.extensions[EXTENSION])


def client_address(environ: WSGIEnvironment) -> str:
    """Whose request this is: an IPv4 address, or the first half of an IPv6 one, which is one customer's."""
    return _counted_as(environ.get("REMOTE_ADDR", ""))


@lru_cache(1024)
def _counted_as(text: str) -> str:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


def refusal(kind: Kind, who: str, environ: WSGIEnvironment) -> Response | None:
    """Take the part of the request of `environ`, once; the answer where there is none left."""
    taken = _TAKEN[kind]
    if taken in environ:
        return None
    policies, standings, over = [], [], []
    for quota in current().take(kind, who):
        policies.append(quota.limit.policy)
        standings.append(quota.standing())
        if quota.left < 0:
            over.append(quota)
    environ[taken] = f"{', '.join(policies)}\n{', '.join(standings)}" if policies else ""
    if not over:
        return None
    longest = max(over, key=lambda quota: quota.seconds)
    members: dict[str, Any] = {"violated-policies": [quota.limit.name for quota in over]}  # the draft's own name
    return problem(
        429,
        f"{_WHAT[kind]}: {longest.limit.text}. Ask again in {longest.seconds} seconds.",
        headers={"Retry-After": str(longest.seconds)},
        **members,
    )


def _limit_address() -> Response | None:
    environ = request.environ
    return None if environ["PATH_INFO"] in UNLIMITED else refusal("address", client_address(environ), environ)


def tell(headers: list[tuple[str, str]], environ: WSGIEnvironment) -> None:
    """Add `RateLimit-Policy` and `RateLimit` to an answer's head."""
    told = [text.split("\n") for taken in _TAKEN.values() if (text := environ.get(taken))]
    if told:
        headers.append(("RateLimit-Policy", ", ".join([policies for policies, _ in told])))
        headers.append(("RateLimit", ", ".join([standings for _, standings in told])))

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
    from collections.abc import Callable, Iterator

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
STORAGE_TIMEOUT = 0.25
"""Seconds for one word with a storage in the network."""
STORAGE_PAUSE = 1.0
"""Seconds without limits after a storage failed, so that not every request waits for it."""

_WHAT = {
    "address": "Too many requests from this address",
    "token": "Too many requests with this token",
    "failures": "Too many requests without a valid token from this address",
}
_TAKEN = "studentapi.quota."
"""Beginning of the environment's keys for what a request has taken: one that waits is looked at twice."""

log = structlog.get_logger(__name__)


class Quota(NamedTuple):
    """What is left of one limit after a request has taken its part; below 0 where it got none."""

    name: str
    limit: RateLimitItem
    left: int
    seconds: int

    def policy(self) -> str:
        """For the header `RateLimit-Policy`, of draft-ietf-httpapi-ratelimit-headers-10."""
        return f'"{self.name}";q={self.limit.amount};w={self.limit.get_expiry()}'

    def standing(self) -> str:
        """For the header `RateLimit`, of the same draft."""
        return f'"{self.name}";r={max(self.left, 0)};t={self.seconds}'


class RateLimits:
    """The limits of one app, in `limits`' notation: "600/minute;10000/hour"; empty: none of that kind.

    A storage that fails lets everything through: it is there to protect the service, not to end it.
    """

    def __init__(self, *, token: str, address: str, failures: str, storage: str | None = None) -> None:
        notations: dict[Kind, str] = {"token": token, "address": address, "failures": failures}
        self._limits = {kind: parse_many(text) if text else [] for kind, text in notations.items()}
        self._storage: Storage = SharedCounters() if storage is None else _remote(storage)
        self._back_at = 0.0
        self.unavailable = 0

    @property
    def uncounted(self) -> int:
        """Requests let through for want of room for a counter; by this process, for want of its storage."""
        return self.unavailable + getattr(self._storage, "uncounted", 0)

    def take(self, kind: Kind, who: str) -> list[Quota]:
        """Take one request's part of every limit of a kind; what is left of each."""
        return list(self._each(kind, who))

    def is_used_up(self, kind: Kind, who: str) -> bool:
        """Whether nothing is left of one of the limits of a kind; takes nothing."""
        return any(
            self._ask(partial(_value, limit.key_for(kind, who)), 0) >= limit.amount
            for limit in self._limits[kind]
        )

    def vouch(self, key: str) -> None:
        """Remember, for all workers, that a bearer was recognised."""
        self._ask(lambda storage: storage.incr(f"vouched/{key}", VOUCHED), 0)

    def is_vouched(self, key: str) -> bool:
        """Whether it was, lately."""
        return self._ask(lambda storage: storage.get(f"vouched/{key}"), 0) > 0

    def _each(self, kind: Kind, who: str) -> Iterator[Quota]:
        limits = self._limits[kind]
        for limit in limits:
            window = limit.get_expiry()
            counted = partial(_count, limit.key_for(kind, who), window)
            count, seconds = self._ask(counted, (1, float(window)))
            name = kind if len(limits) == 1 else f"{kind}-{window}"
            yield Quota(name, limit, limit.amount - count, min(max(math.ceil(seconds), 1), window))

    def _ask(self, question: Callable[[Storage], T], otherwise: T) -> T:
        """The storage's answer, or `otherwise` where it has none."""
        if monotonic() < self._back_at:
            self.unavailable += 1
            return otherwise
        try:
            return question(self._storage)
        except StorageError as error:
            self._back_at = monotonic() + STORAGE_PAUSE
            self.unavailable += 1
            log.warning("rate limits unavailable", reason=type(error.storage_error).__name__)
            return otherwise


def _value(key: str, storage: Storage) -> int:
    return storage.get(key)


def _count(key: str, window: int, storage: Storage) -> tuple[int, float]:
    """Add one to a counter: its new value, and the seconds that are left of its window."""
    if isinstance(storage, SharedCounters):
        return storage.count(key, window)
    return storage.incr(key, window), storage.get_expiry(key) - time.time()


def _remote(address: str) -> Storage:
    """A storage that several instances share."""
    options = {"socket_timeout": STORAGE_TIMEOUT, "socket_connect_timeout": STORAGE_TIMEOUT}
    return cast("Storage", storage_from_string(address, wrap_exceptions=True, **options))


def register(app: APIFlask, limits: RateLimits) -> None:
    """Have `app` keep the limits of addresses, before all else, and tell what is left of every limit."""
    app.extensions[EXTENSION] = limits
    app.before_request(_limit_address)
    app.after_request(_tell)


def current() -> RateLimits:
    """The current app's."""
    return cast("RateLimits", current_app.extensions[EXTENSION])


def client_address() -> str:
    """Whose request this is: an IPv4 address, or the first half of an IPv6 one, which is one customer's."""
    return _counted_as(request.remote_addr or "")


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


def refusal(kind: Kind, who: str) -> Response | None:
    """Take this request's part, once; the answer where there is none left."""
    if _TAKEN + kind in request.environ:
        return None
    quotas = current().take(kind, who)
    request.environ[_TAKEN + kind] = "\n".join(f"{quota.policy()}\n{quota.standing()}" for quota in quotas)
    over = [quota for quota in quotas if quota.left < 0]
    if not over:
        return None
    longest = max(over, key=lambda quota: quota.seconds)
    members: dict[str, Any] = {"violated-policies": [quota.name for quota in over]}  # the draft's own name
    return problem(
        429,
        f"{_WHAT[kind]}: {longest.limit}. Ask again in {longest.seconds} seconds.",
        headers={"Retry-After": str(longest.seconds)},
        **members,
    )


def _limit_address() -> Response | None:
    return None if request.path in UNLIMITED else refusal("address", client_address())


def _tell(response: Response) -> Response:
    """Add the headers `RateLimit-Policy` and `RateLimit`."""
    lines = [
        line
        for kind in ("address", "failures", "token")
        for line in str(request.environ.get(_TAKEN + kind, "")).splitlines()
    ]
    if lines:
        response.headers["RateLimit-Policy"] = ", ".join(lines[::2])
        response.headers["RateLimit"] = ", ".join(lines[1::2])
    return response

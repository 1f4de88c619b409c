"""What a proxy watches for, for a flow to meet its fate at it: so many bytes, or a statement."""

from __future__ import annotations

import enum
import threading
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary

from lab.injection.flow import Direction, Fate, Flow

if TYPE_CHECKING:
    from collections.abc import Callable


class Moment(enum.Enum):
    """When, in the life of a statement, its flow is cut."""

    UNSENT = "before the server got any of it"
    SENT = "when the server has got it, before it replies"
    ANSWERED = "when the server has replied, before the client knows"


class Trap(Protocol):
    """Springs once; `sprung` is set when it does.

    `action` is called before the bytes pass; `fate` befalls the flow behind them, if there is one.
    """

    fate: Fate | None
    action: Callable[[], None] | None
    sprung: threading.Event

    def look(self, flow: Flow, direction: Direction, data: bytes) -> int | None:
        """How many of these bytes pass before it springs; None: it does not."""


class AfterBytes:
    """Springs when exactly `count` more bytes have passed in `direction`, over all flows, or over `only` one."""

    def __init__(self, count: int, direction: Direction, fate: Fate, only: Flow | None = None) -> None:
        self.fate: Fate | None = fate
        self.action: Callable[[], None] | None = None
        self.sprung = threading.Event()
        self._left = count
        self._direction = direction
        self._only = only

    def look(self, flow: Flow, direction: Direction, data: bytes) -> int | None:
        """See `Trap`."""
        if direction is not self._direction or (self._only is not None and flow is not self._only):
            return None
        if len(data) < self._left:
            self._left -= len(data)
            return None
        return self._left


class AtBytes:
    """Springs at the first bytes to the server that hold `needle`, such as b"COMMIT"."""

    def __init__(
        self, needle: bytes, moment: Moment, fate: Fate | None, action: Callable[[], None] | None = None
    ) -> None:
        self.fate = fate
        self.action = action
        self.sprung = threading.Event()
        self._needle = needle
        self._moment = moment
        self._tails: WeakKeyDictionary[Flow, bytes] = WeakKeyDictionary()
        self._asked: Flow | None = None

    def look(self, flow: Flow, direction: Direction, data: bytes) -> int | None:
        """See `Trap`."""
        if direction is Direction.TO_CLIENT:
            return 0 if flow is self._asked else None
        seen = self._tails.get(flow, b"") + data
        self._tails[flow] = seen[len(seen) - len(self._needle) + 1 :]
        if self._needle not in seen:
            return None
        if self._moment is Moment.ANSWERED:
            self._asked = flow
            return None
        return 0 if self._moment is Moment.UNSENT else len(data)

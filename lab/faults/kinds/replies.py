"""Faults at one exact byte of a write: a proxy between each answer and the server cuts there."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, ClassVar

from lab.faults.kinds.fault import Fault
from lab.faults.scene import wait_until
from lab.injection.proxy import Proxy
from lab.injection.traps import Moment

if TYPE_CHECKING:
    from lab.answers import Answer
    from lab.faults.scene import Scene

TIMES = 5
"""Writes of each answer that are cut."""
WAIT = 3.0
"""Seconds for a write to come by; an answer that hangs sends none."""


class _CutAt(Fault):
    needle: ClassVar[bytes]
    moment: ClassVar[Moment]

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._stack = ExitStack()
        self._cut: set[str] = set()

    def prepare(self, scene: Scene) -> None:
        self._cut = set()
        for answer in scene.answers:
            self._proxies[answer.name] = self._stack.enter_context(Proxy("127.0.0.1", scene.port))

    def url(self, scene: Scene, answer: Answer) -> str:
        return scene.url(answer, port=self._proxies[answer.name].port)

    def inject(self, scene: Scene) -> None:
        del scene
        for _ in range(TIMES):
            traps = {name: proxy.cut_at(self.needle, self.moment) for name, proxy in self._proxies.items()}
            wait_until(lambda traps=traps: all(trap.sprung.is_set() for trap in traps.values()), WAIT)  # type: ignore[misc]
            self._cut |= {name for name, trap in traps.items() if trap.sprung.is_set()}
            for proxy in self._proxies.values():
                proxy.clear()

    def touched(self, answer: Answer) -> bool:
        return answer.name in self._cut

    def tidy(self, scene: Scene) -> None:
        del scene
        self._stack.close()
        self._proxies.clear()


class LostInsert(_CutAt):
    """The server has done it, and the client does not know."""

    name = "insert-lost"
    title = "reply to INSERT lost"
    story = (
        "The connection is reset when the server has answered an INSERT and before the client hears of it; five "
        "times. With autocommit the row is there, and who repeats the statement doubles it."
    )
    needle = b"INSERT INTO record"
    moment = Moment.ANSWERED


class LostCommit(_CutAt):
    """The server has committed, and the client does not know."""

    name = "commit-lost"
    title = "reply to COMMIT lost"
    story = (
        "The connection is reset when the server has committed and before the client hears of it; five times. It "
        "cannot happen to an answer that sends no COMMIT: with autocommit, the fault above is this one."
    )
    needle = b"COMMIT"
    moment = Moment.ANSWERED


class CommitNeverSent(_CutAt):
    """The same to the client; but nothing was committed."""

    name = "commit-unsent"
    title = "cut before COMMIT arrives"
    story = (
        "The connection is reset before the server gets the COMMIT; five times. To a client it looks the same as "
        "the lost reply, and the row is not there."
    )
    needle = b"COMMIT"
    moment = Moment.UNSENT

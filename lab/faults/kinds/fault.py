"""What a fault is: how it is prepared, done and cleaned up after."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from lab.answers.configuration import HOUR

if TYPE_CHECKING:
    from lab.answers import Answer
    from lab.faults.scene import Scene


class Fault(ABC):
    """One fault. Subclasses say in `story` what happens, for the page that the run writes."""

    name: ClassVar[str]
    title: ClassVar[str]
    story: ClassVar[str]
    idle: ClassVar[bool] = False
    """Whether the clients are silent while it happens."""
    isolated: ClassVar[bool] = False
    """Whether it takes a network or a /etc/hosts of our own."""
    max_age: ClassVar[float] = HOUR
    """Seconds that stand for the hour of the answers that replace connections by age."""

    def prepare(self, scene: Scene) -> None:
        """Before the services start."""
        del scene

    def url(self, scene: Scene, answer: Answer) -> str:
        """Where an answer finds its database."""
        return scene.url(answer)

    @abstractmethod
    def inject(self, scene: Scene) -> None:
        """Do it; returns when it is over."""

    def touched(self, answer: Answer) -> bool:
        """Whether it could happen to this answer at all."""
        del answer
        return True

    def recover(self, scene: Scene) -> None:
        """After the watch, before the rows are counted; also after a failure anywhere above."""
        del scene

    def rows(self, scene: Scene, answer: Answer) -> dict[str, int]:
        """How often each key is in the table that counts in the end."""
        return scene.rows(answer)

    def tidy(self, scene: Scene) -> None:
        """At the very end, whatever happened."""
        del scene

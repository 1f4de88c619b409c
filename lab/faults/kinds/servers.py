"""Faults of the whole server: it restarts, dies, freezes, stays away."""

from __future__ import annotations

import os
import signal
from time import sleep
from typing import TYPE_CHECKING

from lab.faults.kinds.fault import Fault

if TYPE_CHECKING:
    from lab.faults.scene import Scene

FROZEN = 3.0
AWAY = 12.0


class Restarted(Fault):
    """Stop and start in good order."""

    name = "restart"
    title = "restart under load"
    story = "The server stops in good order and starts again; it is back within a few seconds."

    def inject(self, scene: Scene) -> None:
        scene.server.restart()


class KilledAndStarted(Fault):
    """kill -9, then start."""

    name = "kill-9"
    title = "kill -9 and start"
    story = "`kill -9` of the server, as a power cut would end it, and a start with crash recovery."

    def inject(self, scene: Scene) -> None:
        scene.server.kill()
        scene.server.start()

    def recover(self, scene: Scene) -> None:
        scene.server.start()


class Frozen(Fault):
    """It takes connections, and says nothing."""

    name = "frozen"
    title = "frozen for 3 s"
    story = "`SIGSTOP` for 3 seconds: the kernel goes on to accept connections, and the server says nothing."

    def inject(self, scene: Scene) -> None:
        os.kill(scene.server.pid, signal.SIGSTOP)
        sleep(FROZEN)
        os.kill(scene.server.pid, signal.SIGCONT)

    def recover(self, scene: Scene) -> None:
        os.kill(scene.server.pid, signal.SIGCONT)


class AwayTooLong(Fault):
    """Away for longer than anybody waits."""

    name = "away"
    title = "away for 12 s"
    story = (
        "The server is stopped for 12 seconds, longer than studentapi's patience of 5. Nobody answers from a "
        "database that is not there; what differs is how a client is told, and how soon it is over."
    )

    def inject(self, scene: Scene) -> None:
        scene.server.stop()
        sleep(AWAY)
        scene.server.start()

    def recover(self, scene: Scene) -> None:
        scene.server.start()

"""Faults of what lies between: firewalls that forget, packets that vanish."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

from lab.faults.kinds.fault import Fault

if TYPE_CHECKING:
    from lab.faults.scene import Scene

SILENT = 3.0
IDLE = 3.0
"""Seconds that stand for the minutes after which a firewall forgets."""


class _NetworkFault(Fault):
    isolated = True

    def recover(self, scene: Scene) -> None:
        scene.firewall.open()


class Forgotten(_NetworkFault):
    """An idle firewall, in silence."""

    name = "firewall-silent"
    title = "idle firewall, silent"
    story = (
        "A firewall or NAT forgets the idle connections, as Azure's does after 4 minutes: from then on it drops "
        "their packets in silence. New connections pass. Minutes are 3 seconds here, and an hour is an hour."
    )
    idle = True

    def inject(self, scene: Scene) -> None:
        sleep(IDLE)
        scene.firewall.forget()


class Reset(_NetworkFault):
    """An idle firewall that answers."""

    name = "firewall-reset"
    title = "idle firewall, reset"
    story = (
        "The same, but it answers the first packet with a reset, as AWS' load balancer does after 350 seconds."
    )
    idle = True

    def inject(self, scene: Scene) -> None:
        sleep(IDLE)
        scene.firewall.refuse()


class ForgottenInFlight(_NetworkFault):
    """Flows die while statements run."""

    name = "dropped-in-flight"
    title = "dropped in flight"
    story = (
        "Every thread is in a statement when the connections' packets begin to vanish for good: a NAT gateway "
        "was replaced. The server runs the statements, and its answers are lost. New connections pass."
    )

    def inject(self, scene: Scene) -> None:
        with scene.statements_held():
            scene.firewall.forget()


class Silence(_NetworkFault):
    """Nothing passes, for a while."""

    name = "silence"
    title = "no packet for 3 s"
    story = "No packet passes for 3 seconds; then all do, and TCP repeats what was lost."

    def inject(self, scene: Scene) -> None:
        scene.firewall.drop()
        sleep(SILENT)
        scene.firewall.open()

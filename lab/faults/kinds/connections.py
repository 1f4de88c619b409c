"""Faults that a server does to connections while it goes on."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from pymysql import err

from lab.faults.kinds.fault import Fault
from lab.faults.scene import USER, wait_until
from studentapi.mysql.address import Address
from studentapi.mysql.connection import open_connection

if TYPE_CHECKING:
    from lab.faults.scene import Scene

DURATION = 3.0
"""Seconds that a fault under load lasts."""


class NoFault(Fault):
    """The control."""

    name = "none"
    title = "no fault"
    story = "The control: the same load for as long, and nothing is done."

    def inject(self, scene: Scene) -> None:
        del scene
        sleep(DURATION)


class WaitTimeout(Fault):
    """The server closes what is idle."""

    name = "wait-timeout"
    title = "wait_timeout passes while idle"
    story = (
        "A night without clients: the server closes every connection that was silent for `wait_timeout`. Its "
        "eight hours are 4 seconds here, and the hour after which some answers replace a connection is 2."
    )
    idle = True
    max_age = 2.0
    timeout = 4
    _before: object

    def prepare(self, scene: Scene) -> None:
        self._before = scene.execute("SELECT @@GLOBAL.wait_timeout")[0][0]
        scene.execute(f"SET GLOBAL wait_timeout = {self.timeout}")

    def inject(self, scene: Scene) -> None:
        sleep(self.timeout)
        # whoever keeps its connections from being closed has that for an answer
        wait_until(lambda: not scene.connections(), self.timeout)

    def recover(self, scene: Scene) -> None:
        scene.execute(f"SET GLOBAL wait_timeout = {self._before}")


class KilledIdle(Fault):
    """KILL of all connections between requests."""

    name = "kill-idle"
    title = "KILL while idle"
    story = "An administrator's `KILL` of every connection while there are no requests."
    idle = True

    def inject(self, scene: Scene) -> None:
        scene.kill_connections()


class KilledUnderLoad(Fault):
    """KILL of all connections, again and again."""

    name = "kill-load"
    title = "KILL under load"
    story = "`KILL` of every connection, four times a second, for 3 seconds."

    def inject(self, scene: Scene) -> None:
        over = monotonic() + DURATION
        while monotonic() < over:
            scene.kill_connections()
            sleep(0.25)


class KilledInStatement(Fault):
    """KILL of connections that wait for an answer."""

    name = "kill-statement"
    title = "KILL in a statement"
    story = (
        "Every thread is in a statement, which a table lock holds; then `KILL` of every connection, and unlock."
    )

    def inject(self, scene: Scene) -> None:
        with scene.statements_held():
            scene.kill_connections()


class TooMany(Fault):
    """Error 1040 to every connect."""

    name = "too-many"
    title = "too many connections"
    story = (
        "Others take all of `max_connections`, and the answers' connections are killed: for 3 seconds each "
        "connect is refused with error 1040."
    )
    limit = 20
    _before: object

    def prepare(self, scene: Scene) -> None:
        self._before = scene.execute("SELECT @@GLOBAL.max_connections")[0][0]

    def inject(self, scene: Scene) -> None:
        address = Address.parse(scene.url(scene.answers[0]))
        with ExitStack() as stack:
            # one connection beyond the limit is an administrator's
            administrator = stack.enter_context(scene.administrator())
            others = [stack.enter_context(closing(open_connection(address))) for _ in range(self.limit)]
            administrator.fetch(f"SET GLOBAL max_connections = {self.limit}")
            found = administrator.fetch(f"SELECT id FROM information_schema.processlist WHERE user = '{USER}'")
            for number in {number for (number,) in found.rows} - {other.thread_id() for other in others}:
                with suppress(err.Error):  # gone already
                    administrator.fetch(f"KILL {number}")
            sleep(DURATION)
            administrator.fetch(f"SET GLOBAL max_connections = {self._before}")

    def recover(self, scene: Scene) -> None:
        scene.execute(f"SET GLOBAL max_connections = {self._before}")

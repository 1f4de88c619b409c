"""Faults in which another server takes over: the primary's replica, under the same name."""

from __future__ import annotations

import secrets
from time import sleep
from typing import TYPE_CHECKING

from lab.faults.isolation import name_host
from lab.faults.kinds.fault import Fault
from lab.faults.scene import Scene
from studentapi.embedded import PrivateServer

if TYPE_CHECKING:
    from lab.answers import Answer

NAME = "database.lab"
PRIMARY, REPLICA = "127.0.0.1", "127.0.0.2"
DNS_DELAY = 1.0
"""Seconds from the replica's promotion until the name means it."""
LAG = 1.0
"""Seconds of writes that the replica of the disaster has not received."""


class _TwoServers(Fault):
    """A primary and its replica; the answers know a name, and the name means the primary."""

    isolated = True
    _primary: Scene | None = None
    _replica: Scene | None = None

    def prepare(self, scene: Scene) -> None:
        name_host(NAME, PRIMARY)
        self._primary = self._start(scene, 1, PRIMARY, None)
        self._replica = self._start(scene, 2, REPLICA, self._primary.port)
        _replicate(self._primary, self._replica)
        self._primary.load_data()

    def url(self, scene: Scene, answer: Answer) -> str:
        del scene
        return self.primary.url(answer, NAME)

    def rows(self, scene: Scene, answer: Answer) -> dict[str, int]:
        del scene
        return self.replica.rows(answer)

    def tidy(self, scene: Scene) -> None:
        del scene
        for one in (self._primary, self._replica):
            if one is not None:
                one.server.stop()
        self._primary = self._replica = None

    @property
    def primary(self) -> Scene:
        """The server that the name means at first."""
        if self._primary is None:
            raise RuntimeError("the primary was not started")
        return self._primary

    @property
    def replica(self) -> Scene:
        """The server that takes over."""
        if self._replica is None:
            raise RuntimeError("the replica was not started")
        return self._replica

    def promote(self) -> None:
        """Make the replica a server that takes writes, and let the name mean it a little later."""
        self.replica.execute("STOP SLAVE", "SET GLOBAL read_only = 0")
        sleep(DNS_DELAY)
        name_host(NAME, REPLICA)

    def _start(self, scene: Scene, number: int, host: str, port: int | None) -> Scene:
        options = [f"--server-id={number}", "--log-bin=changes", f"--bind-address={host}"]
        if port is not None:
            options.append(f"--port={port}")
        server = PrivateServer(scene.directory / f"{self.name}-{number}", options=options)
        if server.binary.flavour != "mariadb":
            raise RuntimeError("replication is set up for MariaDB only")
        server.start()
        return Scene(server, scene.answers, scene.directory, host=host, port=port)


class Switchover(_TwoServers):
    """Planned, with nothing lost."""

    name = "failover"
    title = "failover: read-only, DNS moves"
    story = (
        "The primary turns read-only and stays; its replica receives the last write and is promoted; a second "
        "later the name means the replica. Who keeps a connection keeps it to the old primary, and to old rows."
    )

    def inject(self, scene: Scene) -> None:
        del scene
        self.primary.execute("SET GLOBAL read_only = 1")
        _await_replica(self.primary, self.replica)
        self.promote()


class Disaster(_TwoServers):
    """Unplanned, with a replica that lags."""

    name = "disaster"
    title = "primary lost, replica 1 s behind"
    story = (
        "The primary's machine vanishes for ever, its packets with it, and with a second of writes that its "
        "asynchronous replica has not received; the replica is promoted. Acknowledged rows are lost, "
        "studentapi's among them: no client can get back what was never on another machine. Semi-synchronous "
        "replication or Galera is the cure."
    )

    def inject(self, scene: Scene) -> None:
        del scene
        self.replica.execute("STOP SLAVE IO_THREAD")
        sleep(LAG)
        self.primary.firewall.drop()
        self.primary.server.kill()
        self.promote()

    def recover(self, scene: Scene) -> None:
        del scene
        self.primary.firewall.open()


def _replicate(primary: Scene, replica: Scene) -> None:
    """Have the replica follow from here on; what each did for itself before stays its own."""
    password = secrets.token_urlsafe(12)
    primary.execute(
        "RESET MASTER",
        f"CREATE USER replica@'%' IDENTIFIED BY '{password}'",
        "GRANT REPLICATION SLAVE ON *.* TO replica@'%'",
    )
    replica.execute(
        "RESET MASTER",
        "SET GLOBAL gtid_slave_pos = ''",
        f"CHANGE MASTER TO MASTER_HOST = '{primary.host}', MASTER_PORT = {primary.port}, "
        f"MASTER_USER = 'replica', MASTER_PASSWORD = '{password}', MASTER_USE_GTID = slave_pos",
        "SET GLOBAL read_only = 1",
        "START SLAVE",
    )


def _await_replica(primary: Scene, replica: Scene) -> None:
    """Return when the replica has done all that the primary did; raises `RuntimeError` when it does not."""
    position = primary.execute("SELECT @@gtid_binlog_pos")[0][0]
    if replica.execute(f"SELECT MASTER_GTID_WAIT('{position}', 20)")[0][0] != 0:
        raise RuntimeError(f"the replica does not follow: {replica.execute('SHOW SLAVE STATUS')}")

"""Which host serves: the first of the URL that takes writes, and that one for as long as it does."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err

from studentapi.mysql.asking import Facts
from studentapi.mysql.connection import Connection, open_connection
from studentapi.mysql.errors import Consequence, consequence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from studentapi.mysql.address import Address

READ_ONLY_AGE = 0.5
"""Seconds that a connection to a server that takes no writes is kept, while others may be about to take them."""
SHORTEST_CONNECT = 0.05
"""Seconds that a host is given even where there is no time left."""
LEAVE_PAUSE = 1.0
"""Seconds between two generations: many threads that meet the same failure at once make one."""

_MYSQL = (
    "SELECT @@server_uuid, @@GLOBAL.read_only OR @@GLOBAL.super_read_only OR @@GLOBAL.offline_mode,"
    " @@max_allowed_packet, 0"
)
# read_only is a word from MariaDB 12 on. One that was copied has the same server_id, hence the rest.
_MARIADB = (
    "SELECT CONCAT_WS('|', @@hostname, @@port, @@datadir, @@server_id),"
    " CAST(@@GLOBAL.read_only AS CHAR) NOT IN ('0', 'OFF'), @@max_allowed_packet, @@GLOBAL.wsrep_on"
)
_GALERA = "SHOW GLOBAL STATUS WHERE variable_name IN ('wsrep_ready', 'wsrep_cluster_state_uuid')"


class Servers:
    """Opens connections to the hosts of `address`, and remembers which one took writes.

    `generation` counts the times that a server was left, restarted, or fell silent: a connection of an earlier
    one is not trusted without a look. Names are looked up anew at each connect.
    """

    def __init__(self, address: Address, *, statement_timeout: float | None, session: Sequence[str] = ()) -> None:
        self.address = address
        self.generation = 0
        self._statement_timeout = statement_timeout
        self._session = tuple(session)
        self._serving: tuple[str, int] | None = None
        self._left: tuple[str, int] | None = None
        self._turned = float("-inf")

    def open(self, timeout: float) -> Connection:
        """Connect within `timeout` seconds to a server that takes writes, else to one that only reads.

        Raises the last host's `pymysql.err.OperationalError`.
        """
        deadline = monotonic() + timeout
        only_reads: Connection | None = None
        failure: err.Error | None = None
        hosts = self._in_order()
        for asked, host in enumerate(hosts):
            # an equal share of what is left for each host that has still to be asked
            share = max((deadline - monotonic()) / (len(hosts) - asked), SHORTEST_CONNECT)
            try:
                connection = self.open_on(host, share)
            except err.OperationalError as error:
                failure = error
                continue
            if connection.facts.writable:
                self._serving = host
                if only_reads is not None:
                    only_reads.close()
                return connection
            if only_reads is None:
                only_reads = connection
            else:
                connection.close()
        if only_reads is not None:
            return only_reads
        assert failure is not None  # noqa: S101 - there is at least one host
        raise failure

    def open_on(self, host: tuple[str, int], timeout: float) -> Connection:
        """Connect to this host within `timeout` seconds, and learn who it is."""
        connection = open_connection(
            self.address.at(host),
            connect_timeout=timeout,
            statement_timeout=self._statement_timeout,
        )
        connection.generation = self.generation
        try:
            connection.facts = learn(connection)
            for statement in self._session:
                connection.fetch(statement)
        except err.Error as error:
            connection.close()
            if consequence(error) is Consequence.KEEP:
                raise
            raise err.OperationalError(*error.args) from error
        return connection

    def leave(self, connection: Connection) -> bool:
        """Turn away from this connection's server; whether this was the first to say so."""
        first = self.turn(connection)
        self._left = connection.host, connection.port
        if self._serving == self._left:
            self._serving = None
        return first

    def turn(self, connection: Connection) -> bool:
        """Begin a new generation, for what this connection met concerns the others of its own too."""
        now = monotonic()
        if connection.generation != self.generation or now - self._turned < LEAVE_PAUSE:
            return False
        self._turned = now
        self._left = None
        self.generation += 1
        return True

    def was_left(self, connection: Connection) -> bool:
        """Whether this connection's server is the one that was last turned away from."""
        return (connection.host, connection.port) == self._left

    def _in_order(self) -> list[tuple[str, int]]:
        """The one that serves first, the one that was left last, else as in the URL."""
        return sorted(self.address.hosts, key=lambda host: (host == self._left) - (host == self._serving))


def learn(connection: Connection) -> Facts:
    """Ask a server who it is and whether it takes writes: one round trip, two in a Galera cluster.

    What does not know these variables, such as a proxy, is taken for a server that writes and has no name.
    """
    question = _MARIADB if connection.is_mariadb else _MYSQL
    try:
        ((node, read_only, largest, in_cluster),) = connection.fetch(question).rows
        identity = node
        if in_cluster:
            status = dict(connection.fetch(_GALERA).rows)
            identity = status.get("wsrep_cluster_state_uuid", node)
            ((rejected,),) = connection.fetch("SELECT @@GLOBAL.wsrep_reject_queries").rows
            read_only = read_only or status.get("wsrep_ready") != "ON" or rejected != "NONE"
    except err.Error as error:
        if consequence(error) is not Consequence.KEEP:
            raise
        return Facts(None, writable=True)
    return Facts(str(identity), not read_only, largest, str(node))

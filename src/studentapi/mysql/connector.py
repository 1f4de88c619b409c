"""Opens connections for one process: few at once, none while the database is away but the prober's."""

from __future__ import annotations

import random
import threading
import time
from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.availability import Availability
from studentapi.mysql.errors import NoConnection, read_only
from studentapi.mysql.seats import Seats

if TYPE_CHECKING:
    from studentapi.mysql.connection import Connection
    from studentapi.mysql.observation import Observation
    from studentapi.mysql.servers import Servers

AT_ONCE = 4
"""Connects that a process has under way: a server that just came back is not to be run down."""
STAGGER = 0.05
"""Seconds over which connects are spread, at random, in the second after the server came back."""
SHORTEST = 0.1
"""Seconds that a connect is given even where the patience is at its end."""


class Connector:
    """Opens connections to `servers`; `connect_timeout` and `patience` in seconds."""

    def __init__(
        self, servers: Servers, observation: Observation, *, connect_timeout: float, patience: float
    ) -> None:
        self._servers = servers
        self._observation = observation
        self.timeout = connect_timeout
        self._any = Availability("a server", self._probe, observation, patience, connect_timeout)
        self._writable = Availability(
            "a server that takes writes", self._probe_writable, observation, patience, connect_timeout
        )
        self.reset()

    def reset(self) -> None:
        """Begin anew in a forked child, which has its parent's locks but not its threads."""
        self._under_way = Seats(AT_ONCE)
        self._probing = threading.Lock()
        self._any.reset()
        self._writable.reset()

    @property
    def away(self) -> bool:
        """Whether the database is away, as far as this process knows."""
        return self._any.away is not None

    def connect(self, until: float) -> Connection:
        """Connect, or take what the prober has; a failure is PyMySQL's, and starts the prober."""
        connection = self._any.take() or self._writable.take()
        if connection is not None:
            return connection
        away = self._any.away
        if away is not None:
            raise err.OperationalError(*away.args)
        if not self._under_way.take(min(self.timeout, max(until - monotonic(), 0.0))):
            raise err.OperationalError(CR.CR_CONN_HOST_ERROR, "Can't connect to MySQL server (others still try)")
        try:
            if monotonic() - self._any.returned < 1:
                time.sleep(random.uniform(0, STAGGER))  # noqa: S311 - jitter, not a secret
            return self._open(max(min(self.timeout, until - monotonic()), SHORTEST))
        except err.Error as error:
            self._any.lost(error)
            raise
        finally:
            self._under_way.leave()

    def connect_beside(self, until: float) -> Connection:
        """Open a connection that is nobody's, waiting for the database if need be; raises `NoConnection`."""
        while True:
            try:
                return self.connect(until)
            except err.OperationalError as error:
                self.wait(until, error)

    def wait(self, until: float, error: err.Error) -> None:
        """Wait for the database after a connect has failed with `error`; raises `NoConnection` at `until`."""
        try:
            self._any.wait(until)
        except NoConnection:
            self._observation.count("unavailable")
            raise
        if monotonic() >= until:
            self._observation.count("unavailable")
            raise NoConnection(*error.args) from error

    def wait_for_writable(self, until: float, *, looked: bool) -> None:
        """Wait for a server that takes writes; `looked`: there was none just now. Raises `NoConnection`."""
        if looked:
            self._writable.lost(read_only())
        try:
            self._writable.wait(until)
        except NoConnection:
            self._observation.count("unavailable")
            raise

    def close(self) -> None:
        """Open none any more but what is under way."""
        self._any.close()
        self._writable.close()

    def _open(self, timeout: float) -> Connection:
        try:
            return self._servers.open(timeout)
        except err.Error:
            self._observation.count("connects_failed")
            raise

    def _probe(self, timeout: float) -> Connection:
        with self._probing:
            return self._open(timeout)

    def _probe_writable(self, timeout: float) -> Connection:
        connection = self._probe(timeout)
        if not connection.facts.writable:
            connection.close()
            raise read_only()
        return connection

"""Patience: who needs a database that is away waits, while one thread of the process looks whether it is back."""

from __future__ import annotations

import random
import threading
from time import monotonic
from typing import TYPE_CHECKING

from pymysql import err
from pymysql.constants import CR

from studentapi.mysql.errors import Consequence, NoConnection, consequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from studentapi.mysql.connection import Connection
    from studentapi.mysql.observation import Observation

PROBE_TIMEOUT = 0.7
"""Seconds for a probe: a path that was just healed lets a new attempt through, not the one that is under way."""
THOROUGH = 4
"""Each so manieth probe takes the whole connect timeout, for a server that is far or slow."""
PAUSE = (0.05, 0.25)
LONG_PAUSE = (0.2, 0.6)
"""Seconds between two probes, at random for processes not to probe together; the longer ones after `PATIENT`."""
REFUSED_PAUSE = 1.0
"""Seconds more where the server refuses: it may lock an account for many attempts."""
PATIENT = 10.0
LINGER = 60.0
"""Seconds without anyone asking for the database, after which the probing ends."""


class Availability:
    """Whether `what` is there, for one process. `probe(seconds)` opens a connection, or raises.

    A failed connect starts the prober; its success lets everyone go on, and its connection is the first one's.
    """

    def __init__(
        self,
        what: str,
        probe: Callable[[float], Connection],
        observation: Observation,
        patience: float,
        connect_timeout: float,
    ) -> None:
        self._what = what
        self._probe = probe
        self._observation = observation
        self._patience = patience
        self._connect_timeout = connect_timeout
        self.reset()

    def reset(self) -> None:
        """Know nothing, as at the start; for a forked child, which has its parent's locks but not its threads."""
        self._changed = threading.Condition()
        self._closed = threading.Event()
        self._since: float | None = None
        self._asked = monotonic()
        self._error: err.Error = err.OperationalError(CR.CR_CONN_HOST_ERROR, "No connection was tried yet")
        self._spare: Connection | None = None
        self.returned = 0.0
        self.waiting = 0

    @property
    def away(self) -> err.Error | None:
        """Why there is none to be had; None while it is there as far as is known."""
        return None if self._since is None else self._error

    def lost(self, error: err.Error) -> None:
        """A connect has failed: from now on nobody tries but the prober."""
        with self._changed:
            self._error = error
            if self._since is None and not self._closed.is_set():
                prober = threading.Thread(target=self._look, name=f"prober of {self._what}", daemon=True)
                try:
                    prober.start()
                except RuntimeError:  # no thread is to be had: whoever comes tries for itself
                    self._closed.wait(PAUSE[1])
                    return
                self._since = self._asked = monotonic()
                self._observation.count("outages")
                self._observation.count("away")
                self._observation.tell("database away", what=self._what, error=_told(error))

    def wait(self, until: float) -> None:
        """Return once it is back; raise `NoConnection` at `until`, or at once when waiting is of no use.

        It is of none past the patience of the whole outage, and where the server refuses for good.
        """
        with self._changed:
            self._asked = monotonic()
            if self._since is None:
                return
            self._observation.count("waits")
            self._observation.count("waiting")
            self.waiting += 1
            try:
                while self._since is not None:
                    now = monotonic()
                    hopeless = consequence(self._error) is Consequence.REFUSED
                    # who came in time waits for a patience of its own; who comes later, for none
                    late = until - self._patience - self._since > self._patience
                    if hopeless or late or now >= until:
                        raise NoConnection(*self._error.args) from self._error
                    self._changed.wait(until - now)
            finally:
                self.waiting -= 1
                self._observation.count("waiting", -1)

    def take(self) -> Connection | None:
        """The prober's connection, for whoever comes first."""
        with self._changed:
            spare, self._spare = self._spare, None
        return spare

    def close(self) -> None:
        """End the probing, and whoever waits for it."""
        with self._changed:
            self._closed.set()
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.close()

    def _look(self) -> None:
        probes = 0
        while True:
            probes += 1
            try:
                connection = self._probe(self._connect_timeout if probes % THOROUGH == 0 else PROBE_TIMEOUT)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
                if self._is_over(error if isinstance(error, err.Error) else _as_lost(error)):
                    return
            else:
                self._came_back(connection)
                return

    def _is_over(self, error: err.Error) -> bool:
        """Note why a probe failed, and pause; whether nobody wants to know any more."""
        with self._changed:
            self._error = error
            since = self._since or monotonic()
            if consequence(error) is Consequence.REFUSED:
                self._changed.notify_all()
        pause = random.uniform(*(PAUSE if monotonic() - since < PATIENT else LONG_PAUSE))  # noqa: S311 - jitter
        if consequence(error) is Consequence.REFUSED:
            pause += REFUSED_PAUSE
        if not self._closed.wait(pause) and (self.waiting or monotonic() - self._asked < LINGER):
            return False
        with self._changed:
            self._since = None
            self._observation.count("away", -1)
            self._changed.notify_all()
        return True

    def _came_back(self, connection: Connection) -> None:
        with self._changed:
            away = monotonic() - (self._since or monotonic())
            self._since, self.returned = None, monotonic()
            self._observation.count("away", -1)
            wanted = self.waiting and not self._closed.is_set()
            if wanted:
                self._spare = connection
            self._changed.notify_all()
        if not wanted:
            connection.close()
        self._observation.tell("database back", what=self._what, away_seconds=round(away, 3))


def _told(error: err.Error) -> str:
    return f"{error.args[0]}: {error.args[-1]}" if error.args else type(error).__name__


def _as_lost(error: Exception) -> err.Error:
    return err.OperationalError(CR.CR_CONN_HOST_ERROR, f"Can't connect to MySQL server ({type(error).__name__})")

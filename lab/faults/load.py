"""A steady, light load of readers and writers on one answer, each request timed and its answer checked."""

from __future__ import annotations

import http.client
import threading
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlencode

READERS, WRITERS = 3, 2
PERIODS = {False: 0.15, True: 0.2}
"""Seconds from one request of a reader or of a writer to its next."""
CLIENT_TIMEOUT = 15.0
"""Seconds after which a client gives an answer up."""
GAVE_UP = f"no answer within {CLIENT_TIMEOUT:g} s"
LONDON = 'City "london" is #312'


@dataclass(frozen=True)
class Sample:
    """One request: a write or a read, its key, when it was sent and answered (monotonic seconds), and how."""

    write: bool
    key: str
    began: float
    ended: float
    good: bool
    said: str


class Load:
    """Clients of the app on `port`; they wait until `resume`, and every key begins with `prefix`."""

    def __init__(self, port: int, prefix: str) -> None:
        self.samples: list[Sample] = []
        self._port = port
        self._prefix = prefix
        self._open, self._over = threading.Event(), threading.Event()
        writers = [False] * READERS + [True] * WRITERS
        self._clients = [_Client(self, number, write) for number, write in enumerate(writers)]
        for client in self._clients:
            client.start()

    def resume(self) -> None:
        """Send requests from now on."""
        self._open.set()

    def pause(self) -> None:
        """Send no new request."""
        self._open.clear()

    def outstanding(self) -> list[float]:
        """When the requests that are not answered yet were sent."""
        return [client.began for client in self._clients if client.began]

    def end(self) -> None:
        """Send no new request ever; those that are outstanding run into their ends."""
        self._over.set()

    def join(self) -> None:
        """Return when all clients have ended."""
        for client in self._clients:
            client.join()

    def ask(self, write: bool, key: str) -> Sample:
        """One request and its answer."""
        began = monotonic()
        try:
            status, body = self._send(write, key)
        except TimeoutError:
            good, said = False, GAVE_UP
        except (OSError, http.client.HTTPException) as error:
            good, said = False, type(error).__name__
        else:
            good = status == 201 if write else (status, body) == (200, LONDON)  # noqa: PLR2004
            said = str(status) if good or status not in (200, 201) else "another answer"
        return Sample(write, key, began, monotonic(), good, said)

    def _send(self, write: bool, key: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=CLIENT_TIMEOUT)
        try:
            if write:
                form = {"Content-Type": "application/x-www-form-urlencoded"}
                connection.request("POST", "/", urlencode({"key": key}), form)
            else:
                connection.request("GET", "/?city=london")
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()

    def serve(self, client: _Client) -> None:
        """What one client does, until the end."""
        number, due = 0, monotonic() + client.number * 0.02
        while not self._over.is_set():
            if not self._open.wait(0.1) or self._over.wait(max(0.0, due - monotonic())):
                continue
            client.began = monotonic()
            if self._open.is_set():  # asked again, now that a pause sees us at work
                self.samples.append(self.ask(client.write, f"{self._prefix}-{client.number}-{number}"))
            client.began = 0.0
            number += 1
            due = max(due + PERIODS[client.write], monotonic())


class _Client(threading.Thread):
    def __init__(self, load: Load, number: int, write: bool) -> None:
        super().__init__(daemon=True)
        self.number, self.write = number, write
        self.began = 0.0
        self._load = load

    def run(self) -> None:
        self._load.serve(self)

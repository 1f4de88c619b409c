"""Where requests wait that would otherwise take a worker's last thread while the database is away.

All threads of a worker but one may wait for the database; the last one is kept for what needs none, such as
health checks. A request for data that comes to this one is neither refused nor waited for there: its connection
is taken over from uWSGI, which frees the thread, and one further thread for all of them answers it once it can.
"""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from io import BytesIO, StringIO
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from wsgiref.handlers import SimpleHandler

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from studentapi.mysql.database import Database

CROWDED = "studentapi.crowded"
"""Set in the environment of a request that found no seat at the database."""
TAKEN_IN = "studentapi.taken_in"
"""Set in the environment of a request that waits here: what its thread had to say is not its answer."""
REQUEST = "studentapi.request"
"""In the environment: what is known of a request, which goes on with it."""
MOST = 500
"""Requests that wait in one worker; each holds a file descriptor. Those that come on top get their 503."""
MOST_BYTES = 8 * 1024 * 1024
"""Bytes of all their bodies."""
SEND_TIMEOUT = 4.0
"""Seconds for a client to take its answer, as uwsgi.ini's socket-timeout."""
CLOSE_TIMEOUT = 60.0
"""Seconds that the end of a worker waits for those who wait."""

log = structlog.get_logger(__name__)


class Server(Protocol):
    """What is used of the module `uwsgi`."""

    def connection_fd(self) -> int:
        """The descriptor of the current request's client."""

    def disconnect(self) -> None:
        """Close it, and go on with the request without a client."""


class _Waiting(NamedTuple):
    client: int
    environ: WSGIEnvironment
    since: float
    length: int


class WaitingRoom:
    """A WSGI application around `app`, for a `server` whose connections can be taken over."""

    def __init__(self, app: WSGIApplication, database: Database, server: Server) -> None:
        self._app = app
        self._database = database
        self._server = server
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._answering = False
        self._thread: threading.Thread | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or take the request in."""
        # uWSGI has it from X-Forwarded-Proto, whoever says so; whom to believe is for the application
        environ["wsgi.url_scheme"] = "https" if environ.get("HTTPS") == "on" else "http"
        started = monotonic()
        begun: list[tuple[Any, ...]] = []

        def begin(*arguments: Any) -> Any:
            if CROWDED in environ:
                begun.append(arguments)
                return None
            return start_response(*arguments)

        answer = self._app(environ, begin)
        if not begun:
            return answer
        if self._take_in(environ, started):
            if hasattr(answer, "close"):
                answer.close()
            return ()
        start_response(*begun[0])
        return answer

    def close(self) -> None:
        """Return once nobody waits any more; each has a bound of its own, and so has this."""
        thread = self._thread
        if thread is not None:
            thread.join(CLOSE_TIMEOUT)  # to its very end, where its connection says goodbye

    def _take_in(self, environ: WSGIEnvironment, since: float) -> bool:
        """Take the current request over; False where there is no room for it."""
        length = int(environ.get("CONTENT_LENGTH") or 0)
        with self._lock:
            if len(self._waiting) >= MOST or self._bytes + length > MOST_BYTES:
                return False
            try:
                client = os.dup(self._server.connection_fd())
            except OSError:  # no descriptor is left
                return False
            if not self._answering:
                thread = threading.Thread(target=self._answer_all, name="waiting room", daemon=True)
                try:
                    thread.start()
                except RuntimeError:  # no thread is left
                    os.close(client)
                    return False
                self._thread, self._answering = thread, True
            body = environ["wsgi.input"]
            if length:
                body.seek(0)
            kept: WSGIEnvironment = {name: value for name, value in environ.items() if isinstance(value, str)}
            kept["wsgi.input"] = BytesIO(body.read())
            if REQUEST in environ:
                kept[REQUEST] = environ[REQUEST]
            environ[TAKEN_IN] = True
            self._server.disconnect()
            self._waiting.append(_Waiting(client, kept, since, length))
            self._bytes += length
        return True

    def _answer_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._answering = False
                    return
                waiting = self._waiting.popleft()
                self._bytes -= waiting.length
            try:
                with socket.socket(fileno=waiting.client) as client, self._database.patient_since(waiting.since):
                    client.settimeout(SEND_TIMEOUT)
                    _answer(self._app, waiting.environ, client)
            except OSError:
                pass  # the client has gone
            except Exception as error:
                log.exception("unexpected error in the waiting room", exc_info=error)


class _Handler(SimpleHandler):
    """The standard library's, with uWSGI's environment in place of this process's."""

    environ: WSGIEnvironment
    http_version = "1.1"
    server_software = None  # no header of that name
    os_environ: dict[str, str] = {}  # noqa: RUF012 - as the base class has it

    def get_scheme(self) -> str:
        """The scheme of uWSGI's environment, where the base class guesses."""
        return str(self.base_env["wsgi.url_scheme"])

    def cleanup_headers(self) -> None:
        """Complete them: the connection ends with its answer, which uwsgi.ini's add-header says of all others."""
        super().cleanup_headers()
        self.headers["Connection"] = "close"  # type: ignore[attr-defined]  # typeshed leaves it out

    def log_exception(self, exc_info: Any) -> None:
        """Say nothing: the application has logged its own, and a client that went away is its own affair."""


def _answer(app: WSGIApplication, environ: WSGIEnvironment, client: socket.socket) -> None:
    body = environ.pop("wsgi.input")
    with client.makefile("wb") as output:
        handler = _Handler(body, output, StringIO(), environ)
        handler.run(app)

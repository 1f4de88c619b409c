"""The application's class: Flask without what no route here has use for, at each request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiflask import APIFlask
from flask.sessions import NullSession, SessionInterface

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask, Request
    from werkzeug.routing import MapAdapter


class NoSessions(SessionInterface):
    """Who asks says so with each request; there is no cookie."""

    _none = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:
        """The same for all: it takes nothing."""
        del app, request
        return self._none


class Application(APIFlask):
    """`APIFlask`, by the hooks that Flask documents for being overridden."""

    session_interface = NoSessions()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """`func` itself: nothing here is a coroutine, and ten functions of each request would be looked at."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """As Flask's, but for the host, which it would read twice: the routes are those of every host.

        No route leads to another one, so nothing makes an address of this adapter.
        """
        if request is None:
            return None
        return self.url_map.bind(
            "",
            request.root_path,
            url_scheme=request.scheme,
            default_method=request.method,
            path_info=request.path,
        )

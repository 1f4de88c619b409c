"""`create_app`: the one place where the parts are joined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr
from werkzeug.middleware.proxy_fix import ProxyFix

from studentapi import __version__, gradebook, logs
from studentapi.api import rate_limits, request_log, routes, security, tracing
from studentapi.api.application import Application
from studentapi.api.bearers import Tokens
from studentapi.api.cursors import Cursors
from studentapi.api.state import EXTENSION, State
from studentapi.mysql import settlement
from studentapi.mysql.database import Database
from studentapi.mysql.observation import shared_board
from studentapi.settings import Settings

if TYPE_CHECKING:
    from apiflask import APIFlask

MOST_BODY_BYTES = 1024 * 1024
"""No request of this API needs more."""


def create_app(settings: Settings | None = None) -> APIFlask:
    """Make the app; `settings` are read from the environment unless given.

    Opens no connection: each thread opens its own with its first request, after uWSGI has forked. Raises
    `pydantic.ValidationError` and `studentapi.mysql.address.InvalidAddress` for settings that do not hold.
    """
    settings = settings or Settings()  # type: ignore[call-arg]  # its fields come from the environment
    logs.configure(settings.log_level)
    app = Application(
        "studentapi",
        title="studentapi",
        version=__version__,
        spec_path="/openapi.json",
        docs_path=None,
        static_folder=None,  # type: ignore[arg-type]  # Flask's own type allows it
        json_errors=False,
    )
    app.config["MAX_CONTENT_LENGTH"] = MOST_BODY_BYTES
    database = Database(
        settings.database_url.get_secret_value(),
        connect_timeout=settings.connect_timeout,
        statement_timeout=settings.statement_timeout,
        patience=settings.database_patience,
        max_age=settings.connection_max_age,
        idle_check=settings.connection_idle_check,
        markers=settlement.NAME,
        session=gradebook.SESSION,
        # one thread of each process is left for what needs no database
        at_once=max(settings.threads - 1, 1),
        board=shared_board(settings.processes, settings.threads),
    )
    app.extensions[EXTENSION] = State(
        database, Tokens(database) if settings.auth == "required" else None, Cursors(database)
    )
    storage = settings.rate_limit_storage
    limits = rate_limits.RateLimits(
        token=settings.rate_limit_token,
        address=settings.address_limit,
        failures=settings.rate_limit_failures,
        storage=storage.get_secret_value() if isinstance(storage, SecretStr) else None,
    )
    rate_limits.register(app, limits)
    security.register(app, settings.origins)
    routes.register(app)
    request_log.register(
        app,
        processes=settings.processes,
        lines=settings.request_log == "on",
        open_to_all=settings.auth == "off",
        spans=tracing.spans(),
        heads=(security.harden, rate_limits.tell),
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]

    @app.teardown_appcontext
    def end_request(_: BaseException | None) -> None:
        database.end_request()

    return app

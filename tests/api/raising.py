"""The service as it is, and a route that fails with a secret at hand."""

from __future__ import annotations

import os

from flask import request

from studentapi import wsgi
from studentapi.api.auth import requires

application = wsgi.application


@wsgi._app.get("/raising")
@requires("read")
def raising() -> str:
    """Fail with the token and the database's address in local variables."""
    token = request.headers["Authorization"]
    address = os.environ["STUDENTAPI_DATABASE_URL"]
    return str(len(token + address) // 0)

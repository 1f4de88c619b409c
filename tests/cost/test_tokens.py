"""How often the database is asked who a bearer is, counted at the wire: once, and again after 5 seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.injection.proxy import Proxy
from studentapi.api.state import EXTENSION
from studentapi.gradebook import tokens
from tests.clients import bearer
from tests.cost.measuring import app_on, tables
from tests.cost.school import V1
from tests.cost.wire import PREPARE, Tap

if TYPE_CHECKING:
    from tests.servers import Server

REQUESTS = {
    0.0: 1,
    0.1: 0,
    1.0: 0,
    2.0: 0,
    3.0: 0,
    4.9: 0,
    5.0: 1,
    5.1: 0,
    9.9: 0,
    10.0: 1,
    10.1: 0,
    25.0: 1,
    29.9: 0,
}
"""Requests with one token, by their second: how often it is asked for."""


def test_a_token_is_asked_for_once_in_five_seconds(server: Server) -> None:
    now = 0.0
    with tables(server) as url, Proxy(*server.address) as proxy:
        tap = Tap()
        proxy.watch(tap)
        with app_on(re.sub(r"@[^/]+/", f"@127.0.0.1:{proxy.port}/", url), clock=lambda: now) as (app, school):
            secret = tokens.create(app.extensions[EXTENSION].database, label="fresh").secret
            path = f"{V1}/students/{school.students[0]}"
            client = bearer(app, secret)
            asked = {}
            for now in REQUESTS:
                tap.commands.clear()
                assert client.get(path).status_code == 200
                sent = [command.text for command in tap.commands if command.kind != PREPARE]
                asked[now] = sum("FROM tokens" in text for text in sent)
                assert len(sent) == asked[now] + 1, "nothing but the token and the answer"
    assert asked == REQUESTS

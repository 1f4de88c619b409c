"""The table of routes and scopes in docs/security.md: made of the code by `python -m tests.api.scopes`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from studentapi.api.auth import declared
from studentapi.app import create_app
from tests.clients import settings_for

if TYPE_CHECKING:
    from apiflask import APIFlask

    from studentapi.api.auth import Declared

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
HEAD = ["| request | scope | a student's own token |", "| --- | --- | --- |"]


def shown(route: Declared) -> str:
    """A route as the table names it."""
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", route.rule)
    return f"{route.method} {path}"


def table(app: APIFlask) -> str:
    rows = [
        f"| `{shown(route)}` | {f'`{route.scope}`' if route.scope else 'open'} "
        f"| {'its own' if route.student else 'open' if route.scope is None else '–'} |"
        for route in declared(app)
    ]
    return "\n".join([*HEAD, *rows])


def documented() -> dict[str, tuple[str, str]]:
    """Scope and the third column, by request, as the page has them."""
    rows = re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (?:`(\w+)`|open) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)
    return {request: (scope, own) for request, scope, own in rows}


def main() -> None:
    app = create_app(settings_for("mysql://u:p@127.0.0.1:1/d"))
    begin, end = "<!-- scopes -->\n", "\n<!-- /scopes -->"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(f"{before}{begin}{table(app)}{end}{rest.split(end)[1]}")


if __name__ == "__main__":
    main()

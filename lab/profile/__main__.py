"""The command behind `make profile`."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from lab import command as ending
from lab.bench import database_server, programs
from lab.bench.plan import SERVER_TITLES
from lab.bench.stage import DATABASE
from lab.machine import described
from lab.peers import data
from lab.profile import measure
from lab.profile.page import text, write_page
from lab.profile.picture import PICTURE, write_picture
from lab.profile.results import Results

if TYPE_CHECKING:
    from lab.bench.database_server import Flavour
    from lab.peers import Route

DOCS = Path(__file__).parents[2] / "docs"
JSON, PAGE = "profile.json", "profile.md"
PARTS = ("uWSGI", "Flask", "Werkzeug", "APIFlask", "pydantic", "PyMySQL", "DBUtils", "mysqlclient", "py-spy")
SECONDS = 4.0
# testcontainers' helper, which cleans up after it, is one more image to pull; ours end with this command.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


@click.command()
@click.option(
    "--server", "servers", multiple=True, default=("mariadb",), type=click.Choice(database_server.FLAVOURS)
)
@click.option("--route", "routes", multiple=True, type=click.Choice(list(measure.PEERS)))
@click.option("--seconds", type=ending.SECONDS, default=SECONDS, help="Of load, and of sampling, each app.")
@click.option("--into", type=click.Path(path_type=Path), help="The folder for profile.md, -.json, -.svg.")
@click.option("--draw", is_flag=True, help="Run nothing: write the page and the picture from profile.json.")
@ending.in_order()
def main(
    servers: tuple[Flavour, ...], routes: tuple[Route, ...], seconds: float, into: Path | None, draw: bool
) -> None:
    """Say where the time goes; a run of some routes alone is only written where --into says so."""
    target = into or DOCS
    if draw:
        write(Results.read(ending.figures(target / JSON, "make profile")), target)
        return
    kept = into is not None or not routes
    if kept:  # now, and not after minutes
        claim(target)
    results = run(servers, routes or tuple(measure.PEERS), seconds)
    results.command = command(servers, routes, seconds)
    for name, reason in results.missing.items():
        click.echo(f"Not measured: {name}: {reason}")
    if not results.profiles:
        click.echo("Nothing was measured.")
        sys.exit(1)
    if kept:
        results.write(target / JSON)
        write(results, target)
        click.echo(f"Written: {target / PAGE}")
    else:
        click.echo(text(results))


def claim(target: Path) -> None:
    """Make sure that there is such a folder and that it can be written to."""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise click.UsageError(f"there can be no folder {target}: {problem}") from problem
    if not os.access(target, os.W_OK):
        raise click.UsageError(f"{target} cannot be written to")


def run(servers: tuple[Flavour, ...], routes: tuple[Route, ...], seconds: float) -> Results:
    """Profile the apps of `routes` on each server that is there."""
    began = monotonic()
    results = Results(datetime.now(UTC).date().isoformat())
    for flavour in dict.fromkeys(servers):
        if reason := database_server.why_not(flavour):
            results.missing[SERVER_TITLES[flavour]] = reason
            continue
        with database_server.running(flavour) as server, tempfile.TemporaryDirectory(prefix="profile-") as logs:
            results.servers[flavour] = f"{SERVER_TITLES[flavour]} {server.version}"
            dataset = data.prepare(server.url("mysql", ssl_mode=""), DATABASE)
            measure.run(server, dataset, routes, seconds, results, Path(logs))
    versions = programs.versions(results.servers)
    results.machine = described(
        {name: versions[name] for name in ("databases", "wrk") if name in versions}, PARTS
    )
    results.seconds = round(monotonic() - began)
    return results


def command(servers: tuple[Flavour, ...], routes: tuple[Route, ...], seconds: float) -> str:
    """What was asked for, to be asked again."""
    words = [word for name in servers if servers != ("mariadb",) for word in ("--server", name)]
    words += [word for name in routes for word in ("--route", name)]
    words += [] if seconds == SECONDS else ["--seconds", f"{seconds:g}"]
    return f'make profile ARGS="{shlex.join(words)}"' if words else "make profile"


def write(results: Results, target: Path) -> None:
    """Write the page and the picture."""
    write_picture(results, target / PICTURE)
    write_page(results, target / PAGE)


if __name__ == "__main__":
    main()

"""The command behind `make bench`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from lab import command
from lab.bench import database_server, experiment, plan, programs, rest
from lab.bench.growth import page, space
from lab.bench.page import write_page
from lab.bench.picture import write_pictures
from lab.bench.results import Results
from lab.bench.table import print_tables
from lab.machine import described
from lab.peers import PEERS, ROUTES, serving

if TYPE_CHECKING:
    from lab.bench.database_server import Flavour
    from lab.peers import Peer, Route

DOCS = Path(__file__).parents[2] / "docs"
# testcontainers' helper, which cleans up after it, is one more image to pull; ours end with this command.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


@click.command()
@click.option("--server", "servers", multiple=True, type=click.Choice(database_server.FLAVOURS))
@click.option("--peer", "names", multiple=True, type=click.Choice([peer.name for peer in PEERS]))
@click.option("--route", "routes", multiple=True, type=click.Choice(ROUTES))
@click.option("--rounds", type=click.IntRange(1), help="How often each peer has its turn, everywhere.")
@click.option("--seconds", type=command.SECONDS, help="How long each turn is.")
@click.option("--quick", is_flag=True, help="Fewer and shorter turns, on MariaDB alone unless told otherwise.")
@click.option("--again", is_flag=True, help="Only these places anew, in place of what bench.json has of them.")
@click.option("--into", type=click.Path(path_type=Path), help="The folder for bench.md, bench.json, bench-*.svg.")
@click.option("--draw", is_flag=True, help="Run nothing: write the page and the pictures from bench.json.")
@command.in_order()
def main(  # noqa: PLR0917 - click gives them by name
    servers: tuple[Flavour, ...],
    names: tuple[str, ...],
    routes: tuple[Route, ...],
    rounds: int | None,
    seconds: float | None,
    quick: bool,
    again: bool,
    into: Path | None,
    draw: bool,
) -> None:
    """Measure everyone side by side; a part, or a quick run, is only written --again or where --into says so."""
    target = into or DOCS
    if draw:
        write(Results.read(command.figures(target / "bench.json", "make bench")), target)
        return
    pace = plan.QUICK if quick else plan.FULL
    if rounds is not None:
        pace = replace(pace, rounds=rounds, others=rounds)
    if seconds is not None:
        pace = replace(pace, seconds=seconds, others_seconds=seconds)
    blocks = list(plan.blocks(pace, routes or ROUTES, quick=quick))
    peers = [peer for peer in PEERS if not names or peer.name in names]
    if not any(block.route in peer.routes for block in blocks for peer in peers):
        raise click.UsageError("none of these apps has any of these routes")
    asked = [("server", servers), ("peer", names), ("route", routes), ("rounds", rounds), ("seconds", seconds)]
    kept = again or into is not None or not (quick or any(value for _, value in asked))
    before = earlier(target, names, quick=quick) if again else None
    growing = not (again or servers or names or routes)
    # now, and not after half an hour
    claim(target if kept else None, growing=growing, quick=quick)
    if quick and not servers:
        click.echo("A quick run: MariaDB alone, and few and short turns.")
    results = run_all(servers or plan.servers(quick=quick), blocks, peers, quick=quick, by_name=bool(names))
    results.command = plan.command([*asked, ("again", again)], quick=quick)
    print_tables(results)
    if before is not None:
        results = renewed(before, results)
    if kept:
        results.write(target / "bench.json")
    if growing:
        grow(results, target if kept else None)
    finish(results, target if kept else None)


def earlier(target: Path, names: tuple[str, ...], *, quick: bool) -> Results:
    """What is measured in part again. Raises `click.UsageError` where the two could not stand side by side."""
    if names or quick:
        raise click.UsageError("--again measures all apps of a place, and at length: it replaces who is there")
    before = Results.read(command.figures(target / "bench.json", "make bench"))
    # of the database servers' versions nothing is known yet
    if problem := before.differs(machine(before.servers), {}):
        raise click.UsageError(problem)
    return before


def renewed(before: Results, by: Results) -> Results:
    """The two in one; what cannot be leaves the file as it is."""
    try:
        return before.renewed(by)
    except ValueError as problem:
        raise click.ClickException(f"nothing is written: {problem}") from problem


def machine(servers: dict[str, str]) -> dict[str, str]:
    """What this is, and the versions of what is on it."""
    return described(programs.versions(servers), programs.PARTS)


def finish(results: Results, target: Path | None) -> None:
    """Write all of it where it is to be kept, and end with what is due to failures."""
    if target:
        results.write(target / "bench.json")  # with what became of growth
        write(Results.read(target / "bench.json"), target)  # as it is drawn again
        click.echo(f"Written: {target / 'bench.md'}")
    else:
        click.echo("Nothing is written of a quick run, or of a part: --into names a folder for it.")
    if results.failures:
        sys.exit(1)


def claim(target: Path | None, *, growing: bool, quick: bool) -> None:
    """Make sure that the results can be written, and the data of growth made."""
    if growing and (reason := space.lacking_at_first(quick=quick)):
        raise click.ClickException(reason)
    if target is None:
        return
    try:
        target.mkdir(parents=True, exist_ok=True)
        (target / "bench.json").touch()
    except OSError as problem:
        raise click.ClickException(f"cannot write to {target}: {problem.strerror}") from problem


def grow(results: Results, target: Path | None) -> None:
    """Run the measurement of growth, into `target` where it is to be kept; what comes of it is told `results`."""
    into = ["--into", str(target)] if target else []
    program = [sys.executable, "-m", "lab.bench.growth", *(["--quick"] if results.quick else []), *into]
    before = _changed(target)
    with subprocess.Popen(program) as process:
        try:
            # where there is no MariaDB it measures nothing, and what lies there is of another run
            results.grown = process.wait() == 0 and (target is None or _changed(target) != before)
        except BaseException:
            # it has services of its own to end; where it was told already, it does not mind
            process.terminate()
            process.wait()
            raise
    if not results.grown:
        results.failures.append("growth was not measured: its figures are missing here")


def _changed(target: Path | None) -> int:
    """When the results of growth were written, in whatever unit; 0 where there are none."""
    path = target / page.JSON if target else None
    return path.stat().st_mtime_ns if path and path.exists() else 0


def run_all(
    servers: tuple[Flavour, ...], blocks: list[plan.Block], peers: list[Peer], *, quick: bool, by_name: bool
) -> Results:
    """Run all blocks on each server that is there, with each peer that can run here.

    One that was asked for `by_name` and cannot is a failure.
    """
    began = monotonic()
    results = Results(day=datetime.now(UTC).date().isoformat(), quick=quick, machine={}, busy=rest.busy())
    if results.busy:
        click.secho(f"NOT AT REST: {results.busy}; the figures are to be doubted", fg="red", bold=True)
    able = []
    for peer in peers:
        if reason := lacking(peer):
            results.missing[peer.title] = reason
            if by_name:
                results.failures.append(f"{peer.title}: {reason}")
        else:
            results.peers[peer.name] = peer.title
            able.append(peer)
    for flavour in servers:
        if reason := database_server.why_not(flavour):
            results.missing[plan.SERVER_TITLES[flavour]] = reason
            continue
        with database_server.running(flavour) as server, tempfile.TemporaryDirectory(prefix="bench-") as logs:
            results.servers[flavour] = f"{plan.SERVER_TITLES[flavour]} {server.version}"
            if not server.cpu_seconds():
                results.missing[f"CPU time of {plan.SERVER_TITLES[flavour]}"] = (
                    "its process is not seen from here"
                )
            experiment.run(server, blocks, able, results, Path(logs))
    for name, reason in results.missing.items():
        click.echo(f"Not measured: {name}: {reason}")
    if not results.measured:
        raise click.ClickException("nothing was measured")
    results.machine = machine(results.servers)
    results.seconds = round(monotonic() - began)
    return results


def lacking(peer: Peer) -> str | None:
    """Why a peer cannot run here; None where it can, compiled by then."""
    if reason := serving.missing(peer):
        return f"lacks {reason}"
    try:
        serving.build(peer)
    except subprocess.CalledProcessError:
        return "does not compile"
    return None


def write(results: Results, target: Path) -> None:
    """Write the page and the pictures."""
    write_pictures(results, target)
    write_page(results, target / "bench.md")


if __name__ == "__main__":
    main()

"""The command of this part of `make bench`: `python -m lab.bench.growth`."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from lab import command
from lab.bench import database_server, rest
from lab.bench.growth import asking, connections, measure, memory, page, server, sizing, space, targets, workers
from lab.bench.growth.generate import Generator
from lab.bench.growth.ground import Ground
from lab.bench.growth.measure import Pace, Stage
from lab.bench.growth.picture import write_pictures
from lab.bench.growth.results import Results
from lab.bench.growth.sizes import QUICK, SIZES
from lab.bench.page import write_page as write_bench_page
from lab.bench.results import Results as BenchResults
from lab.machine import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.bench.growth.sizes import Size

DOCS = Path(__file__).parents[3] / "docs"
PACE, QUICK_PACE = Pace(5, 0.4), Pace(1, 0.3)
PARTS = ("size", "small-pool", "memory", "threads")
MIDDLE = "100k"
"""The size that memory and threads are measured with."""


@click.command()
@click.option("--quick", is_flag=True, help="The two smallest sizes, few and short turns.")
@click.option("--part", "parts", multiple=True, type=click.Choice(PARTS), help="Only these.")
@click.option("--size", "names", multiple=True, type=click.Choice([size.name for size in SIZES]))
@click.option("--question", "questions", multiple=True, type=click.Choice(list(asking.TITLES)))
@click.option("--rounds", type=click.IntRange(1), help="How often each has its turn.")
@click.option("--seconds", type=command.SECONDS, help="How long each turn is.")
@click.option("--generate", is_flag=True, help="Make the data, and measure nothing.")
@click.option(
    "--into", type=click.Path(path_type=Path), help="The folder for growth.json, growth-*.svg, sizing.md."
)
@click.option("--draw", is_flag=True, help="Run nothing: write pages and pictures from growth.json.")
@command.in_order()
def main(  # noqa: PLR0917 - click gives them by name
    quick: bool,
    parts: tuple[str, ...],
    names: tuple[str, ...],
    questions: tuple[str, ...],
    rounds: int | None,
    seconds: float | None,
    generate: bool,
    into: Path | None,
    draw: bool,
) -> None:
    """Measure how cost grows; a part of it, or a quick run, is only written where --into says so."""
    if draw:
        found = command.figures((into or DOCS) / page.JSON, "python -m lab.bench.growth")
        write(Results.read(found), into or DOCS)
        return
    if reason := database_server.why_not("mariadb"):
        click.echo(f"Growth is not measured: {reason}")
        return
    sizes = [size for size in (QUICK if quick else SIZES) if not names or size.name in names]
    usual = QUICK_PACE if quick else PACE
    pace = Pace(rounds or usual.rounds, seconds or usual.seconds)
    results = run(
        sizes,
        pace,
        parts or PARTS,
        questions or (asking.QUICK if quick else tuple(asking.TITLES)),
        quick=quick,
        generate=generate,
    )
    if generate:
        return
    targets.print_table(targets.targets(results))
    whole = not (quick or parts or names or questions)
    if whole or into:
        target = into or DOCS
        target.mkdir(parents=True, exist_ok=True)
        results.write(target / page.JSON)
        write(results, target)
        click.echo(f"Written: {target / page.JSON}")


def run(
    sizes: Sequence[Size], pace: Pace, parts: Sequence[str], questions: Sequence[str], *, quick: bool,
    generate: bool = False,
) -> Results:  # fmt: skip
    """Make what data there are not, and measure; with `generate`, only make."""
    began = monotonic()
    results = Results(day=datetime.now(UTC).date().isoformat(), quick=quick, busy="" if generate else rest.busy())
    if results.busy:
        click.secho(f"NOT AT REST: {results.busy}; the figures are to be doubted", fg="red", bold=True)
    with tempfile.TemporaryDirectory(prefix="growth-") as logs, server.running() as running:
        generator = Generator(running.url, tell=say)
        if reason := space.lacking(generator.missing(sizes), server.DIRECTORY):
            raise click.ClickException(reason)
        generator.make(sizes)
        generator.settle()
        results.made_seconds = round(generator.made_seconds)
        if generate:
            return results
        ground = Ground(running, generator, Path(logs), say)
        asked = ground.asked
        results.machine = described({"database": f"MariaDB {running.version}"})
        results.pool = server.pool_bytes()
        results.stored = measure.stored(generator, sizes)
        results.shape = measure.PROCESSES, measure.THREADS
        measure.warm(generator, sizes)
        if "size" in parts:
            with Stage(ground, sizes) as stage:
                stage.warm_up(questions)
                measure.measure(stage, pace, questions, results)
                measure.measure_rare(stage, results)
        middle = next((size for size in sizes if size.name == MIDDLE), sizes[-1])
        if "threads" in parts:
            connections.measure(ground, middle, results)
            workers.measure(ground, middle, pace, results)
        if "memory" in parts:
            memory.measure(ground, middle, results)
    if "small-pool" in parts and not quick:
        results.small_pool = server.DEFAULT_POOL
        with (
            tempfile.TemporaryDirectory(prefix="growth-") as logs,
            server.running(server.DEFAULT_POOL) as running,
            Stage(Ground(running, Generator(running.url), Path(logs), say, asked), sizes) as stage,
        ):
            stage.warm_up(measure.SMALL_POOL_QUESTIONS)
            measure.measure_small_pool(stage, pace, results)
    results.seconds = round(monotonic() - began)
    return results


def write(results: Results, target: Path) -> None:
    """Write the pictures, docs/sizing.md of a whole run, and bench.md anew where there is one."""
    write_pictures(results, target)
    if results.cells and results.workers and results.memory and not results.quick:
        sizing.write_page(results, target / sizing.PAGE)
    others = target / "bench.json"
    if others.exists() and others.stat().st_size:  # `make bench` makes it before it measures
        write_bench_page(replace(BenchResults.read(others), grown=True), target / "bench.md")


def say(words: str) -> None:
    """Tell who waits."""
    print(words, flush=True)


if __name__ == "__main__":
    main()

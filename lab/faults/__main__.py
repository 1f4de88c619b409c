"""The command behind `make faults`."""

from __future__ import annotations

import json
import tempfile
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from lab.answers import ANSWERS, Answer
from lab.faults import experiment, isolation
from lab.faults.kinds import FAULTS
from lab.faults.page import write_page
from lab.faults.picture import write_picture
from lab.faults.results import Results
from lab.faults.scene import Scene
from lab.faults.table import print_row, print_table
from lab.machine import described
from studentapi.embedded import PrivateServer

if TYPE_CHECKING:
    from lab.faults.kinds.fault import Fault

DOCS = Path(__file__).parents[2] / "docs"


@click.command()
@click.option("--fault", "faults", multiple=True, type=click.Choice([fault.name for fault in FAULTS]))
@click.option("--answer", "names", multiple=True, type=click.Choice([answer.name for answer in ANSWERS]))
@click.option("--into", type=click.Path(path_type=Path), help="The folder for faults.md, .svg and .json.")
@click.option("--draw", is_flag=True, help="Run nothing: write the page and the picture from faults.json.")
def main(faults: tuple[str, ...], names: tuple[str, ...], into: Path | None, draw: bool) -> None:
    """Do every fault to every answer; a part of them is only written where --into says so."""
    whole = not faults and not names
    target = into or DOCS
    if draw:
        write(Results.read(target / "faults.json"), target)
        return
    chosen = [fault for fault in FAULTS if not faults or fault.name in faults]
    answers = [answer for answer in ANSWERS if not names or answer.name in names]
    if isolation.is_possible():
        isolation.enter()
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        if isolation.is_inside():
            isolation.set_up(Path(directory) / "hosts")
        results = run_all(chosen, answers, Path(directory))
    print_table(results)
    if whole or into:
        target.mkdir(parents=True, exist_ok=True)
        (target / "faults.json").write_text(json.dumps(asdict(results), indent=1) + "\n")
        write(results, target)
        click.echo(f"Written: {target / 'faults.md'}")


def run_all(faults: list[Fault], answers: list[Answer], directory: Path) -> Results:
    """Run the faults one after another on one server; one that cannot be run costs its own row only."""
    inside = isolation.is_inside()
    # the administrator's way in, past the firewall; only where nobody else is in the network
    options, back_door = (["--bind-address=0.0.0.0"], "127.0.0.3") if inside else ([], None)
    began = monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(PrivateServer(directory / "server", options=options))
        scene = Scene(server, answers, directory, back_door=back_door)
        scene.load_data()
        results = Results(
            day=datetime.now(UTC).date().isoformat(),
            machine=described({"database": str(scene.execute("SELECT VERSION()")[0][0])}),
            answers={answer.name: answer.title for answer in answers},
        )
        for fault in faults:
            if fault.isolated and not inside:
                results.skip(fault, "needs root, iproute2 and iptables")
            else:
                try:
                    outcomes = experiment.run(
                        fault, scene, answers, lambda answer: directory / f"{answer.name}.log"
                    )
                except Exception as error:  # noqa: BLE001 - the other rows go on
                    traceback.print_exc()
                    results.skip(fault, f"{type(error).__name__}: {error}".splitlines()[0])
                    server.start()
                else:
                    results.add(fault, outcomes)
            print_row(results, fault.name)
        results.seconds = round(monotonic() - began)
    return results


def write(results: Results, target: Path) -> None:
    """Write the page and the picture."""
    write_picture(results, target / "faults.svg")
    write_page(results, target / "faults.md")


if __name__ == "__main__":
    main()

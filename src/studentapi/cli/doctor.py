"""`studentapi doctor`: whether settings and server go together, and what to change."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from studentapi.cli.configuration import load_settings

if TYPE_CHECKING:
    from studentapi.cli.diagnosis.findings import Finding

PROBLEM = 1
"""Exit status."""

Section = tuple[str, "list[Finding]"]


@click.command()
@click.option(
    "--instances", type=click.IntRange(1, 10_000), default=1, show_default=True, metavar="N",
    help="How many services with these settings share the database.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the same as JSON, for programs.")
@click.pass_context
def doctor(context: click.Context, instances: int, as_json: bool) -> None:
    """Compare the settings with the server, and say what to change.

    Changes nothing. Exit status: 0 when all is well or there is only advice, 1 when there is a problem, 2 when
    the settings themselves do not hold.
    """
    settings = load_settings()
    from studentapi.cli.diagnosis import hosts, limits
    from studentapi.cli.diagnosis.findings import Verdict, worst
    from studentapi.mysql.address import Address

    address = Address.parse(settings.database_url.get_secret_value())
    sections: list[Section] = [(host.name, host.findings) for host in hosts.examine(address, settings, instances)]
    sections.append(("settings", [*limits.deadlines(settings), *limits.keepalive()]))
    verdict = worst(finding for _, findings in sections for finding in findings)
    if as_json:
        click.echo(_as_json(sections, verdict))
    elif sys.stdout.isatty():
        _print_table(sections)
    else:
        _print_lines(sections)
    if verdict is Verdict.PROBLEM:
        context.exit(PROBLEM)


def _as_json(sections: list[Section], verdict: str) -> str:
    """`{"verdict", "findings": [{"where", "check", "verdict", "found", "change", "figures"}]}`."""
    findings = [{"where": where, **asdict(finding)} for where, found in sections for finding in found]
    return json.dumps({"verdict": verdict, "findings": findings}, ensure_ascii=False, indent=2)


def _print_lines(sections: list[Section]) -> None:
    """A line for each finding: verdict, where, check, what, with tabs between."""
    for where, findings in sections:
        for finding in findings:
            click.echo("\t".join([finding.verdict, where, finding.check, str(finding)]))


def _print_table(sections: list[Section]) -> None:
    """For people: a table for each host, what is to be done standing out."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from studentapi.cli.diagnosis.findings import Verdict

    styles = {Verdict.OK: "green", Verdict.ADVICE: "yellow", Verdict.PROBLEM: "bold red"}
    console = Console(highlight=False)
    for where, findings in sections:
        console.print(Text(where, style="bold"))
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            text = Text(finding.found)
            if finding.change is not None:
                text.append(". ").append(finding.change, style="bold")
            table.add_row(Text(finding.verdict, style=styles[finding.verdict]), Text(finding.check), text)
        console.print(table)

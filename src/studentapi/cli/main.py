"""The command `studentapi`."""

from __future__ import annotations

import click

from studentapi import __version__
from studentapi.cli.changes import changes
from studentapi.cli.data import db, load, token
from studentapi.cli.doctor import doctor
from studentapi.cli.files import export_file, import_file
from studentapi.cli.run import run
from studentapi.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="studentapi")
def main() -> None:
    """Serve students' assessment data from MySQL."""


# Each command imports what it needs when it runs: --help, and a start, must not wait for the others' parts.
for command in (run, serve, db, load, import_file, export_file, token, changes, doctor):
    main.add_command(command)

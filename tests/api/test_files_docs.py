"""docs/files.md says what the code does: its columns, its limits, its examples."""

from __future__ import annotations

import re
from pathlib import Path

from studentapi.api import bulk, files
from studentapi.gradebook import importing
from studentapi.gradebook.file_columns import COLUMNS, REQUIRED

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
EMPTY = {None: "null", REQUIRED: "refused"}


def test_every_column_stands_in_the_table() -> None:
    rows = re.findall(r"^\| (\w+) \| `(\w+)` \| (\w+) \| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == [
        (plural, one.name, "optional" if one.optional else "required", EMPTY.get(one.empty, str(one.empty)))
        for plural, columns in COLUMNS.items()
        for one in columns
    ]


def test_the_columns_of_the_examples_are_all_that_are_required() -> None:
    headers = re.findall(r"```csv\n(.+)\n", PAGE)
    assert [header.split(",") for header in headers] == [
        [one.name for one in columns if not one.optional] for columns in COLUMNS.values()
    ]
    assert list(files.EXAMPLES) == list(COLUMNS)


def test_the_limits_are_named() -> None:
    assert f"{files.ROWS_MOST:,} rows, {files.MOST_BODY_BYTES // 1_000_000} MB" in PAGE
    assert f"{bulk.ROWS_MOST:,} rows, {bulk.MOST_BODY_BYTES // 1024**2} MiB" in PAGE
    assert f"The first {importing.FAULTS_SHOWN:,}\nfaults" in PAGE


def test_the_members_of_the_report_are_named() -> None:
    for name in (*files.ImportReport.model_fields, *files.Fault.model_fields, *bulk.BulkResult.model_fields):
        assert f'"{name}":' in PAGE, name
    for name in bulk.BulkAttempt.model_fields:
        assert f"`{name}`" in PAGE, name

"""CSV: what leaves comes back, and every record knows its line."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO

from hypothesis import given
from hypothesis import strategies as st

from studentapi.gradebook.csv_cells import guarded, records, unguarded

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TROUBLE = st.text("'=+-@\t\r\n,\" ab", max_size=8)


@given(TEXT | TROUBLE)
def test_text_that_left_comes_back_and_no_spreadsheet_computes_it(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.lists(st.lists(TROUBLE | TEXT, min_size=2, max_size=3), max_size=6))
def test_records_are_read_as_they_were_written_each_with_its_line(rows: list[list[str]]) -> None:
    text = StringIO()
    writer = csv.writer(text)
    lines = []
    for row in rows:
        # a quoted CR is kept, and ends no line as far as anybody counts
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    found = list(records(BytesIO(text.getvalue().encode())))
    assert [one.cells for one in found] == rows
    assert [one.line for one in found] == lines

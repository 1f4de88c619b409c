"""What a run found, as it is kept in faults.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lab.faults.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.faults.kinds.fault import Fault


@dataclass
class Row:
    """A fault and what it did to each answer, by the answer's name; `skipped` says why it was not done."""

    name: str
    title: str
    story: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    skipped: str | None = None


@dataclass
class Results:
    """A run: its day, its machine in words, the answers' titles by their names, its rows, and its length."""

    day: str
    machine: dict[str, str]
    answers: dict[str, str]
    rows: list[Row] = field(default_factory=list)
    seconds: int = 0

    def add(self, fault: Fault, outcomes: Mapping[str, Outcome]) -> None:
        """Keep what a fault did."""
        self.rows.append(Row(fault.name, fault.title, fault.story, dict(outcomes)))

    def skip(self, fault: Fault, reason: str) -> None:
        """Keep that a fault was not done, and why."""
        self.rows.append(Row(fault.name, fault.title, fault.story, skipped=reason))

    @classmethod
    def read(cls, path: Path) -> Self:
        """The results in a faults.json."""
        found = json.loads(path.read_text())
        rows = [
            Row(**{**row, "outcomes": {name: Outcome(**one) for name, one in row["outcomes"].items()}})
            for row in found.pop("rows")
        ]
        return cls(**found, rows=rows)

"""The sample's figures, computed from its CSV files alone, by other code than the service's."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

PASS = 40.0


@dataclass(frozen=True)
class Task:
    """An assessment."""

    ident: str
    module: str
    term: str
    category: str
    day: int | None
    weight: float


def _rows(name: str) -> list[dict[str, str]]:
    packed = resources.files("studentapi").joinpath("sample", "oulad", f"{name}.csv.gz").read_bytes()
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))


@cache
def tasks() -> dict[str, Task]:
    return {
        row["id_assessment"]: Task(
            row["id_assessment"],
            row["code_module"],
            row["code_presentation"],
            row["assessment_type"],
            None if row["date"] == "?" else int(row["date"]),
            float(row["weight"]),
        )
        for row in _rows("assessments")
    }


@cache
def chapter_of() -> dict[str, str]:
    """Assessment → chapter."""
    found = {}
    for module, term in {(task.module, task.term) for task in tasks().values()}:
        here = [task for task in tasks().values() if (task.module, task.term) == (module, term)]
        ends = sorted((task.day or 0, int(task.ident)) for task in here if task.category == "TMA")
        for task in here:
            if task.category == "Exam":
                found[task.ident] = f"{module}-exam"
            elif task.category == "TMA":
                found[task.ident] = f"{module}-{ends.index((task.day or 0, int(task.ident))) + 1}"
            else:
                unit = sum(1 for day, _ in ends if day < (task.day or 0)) + 1
                found[task.ident] = f"{module}-{min(unit, len(ends))}"
    return found


@cache
def classes_of() -> dict[str, set[tuple[str, str]]]:
    """Student → (module, term)."""
    found = defaultdict(set)
    for row in _rows("studentInfo"):
        found[row["id_student"]].add((row["code_module"], row["code_presentation"]))
    return found


@cache
def handed_in() -> dict[tuple[str, str], tuple[int, bool, float | None]]:
    """(student, assessment) → day, whether banked, score."""
    return {
        (row["id_student"], row["id_assessment"]): (
            int(row["date_submitted"]),
            row["is_banked"] == "1",
            float(row["score"]) if row["score"] else None,
        )
        for row in _rows("studentAssessment")
    }


def chapters() -> set[str]:
    return set(chapter_of().values())


def summary(student: str, chapter: str, only: tuple[str, str] | None = None) -> dict[str, Any]:
    """What the service should say; every due date of the sample is past."""
    mine = classes_of()[student] if only is None else classes_of()[student] & {only}
    listed = [
        task
        for task in tasks().values()
        if chapter_of()[task.ident] == chapter and (task.module, task.term) in mine
    ]
    done = {task: handed_in()[student, task.ident] for task in listed if (student, task.ident) in handed_in()}
    scores = {task: score for task, (_, _, score) in done.items() if score is not None}
    weight = sum(task.weight for task in scores)
    mean = sum(scores.values()) / len(scores) if scores else None
    weighted = sum(task.weight * score for task, score in scores.items()) / weight if weight else None
    last = max(scores, key=lambda task: (_submitted(task, done[task][0]), _due(task), task.ident), default=None)
    overall = weighted if weighted is not None else mean
    return {
        "assessments": len(listed),
        "attempted": len(done),
        "graded": len(scores),
        "missing": sum(1 for task in listed if task not in done and task.day is not None),
        "late": sum(
            1 for task, (day, banked, _) in done.items() if task.day is not None and day > task.day and not banked
        ),
        "mean_percent": mean,
        "weighted_percent": weighted,
        "best_percent": max(scores.values(), default=None),
        "last_percent": None if last is None else scores[last],
        "mastered": None if overall is None else overall >= PASS,
    }


def _start(task: Task) -> date:
    return date(int(task.term[:4]), 2 if task.term[4] == "B" else 10, 1)


def _submitted(task: Task, day: int) -> date:
    return _start(task) + timedelta(days=day)


def _due(task: Task) -> date:
    return date.max if task.day is None else _start(task) + timedelta(days=task.day)

"""The heat map of a class: students × chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook import class_records
from studentapi.gradebook.statistics import rounded, spread

if TYPE_CHECKING:
    from datetime import datetime

    from studentapi.gradebook.class_records import Assessment
    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database


def heatmap(database: Database, class_id: str, *, now: datetime | None = None) -> Row:
    """Every enrolled student of a class in every chapter of its course; by public id.

    `chapters` are in the order of their position; each has `assessments`, how many the class has in it, and `n`,
    `mean_percent` and `median_percent` over the students who have a percent in it. `students` are in the order of
    their ids; `percents` and `missing` of each have one entry for each chapter, in the same order:

    - `percents`: the weighted percent over the chapter's graded assessments, or else their mean; None where
      nothing is graded
    - `missing`: how many of the chapter's assessments are due before `now` and not attempted

    Who has withdrawn is not enrolled. Raises `NotFound` for the class.
    """
    records = class_records.read(database, class_id, now=now)
    by_chapter: list[list[Assessment]] = [[] for _ in records.chapters]
    for assessment in records.assessments:
        by_chapter[assessment.chapter].append(assessment)
    cells = [
        [records.figures(student, assessments) for assessments in by_chapter] for student in records.students
    ]
    chapters = []
    for place, (chapter, assessments) in enumerate(zip(records.chapters, by_chapter, strict=True)):
        of_all = spread([percent for row in cells if (percent := row[place].percent) is not None])
        chapters.append(
            {
                **chapter,
                "assessments": len(assessments),
                "n": of_all.n,
                "mean_percent": rounded(of_all.mean),
                "median_percent": rounded(of_all.median),
            }
        )
    return {
        "class": records.summary,
        "enrolled": len(records.students),
        "chapters": chapters,
        "students": [
            {
                "id": student.public_id,
                "name": student.name,
                "percents": [rounded(cell.percent) for cell in row],
                "missing": [cell.missing for cell in row],
            }
            for student, row in zip(records.students, cells, strict=True)
        ],
    }

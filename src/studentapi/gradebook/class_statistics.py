"""The statistics of a class in a chapter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studentapi.gradebook import class_records
from studentapi.gradebook.statistics import BINS, PERCENT_DECIMALS, histogram, rate, rounded, spread

if TYPE_CHECKING:
    from datetime import datetime

    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

PASS_PERCENT = 50.0


def chapter_statistics(
    database: Database,
    class_id: str,
    chapter_id: str,
    *,
    pass_percent: float = PASS_PERCENT,
    now: datetime | None = None,
) -> Row:
    """How a class did in a chapter, by public ids; percents 0 to 100 with 4 decimals, rates 0 to 1 with 6.

    Each student is one observation: the student's percent in the chapter, which is the weighted percent over the
    graded assessments, or else their mean (`progress.summary`). Students without one are no observation.

    - `assessments`: those of the class in the chapter
    - `enrolled`: enrolled as students and not withdrawn at `now`; nobody else counts anywhere here
    - `attempted`: students with at least one attempt, in any state (exempt too), at one of them
    - `missing`: students with at least one of them due before `now` and not attempted; `missing_attempts`: how
      many such pairs of a student and an assessment there are
    - `n`: students with a percent; over these `mean_percent`, `median_percent`, `standard_deviation` (n - 1),
      `minimum_percent`, `q1_percent`, `q3_percent`, `maximum_percent` (`statistics.spread`) and the `histogram`
      of ten bins (`statistics.histogram`)
    - `passed`: students whose percent, rounded to 4 decimals, is at least `pass_percent`; `mastered`: at least
      the chapter's `mastery_percent`; `pass_rate` and `mastery_rate`: these / n

    What is undefined is None: with n = 0 all of them, with n = 1 the standard deviation. Raises `NotFound` for
    the class and the chapter; in a chapter of another course nothing is assessed.
    """
    records = class_records.read(database, class_id, chapter_id, now=now)
    chapter = records.chapters[0]
    every = [records.figures(student, records.assessments) for student in records.students]
    percents = [figures.percent for figures in every if figures.percent is not None]
    shown = [round(percent, PERCENT_DECIMALS) for percent in percents]
    of_all = spread(percents)
    passed = sum(percent >= pass_percent for percent in shown)
    mastered = sum(percent >= float(chapter["mastery_percent"]) for percent in shown)
    width = 100 // BINS
    return {
        "class": records.summary,
        "chapter": chapter,
        "assessments": len(records.assessments),
        "enrolled": len(every),
        "attempted": sum(figures.attempted > 0 for figures in every),
        "missing": sum(figures.missing > 0 for figures in every),
        "missing_attempts": sum(figures.missing for figures in every),
        "n": of_all.n,
        "mean_percent": rounded(of_all.mean),
        "median_percent": rounded(of_all.median),
        "standard_deviation": rounded(of_all.standard_deviation),
        "minimum_percent": rounded(of_all.minimum),
        "q1_percent": rounded(of_all.q1),
        "q3_percent": rounded(of_all.q3),
        "maximum_percent": rounded(of_all.maximum),
        "histogram": [
            {"low": place * width, "high": (place + 1) * width, "count": count}
            for place, count in enumerate(histogram(percents))
        ],
        "pass_percent": pass_percent,
        "passed": passed,
        "pass_rate": rate(passed, of_all.n),
        "mastered": mastered,
        "mastery_rate": rate(mastered, of_all.n),
    }

"""The statistics of a class in a chapter."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from studentapi.gradebook import class_records
from studentapi.gradebook.statistics import BINS, PERCENT_DECIMALS, histogram, rate, rounded, spread

if TYPE_CHECKING:
    from studentapi.gradebook.resources import Row
    from studentapi.mysql.database import Database

PASS_PERCENT = 50.0

# A row for each student who counts, as one text: at how many of the assessments, and of those that are due, there
# is an attempt; and of those that are graded how many there are, Σ percent, Σ weight, and Σ weight · percent.
# The server adds up, exactly, what would be a row for each pair. By these indexes, whatever the server's
# statistics say: all of an assessment lies together in them.
_STUDENTS = """
    SELECT CONCAT_WS('|', COALESCE(tried.assessments, 0), COALESCE(tried.due, 0),
        graded.assessments, graded.percents, graded.weights, graded.products)
    FROM enrollments JOIN users ON users.id = enrollments.user_id
        LEFT JOIN (
            SELECT student_id, COUNT(DISTINCT assessment_id) AS assessments,
                COUNT(DISTINCT IF(assessment_id IN %(due)s, assessment_id, NULL)) AS due
            FROM attempts FORCE INDEX (attempts_by_assessment)
            WHERE assessment_id IN %(assessments)s AND deleted_at IS NULL
            GROUP BY student_id) AS tried ON tried.student_id = users.id
        LEFT JOIN (
            SELECT results.student_id, COUNT(*) AS assessments, SUM(results.percent) AS percents,
                SUM(assessments.weight) AS weights, SUM(assessments.weight * results.percent) AS products
            FROM assessments STRAIGHT_JOIN results FORCE INDEX (results_by_assessment)
                ON results.assessment_id = assessments.id
            WHERE assessments.id IN %(assessments)s
            GROUP BY results.student_id) AS graded ON graded.student_id = users.id
    WHERE enrollments.class_id = %(class)s AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL
        AND (enrollments.withdrawn_on IS NULL OR enrollments.withdrawn_on > %(today)s)
        AND users.role = 'student' AND users.deleted_at IS NULL"""
_NONE = (0,)
"""No assessment's inner id."""


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
    the class, and for a chapter that the class's course has not.
    """
    now = now or datetime.now(UTC).replace(tzinfo=None)
    records = class_records.outline(database, class_id, chapter_id)
    chapter = records.chapters[0]
    due = [one.key for one in records.assessments if one.due_at is not None and one.due_at < now]
    asked = {"assessments": [one.key for one in records.assessments] or _NONE, "due": due or _NONE}
    rows = database.read(_STUDENTS, {"class": records.inner, "today": now.date(), **asked})
    attempted, gaps, percents = 0, [], []
    for (text,) in rows:
        tried, tried_due, *graded = text.split("|")
        attempted += tried != "0"
        gaps.append(len(due) - int(tried_due))
        if graded:
            n, total, weights, products = map(float, graded)
            percents.append(products / weights if weights else total / n)
    shown = [round(percent, PERCENT_DECIMALS) for percent in percents]
    of_all = spread(percents)
    passed = sum(percent >= pass_percent for percent in shown)
    mastered = sum(percent >= float(chapter["mastery_percent"]) for percent in shown)
    width = 100 // BINS
    return {
        "class": records.summary,
        "chapter": chapter,
        "assessments": len(records.assessments),
        "enrolled": len(rows),
        "attempted": attempted,
        "missing": sum(gap > 0 for gap in gaps),
        "missing_attempts": sum(gaps),
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

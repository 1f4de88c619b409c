"""The SQL of those who write SQL: bare, mysqlclient, fastapi; with `%s`, as their drivers have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

SESSION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
"""For who records attempts: what is read after a lock is what is committed now."""

BEARER = """
    SELECT tokens.scopes, users.public_id FROM tokens LEFT JOIN users ON users.id = tokens.user_id
    WHERE tokens.digest = UNHEX(%s) AND tokens.deleted_at IS NULL AND tokens.revoked_at IS NULL
        AND (tokens.expires_at IS NULL OR tokens.expires_at > UTC_TIMESTAMP(6))"""
"""(SHA-256 in hex): scopes with commas between, and the student that it is bound to."""

ASSESSMENT_DATA = """
    SELECT student.public_id, student.name,
           chapter.public_id, chapter.title, course.public_id, chapter.mastery_percent,
           assessment.public_id, class.public_id, assessment.title, assessment.category, assessment.weight,
           assessment.points_max, assessment.due_at, results.percent,
           attempts.number, attempts.state, attempts.submitted_at, attempts.score, attempts.percent,
           attempts.is_late
    FROM users AS student
        JOIN chapters AS chapter
        JOIN courses AS course ON course.id = chapter.course_id
        LEFT JOIN (assessments AS assessment
                JOIN classes AS class ON class.id = assessment.class_id AND class.deleted_at IS NULL
                JOIN enrollments ON enrollments.class_id = class.id
                    AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL)
            ON assessment.chapter_id = chapter.id AND assessment.deleted_at IS NULL
                AND enrollments.user_id = student.id
        LEFT JOIN results ON results.student_id = student.id AND results.assessment_id = assessment.id
        LEFT JOIN attempts ON attempts.student_id = student.id AND attempts.assessment_id = assessment.id
            AND attempts.deleted_at IS NULL
    WHERE student.public_id = %s AND student.role = 'student' AND student.deleted_at IS NULL
        AND chapter.public_id = %s AND chapter.deleted_at IS NULL AND course.deleted_at IS NULL
    ORDER BY assessment.due_at IS NULL, assessment.due_at, assessment.public_id, attempts.number"""
"""(student, chapter): a row for each attempt; none where the student or the chapter is not there."""

_ATTEMPTS = """
    SELECT attempts.public_id, assessments.public_id, users.public_id, attempts.number, attempts.state,
           attempts.started_at, attempts.submitted_at, attempts.graded_at, attempts.is_late, attempts.score,
           attempts.percent, attempts.created_at, attempts.updated_at
    FROM attempts FORCE INDEX (attempts_public_id)
        STRAIGHT_JOIN assessments ON assessments.id = attempts.assessment_id
        STRAIGHT_JOIN users ON users.id = attempts.student_id
    WHERE {after}attempts.deleted_at IS NULL
    ORDER BY attempts.public_id LIMIT %s"""
"""Of plain joins MariaDB begins with the assessments, and sorts all attempts for a page."""
_FIRST_ATTEMPTS, _NEXT_ATTEMPTS = (
    _ATTEMPTS.format(after=condition) for condition in ("", "attempts.public_id > %s AND ")
)

CLASS = """
    SELECT class.id, class.public_id, class.title, class.term, chapter.id, chapter.public_id, chapter.title,
           course.public_id, chapter.position, chapter.mastery_percent,
           (SELECT COUNT(*) FROM assessments WHERE assessments.class_id = class.id
                AND assessments.chapter_id = chapter.id AND assessments.deleted_at IS NULL)
    FROM classes AS class
        JOIN courses AS course ON course.id = class.course_id
        JOIN chapters AS chapter ON chapter.course_id = course.id
    WHERE class.public_id = %s AND class.deleted_at IS NULL
        AND chapter.public_id = %s AND chapter.deleted_at IS NULL AND course.deleted_at IS NULL"""
"""(class, chapter): none where one of them is not there, or the chapter is of another course."""

_STUDENTS = """
    SELECT COALESCE(tried.assessments, 0),
           (SELECT COUNT(*) FROM assessments WHERE class_id = %s AND chapter_id = %s AND deleted_at IS NULL
                AND due_at < %s) - COALESCE(tried.due, 0),
           graded.percents, COALESCE(graded.assessments, 0), graded.products, graded.weights
    FROM enrollments
        JOIN users ON users.id = enrollments.user_id AND users.role = 'student' AND users.deleted_at IS NULL
        LEFT JOIN (SELECT attempts.student_id, COUNT(DISTINCT attempts.assessment_id) AS assessments,
                       COUNT(DISTINCT IF(assessments.due_at < %s, attempts.assessment_id, NULL)) AS due
                   FROM assessments STRAIGHT_JOIN attempts FORCE INDEX (attempts_by_assessment)
                       ON attempts.assessment_id = assessments.id AND attempts.deleted_at IS NULL
                   WHERE assessments.class_id = %s AND assessments.chapter_id = %s
                       AND assessments.deleted_at IS NULL
                   GROUP BY attempts.student_id) AS tried ON tried.student_id = users.id
        LEFT JOIN (SELECT results.student_id, COUNT(*) AS assessments, SUM(results.percent) AS percents,
                       SUM(assessments.weight) AS weights, SUM(assessments.weight * results.percent) AS products
                   FROM assessments STRAIGHT_JOIN results FORCE INDEX (results_by_assessment)
                       ON results.assessment_id = assessments.id
                   WHERE assessments.class_id = %s AND assessments.chapter_id = %s
                       AND assessments.deleted_at IS NULL
                   GROUP BY results.student_id) AS graded ON graded.student_id = users.id
    WHERE enrollments.class_id = %s AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL
        AND (enrollments.withdrawn_on IS NULL OR enrollments.withdrawn_on > %s)"""

ENROLLMENT = """
    SELECT enrollments.user_id, enrollments.withdrawn_on, UTC_TIMESTAMP(6) FROM enrollments
    WHERE enrollments.user_id = (SELECT id FROM users
                                 WHERE public_id = %s AND role = 'student' AND deleted_at IS NULL)
        AND enrollments.class_id = (SELECT class_id FROM assessments WHERE public_id = %s AND deleted_at IS NULL)
        AND enrollments.role = 'student' AND enrollments.deleted_at IS NULL
    FOR UPDATE"""
"""(student, assessment): locked, for attempts of one student to be numbered one after the other."""

RULES = """
    SELECT assessments.id, assessments.points_max, assessments.due_at, assessments.counted,
           assessments.attempts_allowed, COALESCE(MAX(attempts.number), 0),
           COUNT(IF(attempts.deleted_at IS NULL, attempts.id, NULL))
    FROM assessments
        LEFT JOIN attempts ON attempts.assessment_id = assessments.id AND attempts.student_id = %s
    WHERE assessments.public_id = %s
    GROUP BY assessments.id, assessments.points_max, assessments.due_at, assessments.counted,
             assessments.attempts_allowed"""
"""(the student's inner id, assessment): as `recording.Rules`."""

ITEMS = """
    SELECT id, public_id, kind, answer_key, points FROM items
    WHERE assessment_id = %s AND deleted_at IS NULL"""
"""(the assessment's inner id): as `recording.Item`, the key as JSON."""

INSERT_ATTEMPT = """
    INSERT INTO attempts (public_id, assessment_id, student_id, number, state, submitted_at, graded_at, is_late,
                          score, percent, created_at, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
INSERT_RESPONSES = (
    "INSERT INTO responses (attempt_id, item_id, answer, points, is_correct) VALUES (%s, %s, %s, %s, %s)"
)
PERCENTS = """
    SELECT percent FROM attempts
    WHERE student_id = %s AND assessment_id = %s AND state = 'graded' AND deleted_at IS NULL ORDER BY number"""
KEEP_RESULT = """
    INSERT INTO results (student_id, assessment_id, percent) VALUES (%s, %s, %s)
    ON DUPLICATE KEY UPDATE percent = %s"""
"""(student, assessment, percent, percent): of VALUES(percent) MySQL warns, and asyncmy asks for each warning."""


def attempts(after: str, most: int) -> tuple[str, tuple[object, ...]]:
    """A page of up to `most` attempts behind the id `after`, or from the first on where that is empty.

    A condition that holds for every row would have MySQL read far ahead.
    """
    return (_NEXT_ATTEMPTS, (after, most)) if after else (_FIRST_ATTEMPTS, (most,))


def students(class_key: int, chapter_key: int, now: datetime) -> tuple[str, tuple[object, ...]]:
    """By inner ids: a row for each student of a class in a chapter, as `figures.Student`; `now` is naive UTC."""
    here = class_key, chapter_key
    return _STUDENTS, (*here, now, now, *here, *here, class_key, now.date())

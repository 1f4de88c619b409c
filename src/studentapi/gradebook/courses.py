"""Courses, the classes that they are held in, their chapters, and who is enrolled."""

from studentapi.gradebook.resources import Resource

courses = Resource(
    "course",
    """
    SELECT courses.public_id AS id, schools.public_id AS school_id, courses.title,
           courses.created_at, courses.updated_at
    FROM courses FORCE INDEX (courses_public_id) STRAIGHT_JOIN schools ON schools.id = courses.school_id
    WHERE courses.deleted_at IS NULL""",
    key="courses.public_id",
)

classes = Resource(
    "class",
    """
    SELECT classes.public_id AS id, courses.public_id AS course_id, classes.term, classes.title,
           classes.starts_on, classes.ends_on, classes.created_at, classes.updated_at
    FROM classes FORCE INDEX (classes_public_id) STRAIGHT_JOIN courses ON courses.id = classes.course_id
    WHERE classes.deleted_at IS NULL""",
    key="classes.public_id",
)

chapters = Resource(
    "chapter",
    """
    SELECT chapters.public_id AS id, courses.public_id AS course_id, chapters.position, chapters.title,
           chapters.mastery_percent, chapters.created_at, chapters.updated_at
    FROM chapters FORCE INDEX (chapters_public_id) STRAIGHT_JOIN courses ON courses.id = chapters.course_id
    WHERE chapters.deleted_at IS NULL""",
    key="chapters.public_id",
)

enrollments = Resource(
    "enrollment",
    """
    SELECT enrollments.public_id AS id, classes.public_id AS class_id, users.public_id AS user_id,
           enrollments.role, enrollments.enrolled_on, enrollments.withdrawn_on,
           enrollments.created_at, enrollments.updated_at
    FROM enrollments FORCE INDEX (enrollments_public_id)
        STRAIGHT_JOIN classes ON classes.id = enrollments.class_id
        STRAIGHT_JOIN users ON users.id = enrollments.user_id
    WHERE enrollments.deleted_at IS NULL""",
    key="enrollments.public_id",
)

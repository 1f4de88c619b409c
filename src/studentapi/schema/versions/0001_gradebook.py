"""The gradebook: schools and people, courses and classes, assessments, attempts and results, tokens.

Common to all tables: `id` is the inner key and never leaves; `public_id` is the id that clients see,
in plain ASCII and compared byte by byte. Times are UTC. `deleted_at` marks a soft-deleted row.
"""

from studentapi.schema.statements import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Every table begins with its two ids and ends with its three times. No value is ever formatted in.
_HEAD = """id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    public_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"""
_TIMES = """created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    deleted_at DATETIME(6) NULL"""
_ENGINE = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"

UP = f"""
CREATE TABLE IF NOT EXISTS schools (
    {_HEAD},
    name VARCHAR(200) NOT NULL,
    {_TIMES},
    UNIQUE KEY schools_public_id (public_id)
) {_ENGINE};

CREATE TABLE IF NOT EXISTS users (
    {_HEAD},
    school_id BIGINT UNSIGNED NOT NULL,
    role ENUM('student', 'teacher', 'admin') NOT NULL,
    name VARCHAR(200) NOT NULL,
    {_TIMES},
    UNIQUE KEY users_public_id (public_id),
    KEY users_by_school (school_id, public_id),
    CONSTRAINT users_school FOREIGN KEY (school_id) REFERENCES schools (id)
) {_ENGINE};

CREATE TABLE IF NOT EXISTS courses (
    {_HEAD},
    school_id BIGINT UNSIGNED NOT NULL,
    title VARCHAR(200) NOT NULL,
    {_TIMES},
    UNIQUE KEY courses_public_id (public_id),
    KEY courses_by_school (school_id, public_id),
    CONSTRAINT courses_school FOREIGN KEY (school_id) REFERENCES schools (id)
) {_ENGINE};

-- A class is a course in a term.
CREATE TABLE IF NOT EXISTS classes (
    {_HEAD},
    course_id BIGINT UNSIGNED NOT NULL,
    term VARCHAR(32) NOT NULL,
    title VARCHAR(200) NOT NULL,
    starts_on DATE NULL,
    ends_on DATE NULL,
    {_TIMES},
    UNIQUE KEY classes_public_id (public_id),
    KEY classes_by_course (course_id, public_id),
    CONSTRAINT classes_course FOREIGN KEY (course_id) REFERENCES courses (id)
) {_ENGINE};

CREATE TABLE IF NOT EXISTS enrollments (
    {_HEAD},
    class_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    role ENUM('student', 'teacher') NOT NULL,
    enrolled_on DATE NULL,
    withdrawn_on DATE NULL,
    {_TIMES},
    UNIQUE KEY enrollments_public_id (public_id),
    UNIQUE KEY enrollments_user (user_id, class_id),
    KEY enrollments_class (class_id, role, user_id),
    CONSTRAINT enrollments_of_class FOREIGN KEY (class_id) REFERENCES classes (id),
    CONSTRAINT enrollments_of_user FOREIGN KEY (user_id) REFERENCES users (id)
) {_ENGINE};

CREATE TABLE IF NOT EXISTS chapters (
    {_HEAD},
    course_id BIGINT UNSIGNED NOT NULL,
    position INT UNSIGNED NOT NULL,
    title VARCHAR(200) NOT NULL,
    mastery_percent DECIMAL(7, 4) NOT NULL DEFAULT 80,
    {_TIMES},
    UNIQUE KEY chapters_public_id (public_id),
    KEY chapters_by_course (course_id, position),
    CONSTRAINT chapters_course FOREIGN KEY (course_id) REFERENCES courses (id),
    CONSTRAINT chapters_mastery CHECK (mastery_percent BETWEEN 0 AND 100)
) {_ENGINE};

-- attempts_allowed NULL: as many as one likes. counted: which attempt's percent is the result.
CREATE TABLE IF NOT EXISTS assessments (
    {_HEAD},
    class_id BIGINT UNSIGNED NOT NULL,
    chapter_id BIGINT UNSIGNED NOT NULL,
    title VARCHAR(200) NOT NULL,
    category VARCHAR(64) NOT NULL,
    weight DECIMAL(9, 4) NOT NULL DEFAULT 0,
    points_max DECIMAL(9, 4) NOT NULL,
    due_at DATETIME(6) NULL,
    counted ENUM('best', 'last', 'first', 'mean') NOT NULL DEFAULT 'best',
    attempts_allowed INT UNSIGNED NULL,
    {_TIMES},
    UNIQUE KEY assessments_public_id (public_id),
    KEY assessments_by_chapter (chapter_id, class_id),
    KEY assessments_by_class (class_id, chapter_id),
    CONSTRAINT assessments_class FOREIGN KEY (class_id) REFERENCES classes (id),
    CONSTRAINT assessments_chapter FOREIGN KEY (chapter_id) REFERENCES chapters (id),
    CONSTRAINT assessments_weight CHECK (weight >= 0),
    CONSTRAINT assessments_points CHECK (points_max > 0)
) {_ENGINE};

-- answer_key: what automatic grading compares a response with, and the choices offered.
CREATE TABLE IF NOT EXISTS items (
    {_HEAD},
    assessment_id BIGINT UNSIGNED NOT NULL,
    position INT UNSIGNED NOT NULL,
    kind ENUM('single_choice', 'multiple_choice', 'true_false', 'numeric', 'short_text', 'essay') NOT NULL,
    prompt TEXT NOT NULL,
    answer_key JSON NULL,
    points DECIMAL(9, 4) NOT NULL,
    {_TIMES},
    UNIQUE KEY items_public_id (public_id),
    KEY items_by_assessment (assessment_id, position),
    CONSTRAINT items_assessment FOREIGN KEY (assessment_id) REFERENCES assessments (id),
    CONSTRAINT items_points CHECK (points >= 0)
) {_ENGINE};

-- score is in points; percent is 100 * score / points_max. is_late is settled at submission.
CREATE TABLE IF NOT EXISTS attempts (
    {_HEAD},
    assessment_id BIGINT UNSIGNED NOT NULL,
    student_id BIGINT UNSIGNED NOT NULL,
    number INT UNSIGNED NOT NULL,
    state ENUM('in_progress', 'submitted', 'graded', 'exempt') NOT NULL,
    started_at DATETIME(6) NULL,
    submitted_at DATETIME(6) NULL,
    graded_at DATETIME(6) NULL,
    is_late BOOLEAN NOT NULL DEFAULT FALSE,
    score DECIMAL(9, 4) NULL,
    percent DECIMAL(7, 4) NULL,
    {_TIMES},
    UNIQUE KEY attempts_public_id (public_id),
    UNIQUE KEY attempts_number (student_id, assessment_id, number),
    KEY attempts_by_assessment (assessment_id, student_id),
    CONSTRAINT attempts_graded CHECK (state <> 'graded' OR percent IS NOT NULL),
    CONSTRAINT attempts_assessment FOREIGN KEY (assessment_id) REFERENCES assessments (id),
    CONSTRAINT attempts_student FOREIGN KEY (student_id) REFERENCES users (id)
) {_ENGINE};

CREATE TABLE IF NOT EXISTS responses (
    attempt_id BIGINT UNSIGNED NOT NULL,
    item_id BIGINT UNSIGNED NOT NULL,
    answer JSON NULL,
    points DECIMAL(9, 4) NULL,
    is_correct BOOLEAN NULL,
    {_TIMES},
    PRIMARY KEY (attempt_id, item_id),
    KEY responses_by_item (item_id, attempt_id),
    CONSTRAINT responses_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id),
    CONSTRAINT responses_item FOREIGN KEY (item_id) REFERENCES items (id)
) {_ENGINE};

-- The counted percent of one student in one assessment: kept in the transaction of the attempt, and
-- clustered by student, so that a student's results lie side by side.
CREATE TABLE IF NOT EXISTS results (
    student_id BIGINT UNSIGNED NOT NULL,
    assessment_id BIGINT UNSIGNED NOT NULL,
    percent DECIMAL(7, 4) NOT NULL,
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
    PRIMARY KEY (student_id, assessment_id),
    KEY results_by_assessment (assessment_id, percent),
    CONSTRAINT results_assessment FOREIGN KEY (assessment_id) REFERENCES assessments (id),
    CONSTRAINT results_student FOREIGN KEY (student_id) REFERENCES users (id)
) {_ENGINE};

-- Only the SHA-256 of a token is kept. user_id binds a token to one student.
CREATE TABLE IF NOT EXISTS tokens (
    {_HEAD},
    digest BINARY(32) NOT NULL,
    label VARCHAR(200) NOT NULL,
    scopes SET('read', 'write', 'admin') NOT NULL,
    user_id BIGINT UNSIGNED NULL,
    expires_at DATETIME(6) NULL,
    revoked_at DATETIME(6) NULL,
    {_TIMES},
    UNIQUE KEY tokens_public_id (public_id),
    UNIQUE KEY tokens_digest (digest),
    KEY tokens_of_user (user_id),
    CONSTRAINT tokens_user FOREIGN KEY (user_id) REFERENCES users (id)
) {_ENGINE};

-- The answer that was given under a client's key, written in the transaction of its effect.
CREATE TABLE IF NOT EXISTS idempotency_keys (
    token_id BIGINT UNSIGNED NOT NULL,
    idempotency_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    request_hash BINARY(32) NOT NULL,
    status SMALLINT UNSIGNED NULL,
    headers JSON NULL,
    answer MEDIUMBLOB NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (token_id, idempotency_key),
    KEY idempotency_keys_age (created_at),
    CONSTRAINT idempotency_keys_token FOREIGN KEY (token_id) REFERENCES tokens (id)
) {_ENGINE};

-- Audit and delta feed: who changed what, from what, to what.
CREATE TABLE IF NOT EXISTS changes (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    occurred_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    token_id BIGINT UNSIGNED NULL,
    resource VARCHAR(32) NOT NULL,
    resource_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    action ENUM('create', 'update', 'delete') NOT NULL,
    row_before JSON NULL,
    row_after JSON NULL,
    KEY changes_of_resource (resource, resource_id, id),
    CONSTRAINT changes_token FOREIGN KEY (token_id) REFERENCES tokens (id)
) {_ENGINE};
"""

DOWN = """
DROP TABLE IF EXISTS changes;
DROP TABLE IF EXISTS idempotency_keys;
DROP TABLE IF EXISTS tokens;
DROP TABLE IF EXISTS results;
DROP TABLE IF EXISTS responses;
DROP TABLE IF EXISTS attempts;
DROP TABLE IF EXISTS items;
DROP TABLE IF EXISTS assessments;
DROP TABLE IF EXISTS chapters;
DROP TABLE IF EXISTS enrollments;
DROP TABLE IF EXISTS classes;
DROP TABLE IF EXISTS courses;
DROP TABLE IF EXISTS users;
DROP TABLE IF EXISTS schools;
"""


def upgrade() -> None:
    """Apply UP."""
    run(UP)


def downgrade() -> None:
    """Apply DOWN."""
    run(DOWN)

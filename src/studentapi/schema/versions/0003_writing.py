"""What writing takes: idempotency keys, the feed of changes, the service's own keys, and indexes for lists.

No release wrote into idempotency_keys and changes before this one, so they are made anew.
"""

from studentapi.schema.statements import add_indexes, drop_indexes, run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ENGINE = "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"

UP = f"""
DROP TABLE IF EXISTS idempotency_keys;

-- The answer that was given under a client's key, written in the transaction of its effect. It is the marker of
-- that transaction as well (studentapi.mysql.settlement): id and outcome are as in commit_markers.
-- key_hash: SHA-256 of the token's id and the key; NULL where a lost COMMIT was found to be undone.
CREATE TABLE idempotency_keys (
    id BINARY(16) NOT NULL PRIMARY KEY,
    outcome ENUM('committed', 'undone') NOT NULL,
    key_hash BINARY(32) NULL,
    request_hash BINARY(32) NULL,
    status SMALLINT UNSIGNED NULL,
    headers JSON NULL,
    answer MEDIUMBLOB NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    UNIQUE KEY idempotency_keys_key (key_hash),
    KEY idempotency_keys_by_age (created_at)
) {_ENGINE};

DROP TABLE IF EXISTS changes;

-- Audit and delta feed: who changed what, from what, to what. position: its place in the feed, given to it once
-- it is committed (studentapi.gradebook.feed); NULL until somebody asks. token: the public id of the writer's.
CREATE TABLE changes (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    position BIGINT UNSIGNED NULL,
    occurred_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    request_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL,
    resource VARCHAR(32) NOT NULL,
    resource_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    action ENUM('create', 'update', 'delete', 'restore') NOT NULL,
    row_before JSON NULL,
    row_after JSON NULL,
    UNIQUE KEY changes_position (position),
    KEY changes_of_kind (resource, position),
    KEY changes_of_resource (resource, resource_id, position)
) {_ENGINE};

-- One row: the last position that was given, and the last one whose change is deleted (0: none is).
CREATE TABLE IF NOT EXISTS change_feed (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    position BIGINT UNSIGNED NOT NULL,
    pruned BIGINT UNSIGNED NOT NULL DEFAULT 0
) {_ENGINE};

INSERT IGNORE INTO change_feed (id, position) VALUES (1, 0);

-- Random keys that all instances of the service share, such as that which signs cursors.
CREATE TABLE IF NOT EXISTS service_keys (
    name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    value BINARY(32) NOT NULL
) {_ENGINE}
"""

LISTS = {
    "schools": ("name",),
    "users": ("school_id", "name"),
    "courses": ("school_id", "title"),
    "classes": ("course_id", "title", "starts_on"),
    "chapters": ("course_id", "position", "title"),
    "enrollments": ("class_id", "user_id"),
    "assessments": ("class_id", "chapter_id", "title", "due_at"),
    "items": ("assessment_id", "position"),
    "attempts": ("assessment_id", "student_id", "submitted_at"),
}
"""By table, what lists are narrowed by or sorted by."""
REPLACED = {
    "users": ("users_by_school", "school_id, public_id"),
    "courses": ("courses_by_school", "school_id, public_id"),
    "classes": ("classes_by_course", "course_id, public_id"),
}
"""Indexes of 0001 that have the same columns as one of these."""

DOWN = """
DROP TABLE IF EXISTS service_keys;
DROP TABLE IF EXISTS change_feed;
DROP TABLE IF EXISTS changes;
DROP TABLE IF EXISTS idempotency_keys;

CREATE TABLE idempotency_keys (
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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE TABLE changes (
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
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
"""


def upgrade() -> None:
    """Apply UP, and give every table its lists' indexes."""
    run(UP)
    for table, columns in LISTS.items():
        wanted = (*columns, "updated_at")
        add_indexes(table, {f"{table}_list_{column}": f"{column}, public_id" for column in wanted})
    for table, (name, _) in REPLACED.items():
        drop_indexes(table, (name,))


def downgrade() -> None:
    """Apply DOWN, and take the indexes away."""
    for table, (name, replaced) in REPLACED.items():
        add_indexes(table, {name: replaced})
    for table, columns in LISTS.items():
        drop_indexes(table, [f"{table}_list_{column}" for column in (*columns, "updated_at")])
    run(DOWN)

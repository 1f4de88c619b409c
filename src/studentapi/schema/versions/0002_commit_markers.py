"""The markers by which a lost reply to COMMIT is settled; see `studentapi.mysql.settlement`."""

from studentapi.schema.statements import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

UP = """
CREATE TABLE IF NOT EXISTS commit_markers (
    id BINARY(16) NOT NULL PRIMARY KEY,
    outcome ENUM('committed', 'undone') NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    KEY commit_markers_by_age (created_at)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci
"""

DOWN = """
DROP TABLE IF EXISTS commit_markers
"""


def upgrade() -> None:
    """Apply UP."""
    run(UP)


def downgrade() -> None:
    """Apply DOWN."""
    run(DOWN)

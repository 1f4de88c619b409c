"""${message}"""

from studentapi.schema.statements import run

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None

UP = """
"""

DOWN = """
"""


def upgrade() -> None:
    """Apply UP."""
    run(UP)


def downgrade() -> None:
    """Apply DOWN."""
    run(DOWN)

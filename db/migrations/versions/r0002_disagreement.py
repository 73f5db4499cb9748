"""Proposals say how far other methods disagree with them; those made before do not know.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("proposal", sa.Column("disagreement", sa.LargeBinary()))


def downgrade() -> None:
    raise NotImplementedError("projects are not taken back; the copy in backups/ is")

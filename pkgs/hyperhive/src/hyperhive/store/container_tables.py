"""The third step of the schema. It has landed: never edited."""

from sqlite_utils import Database


def containers(db: Database) -> None:
    """Containers: what the operator wants of them, what they are, and how they ended."""
    for column in (
        "wanted TEXT",
        "wanted_reason TEXT NOT NULL DEFAULT ''",
        "container TEXT",
        "container_reason TEXT NOT NULL DEFAULT ''",
        "container_since REAL",
        "container_at REAL",
        "container_invocation TEXT",
        "container_crash TEXT",
        "crashes TEXT NOT NULL DEFAULT '[]'",
        "crash_notice INTEGER",
        "lost_at REAL",
        "lost_turn INTEGER",
    ):
        db.execute(f"ALTER TABLE agents ADD COLUMN {column}")

"""The fourth step of the schema. It has landed: never edited."""

from sqlite_utils import Database


def approvals(db: Database) -> None:
    """Approvals; what of them agents run with; who wanted what of a container."""
    db.execute(
        """
        CREATE TABLE approvals (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('apply_commit', 'spawn', 'allow_rule')),
            agent TEXT NOT NULL,
            sha TEXT NOT NULL,
            description TEXT NOT NULL,
            files TEXT NOT NULL,
            objects TEXT NOT NULL,
            extra_nix INTEGER NOT NULL,
            submitted_by TEXT NOT NULL,
            created_at REAL NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved',
                'building', 'deployed', 'failed', 'denied', 'cancelled', 'superseded')),
            decided_at REAL,
            decided_by TEXT,
            reason TEXT NOT NULL DEFAULT '',
            began_at REAL,
            finished_at REAL,
            error TEXT NOT NULL DEFAULT '',
            log TEXT NOT NULL DEFAULT '[]',
            supersedes INTEGER,
            superseded_by INTEGER,
            tagged INTEGER NOT NULL DEFAULT 0
        )
        """
    )
    db.execute("CREATE INDEX approvals_agent ON approvals (agent, id)")
    db.execute(
        "CREATE INDEX approvals_open ON approvals (id)"
        " WHERE state IN ('pending', 'approved', 'building')"
    )
    db.execute("CREATE UNIQUE INDEX approvals_pending ON approvals (agent) WHERE state = 'pending'")
    db.execute("CREATE INDEX approvals_untagged ON approvals (id) WHERE tagged = 0")
    for column in (
        "approved TEXT",
        "approved_id INTEGER",
        "spawned TEXT",
        "harness_settings TEXT",
        "wanted_by TEXT",
    ):
        db.execute(f"ALTER TABLE agents ADD COLUMN {column}")
    db.execute("UPDATE agents SET wanted_by = 'operator' WHERE wanted IS NOT NULL")

"""The second step of the schema. It has landed: never edited."""

from sqlite_utils import Database


def turn_loop(db: Database) -> None:
    """Naps, questions, reminders, compaction, run-time models, cancelled turns."""
    for column in (
        "nap_since REAL",
        "nap_until REAL",
        "nap_reason TEXT NOT NULL DEFAULT ''",
        "compacting INTEGER NOT NULL DEFAULT 0",
        "compaction TEXT",
        "compaction_reason TEXT NOT NULL DEFAULT ''",
        "compacted_for INTEGER",
        "notes_due TEXT",
        "notes_bytes INTEGER",
        "notes_tried INTEGER NOT NULL DEFAULT 0",
        "new_session INTEGER NOT NULL DEFAULT 0",
        "weighed_session TEXT",
        "context_tokens INTEGER",
        "context_window INTEGER",
        "model TEXT NOT NULL DEFAULT ''",
        "model_layer TEXT NOT NULL DEFAULT ''",
        "model_declared TEXT NOT NULL DEFAULT ''",
        "model_declared_layer TEXT NOT NULL DEFAULT ''",
        "model_override TEXT",
        "model_active TEXT",
        "model_switched_at REAL",
        "model_switched_by TEXT",
        "guard_since REAL NOT NULL DEFAULT 0",
    ):
        db.execute(f"ALTER TABLE agents ADD COLUMN {column}")
    _messages_with_kinds(db)
    _turns_with_kinds(db)
    db.execute("ALTER TABLE events RENAME COLUMN at TO ts")
    db.execute("ALTER TABLE events RENAME COLUMN data TO payload_json")
    for index in (
        "events_stream ON events (agent, id) WHERE seq IS NOT NULL",
        "events_stream_age ON events (ts) WHERE seq IS NOT NULL",
        "events_age ON events (ts) WHERE seq IS NULL",
    ):
        db.execute(f"CREATE INDEX {index}")
    db.execute(
        """
        CREATE TABLE questions (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            asker TEXT NOT NULL,
            recipient TEXT NOT NULL,
            question TEXT NOT NULL,
            options TEXT NOT NULL DEFAULT '[]',
            multi INTEGER NOT NULL DEFAULT 0,
            created_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            state TEXT NOT NULL DEFAULT 'open'
                CHECK (state IN ('open', 'answered', 'expired', 'cancelled')),
            answer TEXT NOT NULL DEFAULT '[]',
            closed_by TEXT,
            closed_at REAL,
            waiting_turn INTEGER,
            taken INTEGER NOT NULL DEFAULT 0,
            told INTEGER
        )
        """
    )
    db.execute("CREATE INDEX questions_open ON questions (expires_at) WHERE state = 'open'")
    db.execute("CREATE INDEX questions_asked ON questions (asker, id) WHERE state = 'open'")
    db.execute("CREATE INDEX questions_put ON questions (recipient, id) WHERE state = 'open'")
    db.execute(
        "CREATE INDEX questions_waiting ON questions (waiting_turn) WHERE waiting_turn IS NOT NULL"
    )
    db.execute(
        """
        CREATE TABLE reminders (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            agent TEXT NOT NULL,
            body TEXT NOT NULL,
            created_at REAL NOT NULL,
            due_at REAL NOT NULL,
            next_at REAL NOT NULL,
            state TEXT NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'sent', 'parked', 'dropped')),
            attempts INTEGER NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            message INTEGER
        )
        """
    )
    db.execute("CREATE INDEX reminders_agent ON reminders (agent, id)")
    db.execute("CREATE INDEX reminders_due ON reminders (next_at) WHERE state = 'pending'")
    db.execute(
        "CREATE INDEX reminders_pending ON reminders (agent, next_at, id) WHERE state = 'pending'"
    )
    db.execute("CREATE INDEX reminders_parked ON reminders (message) WHERE state = 'parked'")


def _messages_with_kinds(db: Database) -> None:
    db.execute("ALTER TABLE messages RENAME TO messages_before")
    db.execute(
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            sender TEXT NOT NULL,
            recipient TEXT NOT NULL,
            body TEXT NOT NULL,
            in_reply_to INTEGER,
            idempotency_key TEXT,
            created_at REAL NOT NULL,
            state TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'leased', 'acked', 'dead', 'dropped')),
            deliveries INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            turn INTEGER,
            settled_at REAL,
            kind TEXT NOT NULL DEFAULT 'message',
            about INTEGER,
            note TEXT NOT NULL DEFAULT ''
        )
        """
    )
    kept = (
        "id, sender, recipient, body, in_reply_to, idempotency_key, created_at, state, deliveries,"
        " attempts, turn, settled_at"
    )
    db.execute(f"INSERT INTO messages ({kept}) SELECT {kept} FROM messages_before")
    _keep_counting(db, "messages")
    db.execute("DROP TABLE messages_before")
    # Where several indexes would do, SQLite takes the newest: so those that hold all of the history
    # come first, and those that hold little of it last.
    for index in (
        "INDEX messages_from ON messages (sender, id)",
        "INDEX messages_to ON messages (recipient, id)",
        "INDEX messages_between ON messages (sender, recipient, id)"
        " WHERE sender <> 'operator' AND recipient <> 'operator'",
        "UNIQUE INDEX messages_key ON messages (sender, idempotency_key)"
        " WHERE idempotency_key IS NOT NULL",
        "INDEX messages_settled ON messages (settled_at) WHERE state IN ('acked', 'dropped')",
        "INDEX messages_dead ON messages (id) WHERE state = 'dead'",
        "INDEX messages_leased ON messages (turn) WHERE state = 'leased'",
        "INDEX messages_queued ON messages (recipient, id) WHERE state = 'queued'",
    ):
        db.execute(f"CREATE {index}")


def _turns_with_kinds(db: Database) -> None:
    """`message` may be missing now; SQLite cannot say so of a column that is there."""
    db.execute("ALTER TABLE turns RENAME TO turns_before")
    db.execute(
        """
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            agent TEXT NOT NULL,
            kind TEXT NOT NULL DEFAULT 'message',
            message INTEGER,
            model TEXT NOT NULL,
            session TEXT NOT NULL,
            resumed INTEGER NOT NULL,
            queued_at REAL NOT NULL,
            started_at REAL NOT NULL,
            executed_at REAL,
            cut INTEGER NOT NULL DEFAULT 0,
            cancel TEXT,
            cancel_reason TEXT NOT NULL DEFAULT '',
            ended_at REAL,
            outcome TEXT,
            detail TEXT NOT NULL DEFAULT '',
            exit_code INTEGER,
            steps INTEGER,
            duration_ms INTEGER,
            claude_version TEXT,
            session_cost_usd REAL,
            input_tokens INTEGER,
            output_tokens INTEGER,
            cache_read_tokens INTEGER,
            cache_creation_tokens INTEGER,
            context_tokens INTEGER,
            context_window INTEGER,
            denials TEXT NOT NULL DEFAULT '[]',
            mcp_failed TEXT NOT NULL DEFAULT '[]'
        )
        """
    )
    kept = (
        "id, agent, message, model, session, resumed, queued_at, started_at, executed_at, cut,"
        " ended_at, outcome, detail, exit_code, steps, duration_ms, claude_version,"
        " session_cost_usd, input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens,"
        " context_tokens, context_window, denials, mcp_failed"
    )
    db.execute(f"INSERT INTO turns ({kept}) SELECT {kept} FROM turns_before")
    _keep_counting(db, "turns")
    db.execute("DROP TABLE turns_before")
    db.execute("CREATE INDEX turns_agent ON turns (agent, id)")
    db.execute("CREATE INDEX turns_ended ON turns (ended_at) WHERE ended_at IS NOT NULL")
    db.execute("CREATE UNIQUE INDEX turns_running ON turns (agent) WHERE outcome IS NULL")


def _keep_counting(db: Database, table: str) -> None:
    """Goes on where the ids of the table before have ended: one that was removed is not used
    again."""
    db.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table])
    db.execute(
        "INSERT INTO sqlite_sequence (name, seq) SELECT ?, seq FROM sqlite_sequence WHERE name = ?",
        [table, f"{table}_before"],
    )

"""The first step of the schema. It has landed: never edited."""

from sqlite_utils import Database


def first_tables(db: Database) -> None:
    """Agents, messages, turns, events."""
    db.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
    db.execute(
        """
        CREATE TABLE agents (
            name TEXT PRIMARY KEY,
            declared INTEGER NOT NULL DEFAULT 1,
            link TEXT NOT NULL DEFAULT 'offline',
            link_reason TEXT NOT NULL DEFAULT '',
            paused INTEGER NOT NULL DEFAULT 0,
            pause_reason TEXT NOT NULL DEFAULT '',
            hold TEXT,
            hold_reason TEXT NOT NULL DEFAULT '',
            hold_until REAL,
            turn INTEGER,
            failures INTEGER NOT NULL DEFAULT 0,
            session TEXT,
            status TEXT NOT NULL DEFAULT '',
            status_at REAL,
            harness TEXT,
            claude TEXT,
            last_turn_at REAL,
            state TEXT NOT NULL DEFAULT 'offline',
            reason TEXT NOT NULL DEFAULT '',
            until REAL,
            since REAL NOT NULL
        ) WITHOUT ROWID
        """
    )
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
                CHECK (state IN ('queued', 'leased', 'acked', 'dead')),
            deliveries INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0,
            turn INTEGER,
            settled_at REAL
        )
        """
    )
    db.execute(
        "CREATE INDEX messages_queued ON messages (recipient, id) WHERE state = 'queued'",
    )
    db.execute("CREATE INDEX messages_leased ON messages (turn) WHERE state = 'leased'")
    db.execute("CREATE INDEX messages_to ON messages (recipient, id)")
    db.execute("CREATE INDEX messages_from ON messages (sender, id)")
    db.execute(
        "CREATE UNIQUE INDEX messages_key ON messages (sender, idempotency_key)"
        " WHERE idempotency_key IS NOT NULL"
    )
    db.execute(
        """
        CREATE TABLE turns (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            agent TEXT NOT NULL,
            message INTEGER NOT NULL,
            model TEXT NOT NULL,
            session TEXT NOT NULL,
            resumed INTEGER NOT NULL,
            queued_at REAL NOT NULL,
            started_at REAL NOT NULL,
            executed_at REAL,
            cut INTEGER NOT NULL DEFAULT 0,
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
    db.execute("CREATE INDEX turns_agent ON turns (agent, id)")
    db.execute("CREATE UNIQUE INDEX turns_running ON turns (agent) WHERE outcome IS NULL")
    db.execute(
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            agent TEXT,
            turn INTEGER,
            seq INTEGER,
            kind TEXT NOT NULL,
            data TEXT NOT NULL
        )
        """
    )
    db.execute("CREATE INDEX events_agent ON events (agent, id)")
    db.execute("CREATE UNIQUE INDEX events_turn ON events (turn, seq) WHERE seq IS NOT NULL")

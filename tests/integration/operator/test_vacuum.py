"""History that is older than the hive keeps it goes when the operator says so."""

from pathlib import Path
from typing import Any

from hyperhive.store.messages import NewMessage, send
from hyperhive.store.transaction import Transaction
from tests.integration.operator.serving import Operator, with_operator

OLD = 40 * 86400.0
"""Seconds after which an acknowledged message is not kept: the default is 30 days."""


def add_messages(tx: Transaction, number: int, *, now: float) -> None:
    """Messages to the operator that were read long ago."""
    for text in range(number):
        id = send(tx, NewMessage("alice", "operator", str(text)), now=now)
        tx.connection.execute(
            "UPDATE messages SET state = 'acked', settled_at = ? WHERE id = ?", (now, id)
        )


def test_old_history_is_counted_then_removed(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        await core.store.write(add_messages, 3, now=core.clock() - OLD)
        await operator.ask("POST", "messages", {"to": "alice", "body": "new"}, status=201)
        expected: dict[str, Any] = {"messages": 3, "events": 0, "stream_events": 0, "turns": 0}
        counted = await operator.ask("POST", "vacuum", {"dry_run": True})
        assert counted == {"dry_run": True, "removed": expected}
        assert await operator.run("vacuum", "--dry-run") == "would be removed: 3 messages\n"
        assert len(await operator.ask("GET", "messages")) == 4
        assert await operator.run("vacuum") == "removed: 3 messages\n"
        assert [row["body"] for row in await operator.ask("GET", "messages")] == ["new"]
        assert await operator.run("vacuum") == "removed: nothing\n"
        await operator.refused("POST", "vacuum", {"everything": True}, status=422)

    with_operator(tmp_path, body)

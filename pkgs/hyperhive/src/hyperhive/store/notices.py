"""What the hive tells an agent or the operator of itself: a JSON object from `system`."""

import itertools
import json
from collections.abc import Sequence
from typing import Any, Final

from hyperhive.store import messages
from hyperhive.store.messages import SYSTEM, MessageKind, NewMessage
from hyperhive.store.transaction import Transaction

LINES_BYTES: Final = 16_384
"""Most bytes of lines of a log that a notice carries, the newest ones."""


def tell(tx: Transaction, reader: str, event: str, data: dict[str, Any], *, now: float) -> int:
    """Queues a notice and returns the message's id.

    Args:
        reader: an agent's name, or `operator`.
        event: what happened, as readers tell notices apart.
        data: what belongs to it; `agent` is whom it happened to.
    """
    body = json.dumps({"event": event, "at": now, **data}, ensure_ascii=False)
    # What is told may hold lone surrogates, which SQLite does not store.
    plain = body.encode("utf-8", "replace").decode()
    return messages.send(tx, NewMessage(SYSTEM, reader, plain, kind=MessageKind.NOTICE), now=now)


def newest(lines: Sequence[str]) -> list[str]:
    """The newest lines that fit into `LINES_BYTES`, oldest first; of one that is too long alone
    its beginning."""
    sizes = itertools.accumulate(len(json.dumps(line)) for line in reversed(lines))
    fitting = sum(size <= LINES_BYTES for size in sizes)
    if lines and not fitting:
        return [lines[-1][: LINES_BYTES // 12] + "…"]
    return list(lines[len(lines) - fitting :])

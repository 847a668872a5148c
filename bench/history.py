"""A million messages of history: what they cost those who send now, and their removal."""

import asyncio
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

from bench.long_history import AGENTS, END, make_history
from bench.measure import Measured, median, percentile
from hyperhive.broker.housekeeping import Housekeeping
from hyperhive.hive.tables import Retention
from hyperhive.store import messages
from hyperhive.store.database import Store, open_store
from hyperhive.store.messages import MessageState, NewMessage
from hyperhive.store.retention import Rules
from hyperhive.store.transaction import Transaction

MESSAGES: Final = 1_000_000
ROUNDS: Final = 9
LAPS: Final = 1000
"""Sends, takes and acknowledgements in a round."""

CLIENTS: Final = 4
PAUSE: Final = 0.005
"""Seconds between two sends of a client while rows are removed."""

HOUR: Final = 3600.0

TURN: Final = 1_000_000_000
BODY: Final = "x" * 200


def long_history() -> list[Measured]:
    """Send and recv beside an empty store, lap by lap; then sends while half of it is removed."""
    with tempfile.TemporaryDirectory() as directory:
        full, empty = Path(directory) / "full.sqlite", Path(directory) / "empty.sqlite"
        make_history(full, MESSAGES)
        make_history(empty, 0)
        return asyncio.run(_measure(full, empty))


async def _measure(full: Path, empty: Path) -> list[Measured]:
    stores = {"full": open_store(full, hive="bench"), "empty": open_store(empty, hive="bench")}
    try:
        p99s: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _ in range(ROUNDS):
            for what, taken in (await _round(stores)).items():
                p99s[what].append(percentile(taken, 0.99))
        found = [_compared(doing, p99s) for doing in ("send", "recv")]
        return [*found, *await _removal(stores["full"])]
    finally:
        for store in stores.values():
            await store.close()


def _compared(doing: str, p99s: dict[tuple[str, str], list[float]]) -> Measured:
    full, empty = p99s["full", doing], p99s["empty", doing]
    ratio = median([one / other for one, other in zip(full, empty, strict=True)])
    return Measured(
        f"{doing} p99 with {MESSAGES:,} messages of history",
        "as with none, within 20 %",
        f"{1e3 * median(full):.2f} ms = {ratio:.2f} × {1e3 * median(empty):.2f} ms",
        ratio <= 1.2,
        f"{ROUNDS} rounds of {LAPS}, one after the other, durable, the store alone",
    )


async def _round(stores: dict[str, Store]) -> dict[tuple[str, str], list[float]]:
    taken: dict[tuple[str, str], list[float]] = defaultdict(list)
    for lap in range(LAPS):
        # What the machine does besides hits both alike, if each is first every other time.
        for which in sorted(stores, reverse=lap % 2 == 0):
            store, sender, recipient = (
                stores[which],
                f"a{lap % AGENTS}",
                f"a{(lap * 7 + 1) % AGENTS}",
            )
            message = NewMessage(sender, recipient, BODY)
            sending = store.write(messages.send, message, now=END)
            taken[which, "send"].append(await _timed(sending))
            taken[which, "recv"].append(await _timed(store.write(_take, recipient)))
            await store.write(messages.settle_turn, TURN, MessageState.ACKED, now=END)
    return taken


def _take(tx: Transaction, recipient: str) -> None:
    if len(messages.lease(tx, recipient, TURN, 8)) != 1 or messages.unread(tx, recipient):
        raise SystemExit("what was sent is not what was taken")


async def _timed(doing: Awaitable[Any]) -> float:
    began = time.perf_counter()
    await doing
    return time.perf_counter() - began


async def _removal(store: Store) -> list[Measured]:
    taken: list[float] = []
    removed = asyncio.Event()
    housekeeping = Housekeeping(store, Rules.declared(Retention()), lambda: END + HOUR)

    async def send_on(client: int) -> None:
        while not removed.is_set():
            message = NewMessage("operator", f"a{client}", BODY)
            taken.append(await _timed(store.write(messages.send, message, now=END)))
            await asyncio.sleep(PAUSE)

    async with asyncio.TaskGroup() as sending:
        for client in range(CLIENTS):
            sending.create_task(send_on(client))
        began = time.perf_counter()
        rows = sum((await housekeeping.vacuum()).values())
        seconds = time.perf_counter() - began
        removed.set()
    p99 = 1e3 * percentile(taken, 0.99)
    return [
        Measured(
            f"send p99 while {rows:,} rows of history are removed",
            "50 ms",
            f"{p99:.1f} ms, the longest {1e3 * max(taken):.0f} ms",
            p99 < 50 and rows >= MESSAGES / 2,
            f"{CLIENTS} clients that sent {len(taken):,} messages meanwhile; it took"
            f" {seconds:.0f} s",
        )
    ]

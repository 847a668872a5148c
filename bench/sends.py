"""Sending: how long until the scheduler knows, and how many a second."""

import asyncio
import os
import sqlite3
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.hive import Line, broker_process, harness, hive_of, tools
from bench.measure import Measured, median, percentile
from hyperhive.broker.daemon import running_broker
from hyperhive.broker.peers import one_user
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.client import connect
from hyperhive.operator.models import NewMessage as Post
from hyperhive.store import messages
from hyperhive.store.database import Committed, open_store
from hyperhive.store.messages import NewMessage

BODY: Final = "x" * 200
LATENCIES: Final = 2000
CLIENTS: Final = 32
SENDS: Final = 150
"""By each client."""
ROUNDS: Final = 3


def latency() -> list[Measured]:
    """From the call of send to the scheduler's wake-up, on disk in between."""
    with tempfile.TemporaryDirectory() as directory:
        taken = asyncio.run(_latencies(Path(directory)))
    p50, p99 = 1e3 * percentile(taken, 0.5), 1e3 * percentile(taken, 0.99)
    return [
        Measured(
            "send → the scheduler has it, p50 / p99",
            "2 ms / 10 ms",
            f"{p50:.2f} ms / {p99:.2f} ms",
            p50 <= 2 and p99 <= 10,
            f"{LATENCIES} sends, one after the other, durable",
        )
    ]


async def _latencies(directory: Path) -> list[float]:
    hive = hive_of(1)
    taken = []
    async with running_broker(
        hive, StatePaths.local(directory), one_user(os.getuid()), time.time
    ) as core:
        known = asyncio.Event()

        def listen(commit: Committed) -> None:
            if "a0" in commit.woken:
                known.set()

        core.store.on_commit(listen)
        for _ in range(LATENCIES):
            known.clear()
            began = time.perf_counter()
            sending = asyncio.create_task(
                core.store.write(messages.send, NewMessage("operator", "a0", BODY), now=0.0)
            )
            await known.wait()
            taken.append(time.perf_counter() - began)
            await sending
    return taken


def throughput() -> list[Measured]:
    """Durable sends of 32 clients over their sockets, against a loop that commits each row."""
    ours, naive, store = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            naive.append(_naive(Path(directory) / "naive.sqlite"))
            state = Path(directory) / "state"
            hive = hive_of(CLIENTS)
            with broker_process(hive, state):
                ours.append(asyncio.run(_sends(StatePaths.local(state))))
            store.append(asyncio.run(_store_alone(Path(directory) / "store.sqlite")))
    ratio = median([our / loop for our, loop in zip(ours, naive, strict=True)])
    return [
        Measured(
            f"durable sends a second, {CLIENTS} clients over mcp.sock",
            "3 × the naive loop",
            f"{median(ours):.0f} = {ratio:.1f} × {median(naive):.0f}",
            ratio >= 3,
            "naive: one process, one commit a row, synchronous=FULL; on a disk whose commits take"
            f" {1e3 / median(naive):.2f} ms the MCP SDK's work for a call is what limits",
        ),
        Measured(
            f"the same without sockets: {CLIENTS} tasks, the store alone",
            "none",
            f"{median(store):.0f}",
            True,
            "what sharing commits gives",
        ),
    ]


async def _store_alone(path: Path) -> float:
    store = open_store(path, hive="bench")

    async def send_many() -> None:
        for _ in range(SENDS):
            await store.write(messages.send, NewMessage("operator", "a0", BODY), now=0.0)

    began = time.perf_counter()
    await asyncio.gather(*(send_many() for _ in range(CLIENTS)))
    rate = CLIENTS * SENDS / (time.perf_counter() - began)
    await store.close()
    return rate


def _naive(path: Path, seconds: float = 2.0) -> float:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, a TEXT, b TEXT, body TEXT, at REAL)")
    began, rows = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        database.execute(
            "INSERT INTO m (a, b, body, at) VALUES ('a', 'b', ?, ?)", (BODY, time.time())
        )
        rows += 1
    elapsed = time.perf_counter() - began
    database.close()
    return rows / elapsed


async def _sends(paths: StatePaths) -> float:
    async with AsyncExitStack() as stack:
        names = [f"a{n}" for n in range(CLIENTS)]
        harnesses = [await stack.enter_async_context(harness(paths, name)) for name in names]
        await asyncio.to_thread(_wake, paths, names)
        for line in harnesses:
            await line.asked()
        clients = [await stack.enter_async_context(tools(paths, name)) for name in names]
        began = time.perf_counter()
        await asyncio.gather(*map(_send_many, clients))
        return CLIENTS * SENDS / (time.perf_counter() - began)


def _wake(paths: StatePaths, names: list[str]) -> None:
    with connect(paths.operator_socket) as operator:
        for name in names:
            operator.send(Post(to=name, body="go"))


async def _send_many(client: Line) -> None:
    arguments = {"to": "operator", "body": BODY}
    for _ in range(SENDS):
        await client.call("tools/call", {"name": "send", "arguments": arguments})

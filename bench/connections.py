"""A broker with a thousand connected harnesses."""

import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench.hive import broker_process, harness, hive_of
from bench.measure import Measured, percentile, resident_megabytes
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.client import connect
from hyperhive.operator.models import NewMessage

HARNESSES: Final = 1000
SENDS: Final = 1000


def thousand_harnesses() -> list[Measured]:
    """Memory, and what a send costs, with one harness and with a thousand."""
    with tempfile.TemporaryDirectory() as directory:
        state = Path(directory)
        with broker_process(hive_of(HARNESSES), state) as pid:
            return asyncio.run(_measure(StatePaths.local(state), pid))


async def _measure(paths: StatePaths, pid: int) -> list[Measured]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(harness(paths, "a1"))
        alone = await asyncio.to_thread(_p99, paths)
        for n in range(2, HARNESSES):
            await stack.enter_async_context(harness(paths, f"a{n}"))
        crowded = await asyncio.to_thread(_p99, paths)
        memory = resident_megabytes(pid)
    return [
        Measured(
            f"broker with {HARNESSES} harnesses: resident memory",
            "300 MB",
            f"{memory:.0f} MB",
            memory <= 300,
        ),
        Measured(
            f"broker with {HARNESSES} harnesses: send p99 over HTTP",
            "as with one (within 20 %, or 2 ms)",
            f"{1e3 * crowded:.1f} ms, with one {1e3 * alone:.1f} ms",
            crowded <= max(1.2 * alone, alone + 0.002),
            f"{SENDS} sends each",
        ),
    ]


def _p99(paths: StatePaths) -> float:
    """To an agent without a harness, so that only the send is measured."""
    taken = []
    with connect(paths.operator_socket) as operator:
        for _ in range(SENDS):
            began = time.perf_counter()
            operator.send(NewMessage(to="a0", body="x" * 200))
            taken.append(time.perf_counter() - began)
    return percentile(taken, 0.99)

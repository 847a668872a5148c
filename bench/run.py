"""`make bench`: measures the budgets, and writes bench/RESULTS.md with the machine they hold for.

Each measurement is a function of its own in `bench/`; what is compared is measured side by side in
one run, because machines are noisy.
"""

import os
import platform
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import connections, history, idle, rendering, sends, turns
from bench.measure import Measured

RESULTS: Final = Path(__file__).with_name("RESULTS.md")

MEASUREMENTS: Final[tuple[Callable[[], list[Measured]], ...]] = (
    sends.latency,
    sends.throughput,
    turns.own_share,
    turns.bridge_start,
    idle.harness_memory,
    connections.thousand_harnesses,
    rendering.thousand_agents,
    history.long_history,
)


def main() -> int:
    """Measures everything; 1 if a budget is missed."""
    found = []
    for measurement in MEASUREMENTS:
        for measured in measurement():
            print(measured.line(), flush=True)
            found.append(measured)
    RESULTS.write_text(_page(found))
    return 0 if all(measured.kept for measured in found) else 1


def _page(found: list[Measured]) -> str:
    rows = "\n".join(
        f"| {m.what} | {m.budget} | {m.value} | {'yes' if m.kept else '**no**'} | {m.note} |"
        for m in found
    )
    return f"""# Results of `make bench`

{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Linux {platform.release()},
Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}. Medians unless said; what is
compared was measured side by side in one run.

| what | budget | measured | kept | how |
| --- | --- | --- | --- | --- |
{rows}
"""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())

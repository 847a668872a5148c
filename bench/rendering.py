"""Rendering a thousand agents."""

import tempfile
import time
from pathlib import Path
from typing import Final

from bench.hive import hive_of
from bench.measure import Measured
from hyperhive.render.agent import Host
from hyperhive.render.compare import Extent
from hyperhive.render.tree import render_hive
from hyperhive.render.write import write_tree

AGENTS: Final = 1000


def thousand_agents() -> list[Measured]:
    """From the models to the files on disk, the first time and again."""
    hive = hive_of(AGENTS)
    taken = []
    with tempfile.TemporaryDirectory() as directory:
        for _ in range(2):
            began = time.perf_counter()
            write_tree(render_hive(hive, Host.default()), Path(directory) / "out", Extent.WHOLE)
            taken.append(time.perf_counter() - began)
    return [
        Measured(
            f"render {AGENTS} agents",
            "2 s",
            f"{taken[0]:.2f} s, unchanged again {taken[1]:.2f} s",
            taken[0] <= 2,
            "models to files on disk",
        )
    ]

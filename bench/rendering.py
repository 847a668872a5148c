"""Rendering a thousand agents."""

import tempfile
import time
from pathlib import Path
from typing import Final

from bench.hive import hive_of
from bench.measure import Measured
from hyperhive.hive.models import HiveConfig
from hyperhive.render.agent import Host
from hyperhive.render.compare import Extent
from hyperhive.render.tree import render_hive
from hyperhive.render.write import write_tree

AGENTS: Final = 1000


MEMORY: Final = Path("/dev/shm")
"""A file system without a disk: what is left is hyperhive's own cost."""


def thousand_agents() -> list[Measured]:
    """From the models to files in memory and on disk, there beside as many bare files."""
    hive = hive_of(AGENTS)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY) as memory,
        tempfile.TemporaryDirectory() as disk,
    ):
        first = _render(hive, Path(memory) / "out")
        again = _render(hive, Path(memory) / "out")
        on_disk = _render(hive, Path(disk) / "out")
        bare = _bare_files(Path(disk))
    return [
        Measured(
            f"render {AGENTS} agents",
            "2 s",
            f"{first:.2f} s, unchanged again {again:.2f} s",
            first <= 2,
            f"to /dev/shm; to the disk {on_disk:.2f} s, where {4 * AGENTS} bare files took"
            f" {bare:.2f} s",
        )
    ]


def _render(hive: HiveConfig, out: Path) -> float:
    began = time.perf_counter()
    write_tree(render_hive(hive, Host.default()), out, Extent.WHOLE)
    return time.perf_counter() - began


def _bare_files(directory: Path) -> float:
    began = time.perf_counter()
    for number in range(4 * AGENTS):
        (directory / str(number)).write_bytes(b"x" * 1500)
    return time.perf_counter() - began

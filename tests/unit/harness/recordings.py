"""Recordings of the real claude CLI (2.1.330 against a scripted API): tests/data/claude."""

import json
from pathlib import Path
from typing import Final

from hyperhive.harness.verdict import Ending

DIRECTORY: Final = Path(__file__).parents[2] / "data" / "claude"


def names() -> list[str]:
    """The recorded cases."""
    return sorted(path.stem for path in DIRECTORY.glob("*.jsonl"))


def output(name: str) -> bytes:
    """What claude printed."""
    return (DIRECTORY / f"{name}.jsonl").read_bytes()


def ending(name: str) -> Ending:
    """How claude ended."""
    meta = json.loads((DIRECTORY / f"{name}.meta.json").read_text())
    return Ending(exit_code=meta["exit_code"], stderr=meta["stderr"])

"""Recordings of the real claude CLI (2.1.330, or the version that the name ends with) against a
scripted API: tests/data/claude."""

import json
from pathlib import Path
from typing import Final

from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending
from hyperhive.wire.harness import Outcome, TurnEvent, TurnEventKind, TurnKind

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


def play(
    name: str, ended: Ending | None = None, kind: TurnKind = TurnKind.MESSAGE
) -> tuple[list[TurnEvent], Outcome]:
    """Play a recording, byte by byte in pieces of 4096."""
    stream = TurnStream(100.0, kind)
    data = output(name)
    events = []
    for start in range(0, len(data), 4096):
        events += stream.feed(data[start : start + 4096], now=101.0)
    last, outcome = stream.finish(ended or ending(name), now=102.5)
    return events + last, outcome


def told(events: list[TurnEvent], kind: TurnEventKind) -> list[TurnEvent]:
    """The events of one kind."""
    return [event for event in events if event.kind is kind]

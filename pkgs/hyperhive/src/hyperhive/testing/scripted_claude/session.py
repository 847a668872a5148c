"""Sessions in claude's configuration directory, so that a later process can resume one."""

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

_TOTALS: Final = "scripted-totals"


class SessionError(Exception):
    """The session asked for cannot be used; the text is the CLI's own."""


class UnknownSession(SessionError):
    """There is no such session to resume."""


@dataclass
class Tokens:
    """What was used, in tokens and dollars."""

    input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0

    def add(self, other: "Tokens") -> None:
        """Add what another one holds."""
        self.input_tokens += other.input_tokens
        self.cache_creation_input_tokens += other.cache_creation_input_tokens
        self.cache_read_input_tokens += other.cache_read_input_tokens
        self.output_tokens += other.output_tokens
        self.cost_usd += other.cost_usd


class Session:
    """One session: a file with what was said, and what it has used in all its runs.

    Attributes:
        id: its UUID.
        totals: everything used so far, this run included once it was added.
    """

    def __init__(self, path: Path, totals: Tokens) -> None:
        self.id = path.stem
        self.totals = totals
        self._file = path.open("a", encoding="utf-8")

    def record(self, entry: Mapping[str, Any]) -> None:
        """Keep what was said."""
        self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Keep the totals for the next run."""
        self.record({"type": _TOTALS, **asdict(self.totals)})
        self._file.close()


def begin(projects: Path, id: str) -> Session:
    """A new session for the working directory.

    Raises:
        SessionError: the id is not a UUID, or was used before.
    """
    if not _is_uuid(id):
        raise SessionError("Error: Invalid session ID. Must be a valid UUID.")
    if _find(projects, id) is not None:
        raise SessionError(f"Error: Session ID {id} is already in use.")
    directory = projects / re.sub(r"[^A-Za-z0-9]", "-", os.getcwd())  # noqa: PTH109 - a string
    directory.mkdir(parents=True, exist_ok=True)
    return Session(directory / f"{id}.jsonl", Tokens())


def resume(projects: Path, id: str) -> Session:
    """A session that was begun before, from whatever directory.

    Raises:
        UnknownSession: there is none of that id.
    """
    path = _find(projects, id) if _is_uuid(id) else None
    if path is None:
        raise UnknownSession(f"No conversation found with session ID: {id}")
    totals = Tokens()
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the process was killed while it wrote this line
        if entry.pop("type") == _TOTALS:
            totals = Tokens(**entry)
    return Session(path, totals)


def _find(projects: Path, id: str) -> Path | None:
    return next(projects.glob(f"*/{id}.jsonl"), None)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False

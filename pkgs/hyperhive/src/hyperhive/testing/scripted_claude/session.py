"""Sessions in claude's configuration directory, so that a later process can resume one."""

import json
import os
import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TextIO

CONTEXT_WINDOW: Final = 200_000
"""Tokens that a model's context holds if the script does not say it."""

_STATE: Final = "scripted-state"


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

    @property
    def sent(self) -> int:
        """The tokens of a request."""
        return self.input_tokens + self.cache_creation_input_tokens + self.cache_read_input_tokens

    @property
    def weight(self) -> int:
        """The tokens of a request and its answer, which is what a conversation then weighs."""
        return self.sent + self.output_tokens

    def add(self, other: "Tokens") -> None:
        """Add what another one holds."""
        self.input_tokens += other.input_tokens
        self.cache_creation_input_tokens += other.cache_creation_input_tokens
        self.cache_read_input_tokens += other.cache_read_input_tokens
        self.output_tokens += other.output_tokens
        self.cost_usd += other.cost_usd


@dataclass
class SessionState:
    """What a session amounts to.

    Attributes:
        totals: everything used in its runs, this one included once it was added.
        weight: tokens of the conversation.
        window: tokens that its model's context holds.
        dropped: tokens that compactions took away.
    """

    totals: Tokens
    weight: int = 0
    window: int = CONTEXT_WINDOW
    dropped: int = 0


class Session:
    """One session: a file with what was said, and what it amounts to.

    Attributes:
        id: its UUID.
        resumed: whether an earlier run began it.
        answered: whether the model has said something in it.
        compacted: whether it was compacted.
    """

    def __init__(self, id: str, path: Path | None) -> None:
        """Take up the session in a file.

        Args:
            path: may not exist yet; None: nothing is kept.
        """
        self.id = id
        self.state = SessionState(Tokens())
        self.answered = False
        self.compacted = False
        self.resumed = path is not None and path.exists()
        if path is not None and self.resumed:
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    self._take(json.loads(line))
                except ValueError:
                    continue  # the process was killed while it wrote this line
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8")

    def record(self, entry: Mapping[str, Any]) -> None:
        """Keep what was said."""
        self._take(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Keep the state for the next run."""
        self.record({"type": _STATE, **asdict(self.state)})
        if self._file is not None:
            self._file.close()

    def _take(self, entry: Mapping[str, Any]) -> None:
        match entry:
            case {"type": kind, "totals": totals, **figures} if kind == _STATE:
                self.state = SessionState(Tokens(**totals), **figures)
            case {"type": "assistant", "message": {"model": model}} if model != "<synthetic>":
                self.answered = True
            case {"type": "system", "subtype": "compact_boundary"}:
                self.compacted = True
            case _:
                pass


def begin(projects: Path, id: str) -> Session:
    """A new session for the working directory.

    Raises:
        SessionError: the id is not a UUID, or was used before.
    """
    _check_unused(projects, id)
    directory = projects / re.sub(r"[^A-Za-z0-9]", "-", os.getcwd())  # noqa: PTH109 - a string
    directory.mkdir(parents=True, exist_ok=True)
    return Session(id, directory / f"{id}.jsonl")


def begin_unkept(projects: Path, id: str) -> Session:
    """A new session that nothing remains of.

    Raises:
        SessionError: the id is not a UUID, or was used before.
    """
    _check_unused(projects, id)
    return Session(id, None)


def resume(projects: Path, id: str) -> Session:
    """A session that was begun before, from whatever directory.

    Raises:
        UnknownSession: there is none of that id.
    """
    path = _find(projects, id) if _is_uuid(id) else None
    if path is None:
        raise UnknownSession(f"No conversation found with session ID: {id}")
    return Session(id, path)


def _check_unused(projects: Path, id: str) -> None:
    if not _is_uuid(id):
        raise SessionError("Error: Invalid session ID. Must be a valid UUID.")
    if _find(projects, id) is not None:
        raise SessionError(f"Error: Session ID {id} is already in use.")


def _find(projects: Path, id: str) -> Path | None:
    return next(projects.glob(f"*/{id}.jsonl"), None)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False

"""Which events the operator is told of, and in which words."""

import json
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any, Final

from hyperhive.hive.names import OPERATOR
from hyperhive.hive.notifications import NotifyEvent
from hyperhive.operator.approval_models import ASKED, Approval
from hyperhive.operator.models import Event, Question
from hyperhive.store.agents import AgentState
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.questions import QuestionState

TEXT_CHARACTERS: Final = 300
"""Of the line that a person reads."""

DATA_BYTES: Final = 32_768
"""Of an event's data as JSON; with all else it fits into a pipe, which holds 64 KiB."""

_STRING_CHARACTERS: Final = 500
_LIST_MEMBERS: Final = 20
"""The newest: the last lines of a journal."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the operator is told.

    Attributes:
        at: when it happened, in seconds since the epoch.
        text: one line for a person. An agent may have written some of it.
        data: the event's own.
        count: how many such events it stands for; of them it is the last.
    """

    event: NotifyEvent
    agent: str
    at: float
    text: str
    data: dict[str, Any]
    count: int = 1

    def to_json(self) -> str:
        """The object that the program reads, in one line."""
        text = self.text if self.count == 1 else f"{self.text} ({self.count} times)"
        return json.dumps({**asdict(self), "text": text}, ensure_ascii=False)


def needed_for(event: Event) -> NotifyEvent | None:
    """Why the operator is needed where this happened; None: the operator is not."""
    data = event.data
    match event.kind:
        case "container_crash" | "harness_crash" if data.get("as_wanted"):
            return None
        case "container_crash" | "harness_crash" | "loop_guard":
            return NotifyEvent(event.kind)
        case "question" if data["to"] == OPERATOR:
            return NotifyEvent.QUESTION
        case "dead":
            return NotifyEvent.DEAD_LETTER
        case "state" if data["state"] == AgentState.NEEDS_LOGIN != data["was"]:
            return NotifyEvent.NEEDS_LOGIN
        case "deployment" if data.get("error"):
            return NotifyEvent.DEPLOYMENT_FAILED
        case "approval" if data["state"] == ApprovalState.PENDING and data["by"] != OPERATOR:
            return NotifyEvent.APPROVAL
        case "approval" if data["state"] == ApprovalState.FAILED:
            return NotifyEvent.APPROVAL_FAILED
    return None


def notice_of(why: NotifyEvent, event: Event, asked: Question | Approval | None) -> Notice | None:
    """What the operator is told of an event; None: what was asked is answered already.

    Args:
        asked: what the event asks of the operator, where it does and that is still known.
    """
    agent, data = event.agent or "", event.data
    match asked:
        case Question():
            if asked.state is not QuestionState.OPEN:
                return None
            data = {**data, "question": asked.question, "options": asked.options}
        case Approval():
            if asked.state is not ApprovalState.PENDING:
                return None
            data = {**data, "description": asked.description, "extra_nix": asked.extra_nix}
    text = _line(_words(why, agent, data))
    return Notice(why, agent, event.at, text, _bounded(data))


def _words(why: NotifyEvent, agent: str, data: dict[str, Any]) -> str:
    match why:
        case NotifyEvent.CONTAINER_CRASH:
            how = " ".join(part for part in (data["result"], data["status"]) if part)
            return f"{agent}: its container crashed: {how}{_lost(data)}"
        case NotifyEvent.HARNESS_CRASH:
            return f"{agent}: its harness crashed{_lost(data)}"
        case NotifyEvent.QUESTION:
            options = " / ".join(data.get("options", ()))
            asked = f"{agent} asks: {data.get('question', '')}"
            return f"{asked} ({options})" if options else asked
        case NotifyEvent.DEAD_LETTER:
            return f"{agent}: message {data['id']} was given up: {data['reason']}"
        case NotifyEvent.NEEDS_LOGIN:
            return f"{agent}: needs a login: {data.get('reason', '')}"
        case NotifyEvent.LOOP_GUARD:
            return f"{agent}: paused: {data['reason']}"
        case NotifyEvent.DEPLOYMENT_FAILED:
            return f"{agent}: could not be deployed: {data['error']}"
        case NotifyEvent.APPROVAL:
            what = ASKED[ApprovalKind(data["kind"])].format(agent)
            said = f": {data['description']}" if data.get("description") else ""
            return f"{data['by']} asks for {what} (hyperhive show {data['id']}){said}"
        case NotifyEvent.APPROVAL_FAILED:
            return f"{agent}: approval {data['id']} failed: {data['error']}"


def _lost(data: dict[str, Any]) -> str:
    return f", turn {data['turn']} is lost" if data.get("turn") is not None else ""


def _line(text: str) -> str:
    """The text in one line, cut where it is long, with nothing in it that acts on a terminal."""
    line = " ".join("".join(map(_shown, text)).split())
    return line if len(line) <= TEXT_CHARACTERS else f"{line[: TEXT_CHARACTERS - 1]}…"


def _shown(char: str) -> str:
    return " " if unicodedata.category(char)[0] == "C" else char


def _bounded(data: dict[str, Any]) -> dict[str, Any]:
    """The data with long texts and lists cut; nothing of it where that is still too much."""
    cut = {name: _cut(value) for name, value in data.items()}
    size = len(json.dumps(cut, ensure_ascii=False).encode("utf-8", "replace"))
    return cut if size <= DATA_BYTES else {}


def _cut(value: Any) -> Any:
    match value:
        case str():
            if len(value) > _STRING_CHARACTERS:
                value = f"{value[: _STRING_CHARACTERS - 1]}…"
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_cut(member) for member in value[-_LIST_MEMBERS:]]
    return value

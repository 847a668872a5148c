"""What a scripted model does (`Step`), and what it was asked (`Call`): see scripted_api.py."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

USAGE: Final = {
    "input_tokens": 11,
    "cache_creation_input_tokens": 22,
    "cache_read_input_tokens": 33,
    "output_tokens": 7,
}
"""Tokens of every step that names none."""

EXHAUSTED: Final = "(the script has no more steps)"
"""The text of the answer to a request that no step is left for."""


@dataclass(frozen=True)
class ToolUse:
    """A tool that the scripted model calls."""

    name: str
    input: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ApiError:
    """An error answer.

    Attributes:
        status: HTTP status.
        type: the API's name of it, `rate_limit_error`.
        headers: further headers, `{"retry-after": "3600"}`.
    """

    status: int
    type: str = "api_error"
    message: str = "scripted error"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request that arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def session(self) -> str | None:
        """The claude session that asks."""
        return self.headers.get("x-claude-code-session-id")

    @property
    def system(self) -> str:
        """The system prompt's text."""
        system = self.body.get("system", "")
        return system if isinstance(system, str) else "\n".join(_texts(system))

    @property
    def tools(self) -> list[str]:
        """Names of the tools that the model may call."""
        return [tool["name"] for tool in self.body.get("tools", [])]

    @property
    def prompt(self) -> str:
        """The newest thing a user said, which is what claude read from its standard input."""
        said, _ = self._newest()
        return said

    @property
    def results(self) -> list[str]:
        """Results of the tools called since `prompt`, oldest first, as text."""
        _, results = self._newest()
        return results

    def _newest(self) -> tuple[str, list[str]]:
        results: list[str] = []
        for message in reversed(self.body.get("messages", [])):
            if message["role"] != "user":
                continue
            content = message["content"]
            if isinstance(content, str):
                return content, results[::-1]
            answers = [block for block in content if block["type"] == "tool_result"]
            results += [_plain(block.get("content", "")) for block in reversed(answers)]
            # The CLI puts reminders of its own before the prompt and beside tool results.
            said = [t for t in _texts(content) if not t.lstrip().startswith("<system-reminder>")]
            if said and not answers:
                return said[-1], results[::-1]
        return "", results[::-1]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What the scripted model does once.

    Attributes:
        text: what it says.
        thinking: a thinking block before that.
        tools: tools it calls after that, all in one answer.
        usage: tokens, over `USAGE`.
        stop_reason: None: tool_use if it calls a tool, else end_turn.
        model: None: the model that was asked for.
        headers: further headers of the answer.
        delay: seconds before the answer begins.
        error: answer with this error.
        stream_error: break the stream off with this error after the content.
        hang: begin the answer and say nothing more until the client goes or the API stops.
        drop: begin the answer and close the connection.
        when: take this step only for a call it is true of; a string: that the request contains.
        repeat: how often this step can be taken; None: for ever.
    """

    text: str | None = None
    thinking: str | None = None
    tools: Sequence[ToolUse] = ()
    usage: Mapping[str, int] = field(default_factory=dict)
    stop_reason: str | None = None
    model: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0
    error: ApiError | None = None
    stream_error: ApiError | None = None
    hang: bool = False
    drop: bool = False
    when: str | Callable[[Call], bool] | None = None
    repeat: int | None = 1

    @property
    def ends_with(self) -> str:
        """The stop reason of the answer."""
        return self.stop_reason or ("tool_use" if self.tools else "end_turn")

    def fits(self, call: Call) -> bool:
        """Whether this step is meant for that call."""
        match self.when:
            case None:
                return True
            case str(part):
                return part in json.dumps(call.body, ensure_ascii=False)
            case condition:
                return condition(call)

    def blocks(self) -> list[dict[str, Any]]:
        """The content blocks of the answer."""
        blocks: list[dict[str, Any]] = []
        if self.thinking is not None:
            blocks.append({"type": "thinking", "thinking": self.thinking, "signature": "c2ln"})
        if self.text is not None:
            blocks.append({"type": "text", "text": self.text})
        blocks += [
            {
                "type": "tool_use",
                "id": new_id("toolu"),
                "name": tool.name,
                "input": dict(tool.input),
            }
            for tool in self.tools
        ]
        return blocks or [{"type": "text", "text": ""}]


def _texts(blocks: Sequence[Mapping[str, Any]]) -> list[str]:
    return [block["text"] for block in blocks if block["type"] == "text"]


def _plain(content: str | Sequence[Mapping[str, Any]]) -> str:
    return content if isinstance(content, str) else "\n".join(_texts(content))


def new_id(kind: str) -> str:
    """An identifier as the API makes them, `msg_…`."""
    return f"{kind}_{uuid.uuid4().hex[:24]}"

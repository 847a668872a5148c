"""One turn: the steps of a script, done with real tools and told in the CLI's events."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from hyperhive.testing.scripted_claude.api_answers import API_ANSWERS
from hyperhive.testing.scripted_claude.events import Event, Events
from hyperhive.testing.scripted_claude.permissions import Rules
from hyperhive.testing.scripted_claude.results import Ending, Figures
from hyperhive.testing.scripted_claude.script import (
    ApiFailure,
    Exit,
    Recv,
    Say,
    Scene,
    ScriptError,
    SetUsage,
    Sleep,
    Step,
    Tool,
    fill,
    fill_command,
)
from hyperhive.testing.scripted_claude.session import Tokens
from hyperhive.testing.scripted_claude.signals import Signalled, Signals
from hyperhive.testing.scripted_claude.tools import Answer, Killed, Tools

RECV: Final = "mcp__hyperhive__recv"
_ABORTED: Final = "[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null"


class Crash(Exception):
    """The script says to end the process with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class _ApiError(Exception):
    """The script says that the API answers with an error."""


class Turn:
    """Does the steps and tells of them.

    Args:
        tell: takes each event.
    """

    def __init__(
        self,
        events: Events,
        tell: Callable[[Event], None],
        tools: Tools,
        rules: Rules,
        signals: Signals,
    ) -> None:
        self.figures = Figures()
        self._events = events
        self._tell = tell
        self._tools = tools
        self._rules = rules
        self._signals = signals
        self._tokens = Tokens(11, 22, 33, 7)
        self._message: str | None = None
        self._said = ""
        self._use: str | None = None
        self._values: dict[str, str] = {}

    def run(self, scene: Scene) -> Ending:
        """Do the steps of a scene, and tell how that ended.

        Raises:
            Signalled: by SIGTERM; whatever ran in a tool has been ended.
            Crash: the script says so.
            ScriptError: a step asks for what is not there.
        """
        try:
            self._steps(scene.steps, dict(scene.values))
            if self._message is None:
                self._say("Done.")
            self._end_step()
        except _ApiError as error:
            answer = API_ANSWERS[error.args[0]]
            self.figures.steps += 1
            self._tell(self._events.api_error(answer))
            return Ending(answer.reason, "stop_sequence", api=answer)
        except Signalled as signalled:
            if signalled.terminate:
                raise
            return self._abort()
        return Ending("completed", "end_turn", text=self._said)

    def _abort(self) -> Ending:
        in_tool = self._use is not None
        if self._use is not None:
            self._tell(self._events.rejected(self._use))
        self._tell(self._events.interrupted(in_tool=in_tool))
        self.figures.steps += 2
        reason = "aborted_tools" if in_tool else "aborted_streaming"
        return Ending(reason, "tool_use" if in_tool else None, errors=[_ABORTED])

    def _steps(self, steps: Sequence[Step], values: dict[str, str]) -> None:
        for step in steps:
            self._signals.check()
            match step:
                case Say(text):
                    self._say(fill(text, values))
                case Tool("Bash", input, kept):
                    command = fill_command(str(input.get("command", "")), values)
                    values[kept] = self._call("Bash", {**input, "command": command}).text
                case Tool(name, input, kept):
                    values[kept] = self._call(name, fill(dict(input), values)).text
                case Recv(input, each):
                    answer = self._call(RECV, fill(dict(input), values))
                    values["output"] = answer.text
                    for message in _messages(answer):
                        self._steps(each, values | message)
                case Sleep(seconds):
                    with self._signals.interruptible():
                        time.sleep(seconds)
                case SetUsage(numbers):
                    self._tokens = _tokens(numbers)
                case ApiFailure(error):
                    if error not in API_ANSWERS:
                        raise ScriptError(f"no API error {error!r}: {[*API_ANSWERS]}")
                    raise _ApiError(error)
                case Exit(code):
                    raise Crash(code)

    def _say(self, text: str) -> None:
        self._said = text
        self._block({"type": "text", "text": text})

    def _block(self, block: Event, *, exists: bool = True) -> None:
        self._message = self._message or f"msg_{uuid.uuid4().hex[:24]}"
        self._tell(self._events.assistant(self._message, block, self._tokens, exists=exists))

    def _end_step(self) -> None:
        self._message = None
        self.figures.steps += 1
        self.figures.run.add(self._tokens)

    def _call(self, name: str, input: Mapping[str, Any]) -> Answer:
        use = f"toolu_{uuid.uuid4().hex[:24]}"
        exists = self._tools.exists(name)
        self._block(
            {"type": "tool_use", "id": use, "name": name, "input": dict(input)}, exists=exists
        )
        self._end_step()
        if not exists:
            gone = f"Error: No such tool available: {name}"
            marked = f"<tool_use_error>{gone}</tool_use_error>"
            self._tell(self._events.tool_result(_block(use, marked, failed=True), gone, None))
            return Answer(gone, marked, gone, failed=True)
        decision = self._rules.decide(name, input)
        permission = {"source": "config", "reason_type": decision.reason}
        if not decision.allowed:
            self._tell(self._events.denied(name, use, decision.reason, decision.message))
            denial = {"tool_name": name, "tool_use_id": use, "tool_input": dict(input)}
            self.figures.denials.append(denial)
            block = _block(use, decision.message, failed=True)
            permission = {"decision": "reject", **permission}
            raw = f"Error: {decision.message}"
            self._tell(self._events.tool_result(block, raw, permission, "permission-rule"))
            return Answer(decision.message, decision.message, raw, failed=True)
        self._use = use
        try:
            answer = self._tools.run(name, input)
        except Killed as killed:
            block = _block(use, killed.answer.content, failed=True)
            permission = {"decision": "accept", **permission}
            self._tell(self._events.tool_result(block, killed.answer.raw, permission))
            raise killed.signalled from None
        self._use = None
        block = _block(use, answer.content, failed=answer.failed)
        if name == "Bash":
            block["is_error"] = answer.failed  # the other tools leave it out where it is false
        permission = {"decision": "accept", **permission}
        self._tell(self._events.tool_result(block, answer.raw, permission))
        return answer


def _block(use: str, content: object, *, failed: bool) -> Event:
    block: Event = {"type": "tool_result", "content": content, "tool_use_id": use}
    return block | ({"is_error": True} if failed else {})


def _messages(answer: Answer) -> list[dict[str, str]]:
    """What the placeholders stand for, for each message that `recv` gave."""
    if answer.failed or not isinstance(answer.raw, dict):
        return []
    return [
        {"from": str(item["from"]), "id": str(item["id"]), "body": str(item["body"])}
        for item in answer.raw["structuredContent"]["messages"]
    ]


def _tokens(numbers: Mapping[str, float]) -> Tokens:
    unknown = set(numbers) - {field.name for field in fields(Tokens)}
    if unknown:
        raise ScriptError(f"unknown in usage: {', '.join(sorted(unknown))}")
    return Tokens(**dict(numbers))  # type: ignore[arg-type]

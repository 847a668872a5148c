"""One turn: the steps of a script, done with real tools and told in the CLI's events."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hyperhive.testing.scripted_claude.api_answers import API_ANSWERS
from hyperhive.testing.scripted_claude.events import Event
from hyperhive.testing.scripted_claude.permissions import Rules
from hyperhive.testing.scripted_claude.results import Ending, Figures
from hyperhive.testing.scripted_claude.script import Scene
from hyperhive.testing.scripted_claude.session import SessionState
from hyperhive.testing.scripted_claude.signals import Signalled
from hyperhive.testing.scripted_claude.stage import Refused, Stage
from hyperhive.testing.scripted_claude.steps import (
    Grow,
    Recv,
    Say,
    ScriptError,
    SetWindow,
    Step,
    Tool,
    fill,
    fill_command,
)
from hyperhive.testing.scripted_claude.tools import Answer, Killed, Tools

RECV: Final = "mcp__hyperhive__recv"
_ABORTED: Final = "[ede_diagnostic] result_type=user last_content_type=n/a stop_reason=null"


class Turn:
    """Does the steps and tells of them.

    Args:
        stage: does the steps that are not a turn's own.
        session: what the conversation amounts to; told of here.
    """

    def __init__(self, stage: Stage, tools: Tools, rules: Rules, session: SessionState) -> None:
        self.figures = Figures()
        self._stage = stage
        self._events = stage.events
        self._tell = stage.tell
        self._tools = tools
        self._rules = rules
        self._session = session
        self._message: str | None = None
        self._said = ""
        self._use: str | None = None
        self._weigh(session.weight)

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
        except Refused as refused:
            self.figures.steps += 1
            self._tell(self._events.api_error(refused.answer))
            return Ending(refused.answer.reason, "stop_sequence", api=refused.answer)
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
            if self._stage.perform(step):
                continue
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
                case Grow(tokens):
                    self._weigh(self._grown + tokens)
                case SetWindow(tokens):
                    self._session.window = tokens
                case other:
                    raise ScriptError(f"not a step of a turn: {type(other).__name__}")

    def _weigh(self, weight: int) -> None:
        """Let the conversation weigh that much; what was there before is read from the cache."""
        self._grown = weight
        tokens = self._stage.tokens
        cached = tokens.cache_read_input_tokens
        cached = max(cached, weight - (tokens.weight - cached))
        self._stage.tokens = replace(tokens, cache_read_input_tokens=cached)

    def _say(self, text: str) -> None:
        self._said = text
        self._block({"type": "text", "text": text})

    def _block(self, block: Event, *, exists: bool = True) -> None:
        tokens = self._stage.tokens
        if self._message is None:
            if tokens.sent > self._session.window:
                raise Refused(API_ANSWERS["prompt_too_long"])
            self._message = f"msg_{uuid.uuid4().hex[:24]}"
        self._tell(self._events.assistant(self._message, block, tokens, exists=exists))

    def _end_step(self) -> None:
        self._message = None
        self.figures.steps += 1
        self.figures.run.add(self._stage.tokens)
        self._session.weight = self._stage.tokens.weight

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
            answer = self._tools.run(name, input, use)
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

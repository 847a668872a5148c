"""The script: what the stand-in does for which message.

A JSON list of rules, the first whose conditions all hold is taken:

    [{"when": {"agent": "alice", "from": "manager", "contains": "kernel"},
      "do": [{"bash": "uname -sr"},
             {"tool": "mcp__hyperhive__send", "input": {"to": "{from}", "body": "It is {output}."}},
             {"say": "Answered."}]}]

Conditions: `agent`, `from`, `contains` (a part of the message), `matches` (a regular expression,
whose named groups become placeholders), `attempt` (2: the first repeated delivery). Steps:

    {"tool": NAME, "input": {...}}        call a tool
    {"bash": COMMAND}                     the same for Bash; both take "as": NAME, which keeps the
                                          result as {NAME} instead of {output}
    {"recv": {"wait_seconds": 5}, "each": [STEPS]}
                                          fetch messages; the steps are done for each of them
    {"say": TEXT}                         say something; the last text is the turn's result
    {"sleep": SECONDS}                    think
    {"usage": {"input_tokens": 150000}}   tokens, and "cost_usd", of the model steps that follow
    {"api_error": 429}                    end as the CLI does after this answer of the API
    {"exit": 3}                           end at once, as in a crash

Strings may hold {agent} {from} {id} {body}, and {output}: the newest tool result as text.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from hyperhive.testing.scripted_claude.wake import Wake

BUILT_IN: Final = Path(__file__).with_name("demo.json")
"""The script of `make demo`."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


class ScriptError(Exception):
    """A script that cannot be followed; the text says where."""


class Tool(NamedTuple):
    """Call a tool with this input, and keep its result as the placeholder `kept`."""

    name: str
    input: Mapping[str, Any]
    kept: str = "output"


class Recv(NamedTuple):
    """Call the broker's `recv`, then do the steps for each message that came."""

    input: Mapping[str, Any]
    each: "Sequence[Step]"


class Say(NamedTuple):
    """Say a text."""

    text: str


class Sleep(NamedTuple):
    """Wait."""

    seconds: float


class SetUsage(NamedTuple):
    """Tokens (by the API's names) and `cost_usd` of the model steps that follow."""

    values: Mapping[str, float]


class ApiFailure(NamedTuple):
    """End the turn with this answer of the API: an HTTP status or `prompt_too_long`."""

    error: int | str


class Exit(NamedTuple):
    """End the process at once."""

    code: int


Step = Tool | Recv | Say | Sleep | SetUsage | ApiFailure | Exit


class Rule(NamedTuple):
    """Steps for the messages that all conditions hold for."""

    steps: Sequence[Step]
    agent: str | None = None
    sender: str | None = None
    contains: str | None = None
    matches: re.Pattern[str] | None = None
    attempt: int | None = None

    def match(self, agent: str, wake: Wake) -> dict[str, str] | None:
        """The placeholders of this rule if it applies, else None."""
        found = self.matches.search(wake.body) if self.matches else None
        applies = (
            self.agent in (None, agent)
            and self.sender in (None, wake.sender)
            and (self.contains is None or self.contains in wake.body)
            and (self.matches is None or found is not None)
            and self.attempt in (None, wake.attempt)
        )
        if not applies:
            return None
        groups = {name: text or "" for name, text in found.groupdict().items()} if found else {}
        return groups | placeholders(agent, wake)


@dataclass
class Scene:
    """What a message is answered with: the steps, and what their placeholders stand for."""

    steps: Sequence[Step]
    values: dict[str, str] = field(default_factory=dict)


def placeholders(agent: str, wake: Wake) -> dict[str, str]:
    """What the placeholders of every step stand for."""
    return {"agent": agent, "from": wake.sender, "id": str(wake.id), "body": wake.body}


def choose(rules: Sequence[Rule], agent: str, wake: Wake) -> Scene:
    """The steps for a message; without a rule for it one that says so."""
    for rule in rules:
        values = rule.match(agent, wake)
        if values is not None:
            return Scene(rule.steps, values)
    return Scene([Say("The script has no rule for this message.")])


def fill(template: Any, values: Mapping[str, str]) -> Any:
    """A JSON value with its placeholders replaced, once: what is put in is not looked at again.

    A string that is one placeholder alone and stands for a number becomes that number, so that
    `{"in_reply_to": "{id}"}` gives an id.
    """
    match template:
        case str(text):
            whole = _PLACEHOLDER.fullmatch(text)
            if whole and whole[1] == "id" and "id" in values:
                return int(values["id"])
            return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
        case dict(members):
            return {name: fill(value, values) for name, value in members.items()}
        case list(items):
            return [fill(item, values) for item in items]
        case other:
            return other


def fill_command(template: str, values: Mapping[str, str]) -> str:
    """A shell command with its placeholders replaced by quoted words."""
    return _PLACEHOLDER.sub(
        lambda found: shlex.quote(values[found[1]]) if found[1] in values else found[0], template
    )


def load(path: Path) -> list[Rule]:
    """Read a script.

    Raises:
        ScriptError: it cannot be read or is not a script; names the file and the rule.
    """
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ScriptError(f"{path}: {error}") from None
    if not isinstance(data, list):
        raise ScriptError(f"{path}: not a list of rules")
    rules = []
    for index, item in enumerate(data):
        try:
            rules.append(_rule(item))
        except (TypeError, ValueError, re.error) as error:
            raise ScriptError(f"{path}: rule {index}: {error}") from None
    return rules


def _rule(data: Any) -> Rule:
    match data:
        case {"do": list(steps), **more} if not set(more) - {"when"}:
            pass
        case _:
            raise ValueError('not an object with "do" and perhaps "when"')
    when: dict[str, Any] = dict(data.get("when", {}))
    rule = Rule(
        steps=_steps(steps),
        agent=when.pop("agent", None),
        sender=when.pop("from", None),
        contains=when.pop("contains", None),
        matches=re.compile(when.pop("matches")) if "matches" in when else None,
        attempt=when.pop("attempt", None),
    )
    if when:
        raise ValueError(f"unknown: {', '.join(when)}")
    return rule


def _steps(data: Any) -> list[Step]:
    return [_step(dict(item)) for item in data]


def _step(data: dict[str, Any]) -> Step:
    match data:
        case {"tool": str(name), **more} if not set(more) - {"input", "as"}:
            return Tool(name, dict(more.get("input", {})), str(more.get("as", "output")))
        case {"bash": str(command), **more} if not set(more) - {"as"}:
            return Tool("Bash", {"command": command}, str(more.get("as", "output")))
        case {"recv": dict(input), **more} if not set(more) - {"each"}:
            return Recv(input, _steps(more.get("each", [])))
        case {"say": str(text), **more} if not more:
            return Say(text)
        case {"sleep": int() | float() as seconds, **more} if not more:
            return Sleep(seconds)
        case {"usage": dict(values), **more} if not more:
            return SetUsage(values)
        case {"api_error": int() | str() as error, **more} if not more:
            return ApiFailure(error)
        case {"exit": int(code), **more} if not more:
            return Exit(code)
        case _:
            raise ValueError(f"not a step: {json.dumps(data)}")

"""The script: what the stand-in does for which prompt.

A JSON list of rules, the first whose conditions all hold is taken:

    [{"when": {"agent": "alice", "from": "manager", "contains": "kernel"},
      "do": [{"bash": "uname -sr"},
             {"tool": "mcp__hyperhive__send", "input": {"to": "{from}", "body": "It is {output}."}},
             {"say": "Answered."}]}]

A rule is about messages, that is, about prompts that begin as the broker's wake prompts do. One
with the condition `prompt` is about every prompt that contains its text: `/compact`, what the
broker asks before a compaction, the notes that are to be made shorter; "" is in every prompt.

Conditions, under `when`:

    agent         the agent's name
    from          who sent the message
    contains      a part of the message (of the prompt where that is none)
    matches       a regular expression that is found in it; named groups become placeholders
    attempt       how often the message was delivered; 2: the first repeat
    prompt        a part of the prompt, whatever it is
    model         the model, as --model says it (`opus`) or by its full name
    compacted     true or false: whether this conversation was compacted before

Beside `when` and `do` a rule can have `times`: how often it is taken, counted for all runs with
this CLAUDE_CONFIG_DIR; after that the rules below have their turn. So the API is overloaded twice:

    {"times": 2, "do": [{"api_error": 529}]}

Steps, under `do`:

    {"tool": NAME, "input": {...}}        call a tool, and wait for it however long it takes
    {"bash": COMMAND}                     the same for Bash; both take "as": NAME, which keeps the
                                          result as {NAME} instead of {output}
    {"recv": {"wait_seconds": 5}, "each": [STEPS]}
                                          fetch messages; the steps are done for each of them
    {"say": TEXT}                         say something; the last text is the turn's result
    {"sleep": SECONDS}                    think
    {"usage": {"input_tokens": 150000}}   tokens, and "cost_usd", of the model steps that follow
    {"context": 40000}                    the conversation weighs that many tokens more
    {"window": 200000}                    its model's context window, which is that if none is named
    {"api_error": 429}                    end as the CLI does after this answer of the API
    {"api_error": 429, "resets_in": 60}   the same for a subscription's limit, which ends in 60 s
    {"api_error": 529, "retry_after": 60} the same; with CLAUDE_CODE_RETRY_WATCHDOG=1 it tells that
                                          it will ask again in 60 s, does so, and is refused again
    {"ignore_signals": true}              take no SIGINT and SIGTERM any more; nor do the processes
                                          that are started from here on
    {"exit": 3}                           end at once, as in a crash

API errors are 401, 403, 404 (there is no such model), 429, 500, 529, "prompt_too_long" and
"not_logged_in".

The weight of a conversation is that of its last model step, and kept with the session. Where it
passes the window, the prompt is too long and counts for nothing: with a `context` of 120000 a turn,
the second turn fails until the conversation is compacted.

`/compact` compacts the conversation that is resumed: without a rule for it to 500 tokens, in no
time. What a rule for it can do are `sleep`, `usage`, `api_error`, `ignore_signals`, `exit`, and as
its last step one of

    {"compact": {"tokens": 900, "summary": TEXT}}
    {"compact": {"error": TEXT}}          it fails, which the CLI ends with exit status 0

Strings may hold {agent} {from} {id} {body} of a message, {agent} {prompt} of another prompt,
{output}: the newest tool result as text, and {proposed}: where a manager proposes changes, which is
the first directory of --add-dir. `cd DIRECTORY` alone as a Bash command stays in force.
"""

import json
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from hyperhive.testing.scripted_claude.steps import Say, ScriptError, Step, read_steps
from hyperhive.testing.scripted_claude.wake import Wake

BUILT_IN: Final = Path(__file__).with_name("demo.json")
"""The script of `make demo`."""

Kind = TypeVar("Kind")


class Asked(NamedTuple):
    """What rules are asked about.

    Attributes:
        wake: the message in the prompt; None if the prompt is something else.
        models: the names of the model.
        compacted: whether the conversation was compacted before.
        proposed: where a manager proposes changes.
    """

    agent: str
    prompt: str
    wake: Wake | None = None
    models: tuple[str, ...] = ()
    compacted: bool = False
    proposed: str = ""

    @property
    def text(self) -> str:
        """The message, or the prompt where there is none."""
        return self.prompt if self.wake is None else self.wake.body

    @property
    def values(self) -> dict[str, str]:
        """What the placeholders of every step stand for."""
        known = {"agent": self.agent, "proposed": self.proposed}
        if self.wake is None:
            return {**known, "prompt": self.prompt}
        wake = self.wake
        return {**known, "from": wake.sender, "id": str(wake.id), "body": wake.body}


class Rule(NamedTuple):
    """Steps for the prompts that all conditions hold for.

    Attributes:
        times: how often it is taken; None: always.
        mark: the same for the same rule in every run; "" if `times` is None.
    """

    steps: Sequence[Step]
    agent: str | None = None
    sender: str | None = None
    contains: str | None = None
    matches: re.Pattern[str] | None = None
    attempt: int | None = None
    prompt: str | None = None
    model: str | None = None
    compacted: bool | None = None
    times: int | None = None
    mark: str = ""

    def match(self, asked: Asked) -> dict[str, str] | None:
        """The placeholders of this rule if it applies, else None."""
        found = self.matches.search(asked.text) if self.matches else None
        wake = asked.wake
        applies = (
            (wake is not None if self.prompt is None else self.prompt in asked.prompt)
            and self.agent in (None, asked.agent)
            and (self.sender is None or (wake is not None and self.sender == wake.sender))
            and (self.contains is None or self.contains in asked.text)
            and (self.matches is None or found is not None)
            and (self.attempt is None or (wake is not None and self.attempt == wake.attempt))
            and (self.model is None or self.model in asked.models)
            and self.compacted in (None, asked.compacted)
        )
        if not applies:
            return None
        groups = {name: text or "" for name, text in found.groupdict().items()} if found else {}
        return groups | asked.values


@dataclass
class Scene:
    """What a prompt is answered with: the steps, and what their placeholders stand for.

    Attributes:
        mark: of the rule, where it is to be counted.
    """

    steps: Sequence[Step]
    values: dict[str, str] = field(default_factory=dict)
    mark: str = ""


def choose(rules: Sequence[Rule], asked: Asked, taken: Mapping[str, int]) -> Scene | None:
    """The steps for a prompt; without a rule for a message one that says so, else None.

    Args:
        taken: how often each rule was, by its mark.
    """
    for rule in rules:
        if rule.times is not None and taken.get(rule.mark, 0) >= rule.times:
            continue
        values = rule.match(asked)
        if values is not None:
            return Scene(rule.steps, values, rule.mark)
    return None if asked.wake is None else Scene([Say("The script has no rule for this message.")])


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
        case {"do": list(steps), **more} if not set(more) - {"when", "times"}:
            pass
        case _:
            raise ValueError('not an object with "do" and perhaps "when" and "times"')
    when: dict[str, Any] = dict(data.get("when", {}))
    times = _take(dict(data), "times", int)
    rule = Rule(
        steps=read_steps(steps),
        agent=_take(when, "agent", str),
        sender=_take(when, "from", str),
        contains=_take(when, "contains", str),
        matches=re.compile(when.pop("matches")) if "matches" in when else None,
        attempt=_take(when, "attempt", int),
        prompt=_take(when, "prompt", str),
        model=_take(when, "model", str),
        compacted=_take(when, "compacted", bool),
        times=times,
        mark="" if times is None else f"{zlib.crc32(json.dumps(data).encode()):08x}",
    )
    if when:
        raise ValueError(f"unknown: {', '.join(when)}")
    return rule


def _take(members: dict[str, Any], name: str, kind: type[Kind]) -> Kind | None:
    value = members.pop(name, None)
    if value is None or isinstance(value, kind):
        return value
    raise TypeError(f"{name}: {json.dumps(value)} is not a {kind.__name__}")

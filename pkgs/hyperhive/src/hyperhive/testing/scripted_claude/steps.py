"""The steps of a script: what each one is, and how it is read. script.py describes them."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from hyperhive.testing.scripted_claude.api_answers import API_ANSWERS

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


class Grow(NamedTuple):
    """Let the conversation weigh more tokens from here on."""

    tokens: int


class SetWindow(NamedTuple):
    """The model's context window in tokens, for the rest of the conversation."""

    tokens: int


class Compact(NamedTuple):
    """How a compaction ends: the tokens that are left, or why it failed."""

    tokens: int = 500
    summary: str = "Scripted summary."
    error: str | None = None


class ApiFailure(NamedTuple):
    """End with this answer of the API, a key of API_ANSWERS.

    Attributes:
        resets_in: seconds until a limit that was hit ends; None: the API does not say.
        retry_after: seconds after which the API says to ask again; None: it does not say.
    """

    error: int | str
    resets_in: float | None = None
    retry_after: float | None = None


class IgnoreSignals(NamedTuple):
    """Take no SIGINT and SIGTERM any more, neither this process nor what it starts."""


class Exit(NamedTuple):
    """End the process at once."""

    code: int


Step = (
    Tool
    | Recv
    | Say
    | Sleep
    | SetUsage
    | Grow
    | SetWindow
    | Compact
    | ApiFailure
    | IgnoreSignals
    | Exit
)


def read_steps(data: Any) -> list[Step]:
    """The steps of a rule.

    Raises:
        TypeError, ValueError: one of them is none.
    """
    return [_step(dict(item)) for item in data]


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


def _step(data: dict[str, Any]) -> Step:
    match data:
        case {"tool": str(name), **more} if not set(more) - {"input", "as"}:
            return Tool(name, dict(more.get("input", {})), str(more.get("as", "output")))
        case {"bash": str(command), **more} if not set(more) - {"as"}:
            return Tool("Bash", {"command": command}, str(more.get("as", "output")))
        case {"recv": dict(input), **more} if not set(more) - {"each"}:
            return Recv(input, read_steps(more.get("each", [])))
        case {"say": str(text), **more} if not more:
            return Say(text)
        case {"sleep": int() | float() as seconds, **more} if not more:
            return Sleep(seconds)
        case {"usage": dict(values), **more} if not more:
            return SetUsage(values)
        case {"context": int(tokens), **more} if not more:
            return Grow(tokens)
        case {"window": int(tokens), **more} if not more and tokens > 0:
            return SetWindow(tokens)
        case {"compact": dict(how), **more} if not more:
            return _compact(how)
        case {"api_error": int() | str() as error, **more}:
            return _api_failure(error, more)
        case {"ignore_signals": True, **more} if not more:
            return IgnoreSignals()
        case {"exit": int(code), **more} if not more:
            return Exit(code)
        case _:
            raise ValueError(f"not a step: {json.dumps(data)}")


def _compact(how: Mapping[Any, Any]) -> Compact:
    match how:
        case {"error": str(error), **more} if not more:
            return Compact(error=error)
        case {"tokens": int(tokens), "summary": str(summary), **more} if not more:
            return Compact(tokens, summary)
        case {"tokens": int(tokens), **more} if not more:
            return Compact(tokens)
        case {"summary": str(summary), **more} if not more:
            return Compact(summary=summary)
        case _:
            raise ValueError(f"not a compaction: {json.dumps(how)}")


def _api_failure(error: int | str, more: dict[str, Any]) -> ApiFailure:
    if error not in API_ANSWERS:
        raise ValueError(f"no API error {error!r}: {[*API_ANSWERS]}")
    match more:
        case {"resets_in": int() | float() as seconds, **others} if error == 429 and not others:
            return ApiFailure(error, resets_in=seconds)
        case {"retry_after": int() | float() as seconds, **others} if (
            isinstance(error, int) and not others
        ):
            return ApiFailure(error, retry_after=seconds)
        case {**others} if not others:
            return ApiFailure(error)
        case _:
            raise ValueError(f"not with the API error {error!r}: {', '.join(more)}")

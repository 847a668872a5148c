"""What a proposal changes in effect, in words for who decides on it.

What an agent wrote is shown in one line, without control characters: a proposal is not to look like
something else than it is.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from hyperhive.hive.effect_warnings import command_line, hive_warnings
from hyperhive.hive.layers import Effective, Layer, Setting
from hyperhive.hive.problems import Location, one_line, place
from hyperhive.hive.rule_checks import rule_problems
from hyperhive.hive.secrets import redacted
from hyperhive.hive.shape import Declaration
from hyperhive.hive.tables import McpServer
from hyperhive.hive.taken_back import TAKES_BACK, is_taken_back, taken_items

__all__ = ["Change", "changes", "hive_warnings"]

_LONGEST: Final = 200
"""Characters of a value that words show. The files of a proposal are shown whole elsewhere."""
_WARNING: Final = " ⚠"
_LISTS: Final[Mapping[Location, str]] = {
    ("bash", "allow"): "Bash",
    ("bash", "deny"): "Bash denied",
}
"""What lists are called in words that have a name other than their place."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that changes.

    Attributes:
        setting: its place in the agent's table: `bash.allow`.
        was, becomes: the values, as JSON has them; None: not there.
        layer_was, layer_becomes: the layers that the values come from; "": not there.
        words: the same in one line, for a reader.
        warnings: what the rule checker says of it, and what it takes back, one line each.
        masked_by: what else holds as long as the operator does not take it back; "": nothing.
    """

    setting: str
    was: Any
    becomes: Any
    layer_was: str
    layer_becomes: str
    words: str
    warnings: list[str]
    masked_by: str


def changes(
    before: Effective | None, after: Effective, *, overridden_model: str | None = None
) -> list[Change]:
    """Every setting that is another one, or comes from another layer.

    Args:
        before: None for an agent that is new: everything that somebody set for it is a change.
        overridden_model: the model that the operator set at run time, and that neither side has.
    """
    old: Mapping[Location, Setting] = {} if before is None else before.settings
    new = {
        at: setting
        for at, setting in after.settings.items()
        if before is not None or setting.layer is not Layer.DEFAULT
    }
    rules = _rule_warnings(after)
    found = []
    for at in [*new, *(gone for gone in old if gone not in new)]:
        was, becomes = old.get(at), new.get(at)
        if was == becomes:
            continue
        warnings = _warnings(at, was, becomes, rules)
        words = _words(at, was, becomes, rules)
        if is_taken_back(was, becomes) and _WARNING not in words:
            words += _WARNING
        masked = at == ("model",) and overridden_model is not None
        found.append(
            Change(
                setting=one_line(place(at)),
                was=_plain(was.value if was else None),
                becomes=_plain(becomes.value if becomes else None),
                layer_was=was.layer.value if was else "",
                layer_becomes=becomes.layer.value if becomes else "",
                words=words,
                warnings=warnings,
                masked_by=f"the model {overridden_model}, which the operator set" if masked else "",
            )
        )
    return found


def _words(
    at: Location,
    was: Setting | None,
    becomes: Setting | None,
    rules: Mapping[tuple[Location, str], list[str]],
) -> str:
    if was is not None and becomes is not None and was.value == becomes.value:
        return f"{place(at)}: the same, now {becomes.layer.value} instead of {was.layer.value}"
    value = becomes.value if becomes else was.value if was else None
    match at, value:
        case _, list():
            return _list_words(at, was, becomes, rules)
        case ("system_prompt",), str():
            return f"system_prompt: {_lines(was, becomes)}"
        case ("mcp", str(name)), _:
            return _keyed("MCP", name, was, becomes)
        case ("environment", str(name)), _:
            return _keyed("environment", name, was, becomes)
        case _:
            sides = [_sided(side) for side in (was, becomes) if side is not None]
            return f"{place(at)}: {' → '.join(sides)}"


def _sided(setting: Setting) -> str:
    return f"{_shown(setting.value)} ({setting.layer.value})"


def _list_words(
    at: Location,
    was: Setting | None,
    becomes: Setting | None,
    rules: Mapping[tuple[Location, str], list[str]],
) -> str:
    plus, minus = _added(was, becomes), _added(becomes, was)
    parts = [f"+ {_item(at, text)}{_WARNING if rules.get((at, text)) else ''}" for text in plus]
    # What is no longer denied may be allowed by another rule.
    marked = set(minus if at == ("bash", "deny") else taken_items(was, becomes))
    parts += [f"− {_item(at, text)}{_WARNING if text in marked else ''}" for text in minus]
    name = _LISTS.get(at, place(at))
    return f"{name} {', '.join(parts)}" if parts else f"{name}: the same in another order"


def _keyed(kind: str, name: str, was: Setting | None, becomes: Setting | None) -> str:
    if becomes is None:
        return f"{kind} − {one_line(name)}"
    if was is None:
        return f"{kind} + {one_line(name)}: {_shown(becomes.value)}"
    return f"{kind} {one_line(name)}: {_sided(was)} → {_sided(becomes)}"


def _lines(was: Setting | None, becomes: Setting | None) -> str:
    old, new = ((side.value if side else "").splitlines() for side in (was, becomes))
    # Counted, not compared: a proposal may hold tens of thousands of lines.
    plus = (Counter(new) - Counter(old)).total()
    minus = (Counter(old) - Counter(new)).total()
    parts = [f"{plus} added"] * bool(plus) + [f"{minus} taken away"] * bool(minus)
    if not parts:
        return "the same lines otherwise arranged"
    return f"{plus + minus} {'line' if plus + minus == 1 else 'lines'} changed ({', '.join(parts)})"


def _added(was: Setting | None, becomes: Setting | None) -> list[str]:
    """What the second list has and the first has not, each once."""
    old = set(was.value if was else [])
    return [text for text in dict.fromkeys(becomes.value if becomes else []) if text not in old]


def _item(at: Location, text: str) -> str:
    return f"`{_text(text)}`" if at in _LISTS else _text(str(text))


def _shown(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case McpServer():
            return f"`{_cut(one_line(command_line(value)))}`" + _mcp_more(value)
        case "":
            return '""'
        case BaseModel():
            return _text(value.model_dump_json())
        case _:
            return _text(str(value))


def _mcp_more(server: McpServer) -> str:
    more = [
        f"{name}={shlex.quote(redacted(value))}"
        for name, value in sorted(server.environment.items())
    ]
    if server.tools != ["*"]:
        more.append(f"tools {', '.join(server.tools)}")
    return f" with {_cut(one_line(', '.join(more)))}" if more else ""


def _text(text: str) -> str:
    """In one line; where it is cut off, it says so."""
    return _cut(one_line(redacted(text)))


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(line)} characters)"


def _plain(value: Any) -> Any:
    match value:
        case BaseModel():
            return value.model_dump(mode="json")
        case Enum():
            return value.value
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _rule_warnings(after: Effective) -> dict[tuple[Location, str], list[str]]:
    """What the rule checker says of each Bash rule."""
    alone = Declaration({after.name: after.agent}, frozenset({after.name}))
    said: dict[str, list[str]] = {}
    for found in rule_problems(alone, after.name, after.agent):
        said.setdefault(found.place, []).append(f"{found.message}; {found.todo}")
    return {
        (at, text): said.get(place(("agents", after.name, *at, index)), [])
        for at in _LISTS
        for index, text in enumerate(after.settings[at].value)
    }


def _warnings(
    at: Location,
    was: Setting | None,
    becomes: Setting | None,
    rules: Mapping[tuple[Location, str], list[str]],
) -> list[str]:
    found = list(_new_warnings(at, was, becomes, rules)) if at in _LISTS else []
    if taken := taken_items(was, becomes):
        found += [f"{_item(at, text)}: {TAKES_BACK}" for text in taken]
    elif is_taken_back(was, becomes):
        found.append(TAKES_BACK)
    return found


def _new_warnings(
    at: Location,
    was: Setting | None,
    becomes: Setting | None,
    rules: Mapping[tuple[Location, str], list[str]],
) -> Iterator[str]:
    for text in _added(was, becomes):
        for said in rules[at, text]:
            yield f"`{_text(text)}`: {said}"
    if at == ("bash", "deny"):
        for text in _added(becomes, was):
            yield f"`{_text(text)}`: no longer denied"

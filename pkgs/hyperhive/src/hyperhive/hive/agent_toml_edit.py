"""Changes an agent.toml in place: what its author wrote stays as it is, comments and all."""

from collections.abc import Callable, Sequence
from typing import Any

import tomlkit
from pydantic import ValidationError
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable

from hyperhive.errors import InputError
from hyperhive.hive.agent_toml import AGENT_TOML, parse_agent_toml
from hyperhive.hive.override import Override
from hyperhive.hive.shape import shape_problems
from hyperhive.hive.tables import BashRules


def with_rule(agent_toml: str, effective_allow: Sequence[str], rule: str) -> str:
    """An agent.toml that allows one Bash rule more.

    Args:
        agent_toml: as it is now; "" for none.
        effective_allow: what the agent may run as things are. It is written out where the file
            does not name `bash.allow`, which would else take the place of the declared list.
        rule: what stands in `Bash(...)`.

    Raises:
        InputError: it is no rule, or the file cannot be changed.
    """
    _check_rule(rule)
    before = parse_agent_toml(agent_toml)
    named = "allow" in before.bash.model_fields_set
    rules = list(before.bash.allow if named else effective_allow)
    if named and rule in rules:
        return agent_toml
    rules += [] if rule in rules else [rule]
    wanted = _with_rules(before, rules)
    text = agent_toml.removeprefix("\ufeff")
    for edit in (_appended, _put_first, _replaced) if named else (_replaced,):
        changed = _edited(text, edit, rules, rule)
        if changed is not None and _means(changed, wanted):
            return changed
    raise InputError(
        f"{AGENT_TOML} cannot be changed as it is written", "add the rule to bash.allow by hand"
    )


_Edit = Callable[[Any, list[str], str], None]
"""Changes the table `bash`: takes it, all rules, and the new one among them."""


def _edited(text: str, edit: _Edit, rules: list[str], rule: str) -> str | None:
    try:
        document = tomlkit.parse(text)
        if "bash" not in document:
            return _with_table(text, rules)
        edit(document["bash"], rules, rule)
        return document.as_string()
    except (TOMLKitError, TypeError, AttributeError, LookupError, ValueError):
        # It takes for granted what a file may do otherwise; the next way may do.
        return None


def _with_table(text: str, rules: list[str]) -> str:
    """A table at the end is one of the file's own, whatever stands before it."""
    end = "" if text.endswith("\n") or not text else "\n"
    blank = "\n" if text.strip() else ""
    return (
        f"{text}{end}{blank}[bash]\nallow = {_array(rules).multiline(multiline=True).as_string()}\n"
    )


def _array(rules: list[str]) -> Array:
    array = tomlkit.array()
    array.extend(rules)
    return array


def _appended(bash: Any, rules: list[str], rule: str) -> None:
    bash["allow"].append(rule)


def _put_first(bash: Any, rules: list[str], rule: str) -> None:
    # A comment after a last item without a comma is in the way of one more item.
    bash["allow"].insert(0, rule)


def _replaced(bash: Any, rules: list[str], rule: str) -> None:
    bash["allow"] = _array(rules).multiline(multiline=not isinstance(bash, InlineTable))


def _with_rules(override: Override, rules: list[str]) -> Override:
    bash = override.bash.model_copy(update={"allow": rules})
    return override.model_copy(update={"bash": bash})


def _means(text: str, wanted: Override) -> bool:
    """Whether it says what is wanted; the order of rules makes no difference."""
    try:
        found = parse_agent_toml(text)
    except InputError:
        return False
    return _with_rules(found, sorted(found.bash.allow)) == _with_rules(
        wanted, sorted(wanted.bash.allow)
    )


def _check_rule(rule: str) -> None:
    try:
        BashRules.model_validate({"allow": [rule]})
    except ValidationError as error:
        found = shape_problems(error, BashRules)[0]
        raise InputError(f"the rule {rule[:80]!r}: {found.message}", found.todo) from None

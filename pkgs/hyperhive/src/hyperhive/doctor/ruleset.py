"""What the hive's table of nftables does with a packet, read from `nft --json`.

The form is that of libnftables-json(5), and only what the question needs is understood. A rule with
a condition that is not understood may or may not hold: it is taken for one that lets a packet in,
and for none that keeps one out.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from hyperhive.doctor.facts import Firewall

AGENT_INTERFACES: Final = "ve-h-*"
"""What nspawn calls the host's ends of the agents' links."""

_ESTABLISHED: Final = {"established", "related"}


def read_ruleset(text: str) -> Firewall:
    """The table in the output of `nft --json list table inet hyperhive`.

    Raises:
        ValueError: the text is no such output.
    """
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("nftables"), list):
        raise ValueError("not the output of nft --json")
    items = [item for item in document["nftables"] if isinstance(item, dict)]
    chains = [item["chain"] for item in items if isinstance(item.get("chain"), dict)]
    rules = [item["rule"] for item in items if isinstance(item.get("rule"), dict)]
    return Firewall(
        loaded=True,
        closed=any(_drops(chain, rules) for chain in chains if chain.get("hook") == "input"),
        outside=frozenset(name for rule in rules for name in _outside(rule)),
    )


def _drops(chain: Mapping[str, Any], rules: list[Any]) -> bool:
    """Whether a chain drops a new connection from an agent, whatever else is true of it."""
    for rule in rules:
        if rule.get("chain") != chain.get("name"):
            continue
        conditions, verdict = _parted(rule)
        holds = [_holds(condition) for condition in conditions]
        if verdict == "drop" and all(each is True for each in holds):
            return True
        if verdict not in ("drop", "") and not any(each is False for each in holds):
            return False
    return chain.get("policy") == "drop"


def _parted(rule: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """A rule's conditions, and what becomes of a packet that fulfils them; "": it goes on."""
    conditions: list[dict[str, Any]] = []
    verdict = ""
    for part in _parts(rule):
        match part:
            case {"match": dict(condition)}:
                conditions.append(condition)
            case {"drop": _}:
                verdict = "drop"
            case {"accept": _} | {"jump": _} | {"goto": _} | {"vmap": _} | {"queue": _}:
                verdict = next(iter(part))
    return conditions, verdict


def _parts(rule: Mapping[str, Any]) -> list[Any]:
    parts = rule.get("expr")
    return parts if isinstance(parts, list) else []


def _holds(condition: Mapping[str, Any]) -> bool | None:
    """Whether a condition holds for a new connection from an agent; None: not understood."""
    match condition:
        case {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": str(name)}:
            return _names_agents(name)
        case {"op": "==" | "in", "left": {"ct": {"key": "state"}}, "right": states}:
            return False if _words(states) <= _ESTABLISHED else None
    return None


def _names_agents(name: str) -> bool | None:
    """Whether a name means all agents' interfaces; None: some of them."""
    if name.endswith("*") and AGENT_INTERFACES.startswith(name[:-1]):
        return True
    return None if name.startswith(AGENT_INTERFACES[:-1]) else False


def _words(value: object) -> set[str]:
    """The words of a value: one, several, or a set of them."""
    match value:
        case str():
            return {value}
        case {"set": values}:
            return _words(values)
        case list():
            return {word for each in value for word in _words(each)}
    return {"?"}


def _outside(rule: Mapping[str, Any]) -> Iterator[str]:
    """The interfaces behind which a rule hides addresses."""
    if any(isinstance(part, dict) and "masquerade" in part for part in _parts(rule)):
        for condition in _parted(rule)[0]:
            if condition.get("left") == {"meta": {"key": "oifname"}}:
                yield from _words(condition.get("right"))

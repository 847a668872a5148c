"""What the hive tells in its notices, which are JSON, in words for a person."""

import json
from typing import Any


def in_words(body: str) -> str:
    """A notice in words, with the lines of a log below; one of an unknown kind as it is.

    What came from an agent still has to be made fit for a terminal.
    """
    try:
        told = json.loads(body)
    except ValueError:
        return body
    if not isinstance(told, dict):
        return body
    words = _words(told)
    if words is None:
        return body
    lines = [line for name in ("lines", "log") for line in _list(told.get(name))]
    return "\n".join([words, *(f"    {line}" for line in lines)])


def _words(told: dict[str, Any]) -> str | None:
    agent, id = told.get("agent"), told.get("id")
    match told.get("event"):
        case "container_crash":
            how = " ".join(str(told[part]) for part in ("result", "status") if told.get(part))
            return f"{agent}: its container crashed: {how}{_lost(told)}"
        case "harness_crash":
            return f"{agent}: its harness crashed{_lost(told)}"
        case "approval_resolved":
            return f"{agent}: approval {id} was {told.get('state')} by {told.get('by')}{_why(told)}"
        case "deployed":
            return f"{agent}: approval {id} is deployed"
        case "spawned":
            return f"{agent} is in the hive now: approval {id}"
        case "failed":
            see = f"all that was said: hyperhive show {id}"
            return f"{agent}: approval {id} failed: {told.get('error')}\n{see}"
        case "destroyed":
            return f"{agent} was destroyed{_why(told)}"
        case "needs_login":
            return f"{agent} needs a login{_why(told)}"
    return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _lost(told: dict[str, Any]) -> str:
    return f", turn {told['turn']} is lost" if told.get("turn") is not None else ""


def _why(told: dict[str, Any]) -> str:
    return f": {told['reason']}" if told.get("reason") else ""

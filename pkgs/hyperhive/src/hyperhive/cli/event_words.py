"""What an event tells, in words for a person; what only machines need is left out."""

import json
from typing import Any

from hyperhive.cli.output import clock_time
from hyperhive.operator.models import Event


def said(event: Event) -> str:
    """The event in words. What came from an agent still has to be made fit for a terminal."""
    if event.kind.startswith("turn."):
        words = _in_turn(event.kind.removeprefix("turn."), event.data)
    else:
        words = _of_hive(event.kind, event.data)
    return _members(event.data) if words is None else words


def _of_hive(kind: str, data: dict[str, Any]) -> str | None:
    """What the hive itself wrote down; None: it has no words of its own."""
    match kind:
        case "message":
            return f"{data['id']}: {data['from']} → {data['to']}"
        case "state":
            return f"{data['was']} → {data['state']}{_until(data)}{_because(data)}"
        case "status":
            return str(data.get("text"))
        case "turn_started":
            what = f"{data['kind']}, " if data.get("kind", "message") != "message" else ""
            whom = f"message {data['message']} from {data['from']}, " if "message" in data else ""
            return f"{what}{whom}model {data.get('model')}{_because(data)}"
        case "requeued" | "dead" | "dropped":
            return f"message {data['id']}{_because(data)}"
        case "nap":
            return f"{_until(data).strip()}{_because(data)}"
        case "question":
            return f"{data['id']}: {data['from']} asks {data['to']}, open{_until(data)}"
        case "question_closed":
            return f"{data['id']}: {data['state']} by {data['by']}"
        case "reminder":
            return f"{data['id']}: due {clock_time(data['until'])}"
        case "reminder_sent" | "reminder_dropped" | "reminder_parked":
            return f"{data['id']}{_because(data)}"
        case "model":
            return f"{data['was']} → {data['model']} ({data['layer']}), by {data['by']}"
        case "cancel":
            ended = ", ".join(data["ended"])
            fate = f"; messages: {data['messages']}" if data.get("messages") else ""
            return f"{ended}{fate}{_because(data)}"
        case "container":
            return f"{data['was'] or 'unknown'} → {data['state']}{_because(data)}"
        case "container_crash":
            last = f"; {data['lines'][-1]}" if data.get("lines") else ""
            return f"{data['result']} {data['status']}{_lost(data)}{last}"
        case "harness_crash":
            return f"its harness died{_lost(data)}"
        case "wanted":
            was, wanted = (data[name] or "as declared" for name in ("was", "wanted"))
            return f"{was} → {wanted}{_because(data)}"
        case "deployment":
            done = ", ".join(data["changes"])
            return "; failed: ".join(part for part in (done, data.get("error", "")) if part)
        case "approval":
            return _approval(data)
        case "compaction_due":
            return f"{data['step']}{_because(data)}"
        case "nap_ended" | "notes_due" | "new_session" | "loop_guard":
            return str(data["reason"])
    return None


def _approval(data: dict[str, Any]) -> str:
    by = f" by {data['by']}" if data.get("by") else ""
    why = data.get("error") or data.get("reason")
    done = f": {', '.join(data['changes'])}" if data.get("changes") else ""
    return f"{data['id']} ({data['kind']}): {data['state']}{by}{f': {why}' if why else done}"


def _in_turn(kind: str, data: dict[str, Any]) -> str | None:
    """What a harness said of a turn, whatever it holds; None: it has no words of its own."""
    match kind:
        case "tool_use" | "denied":
            return f"{data.get('tool')} {_argument(data.get('input'))}"
        case "tool_result":
            return f"{'error: ' if data.get('error') else ''}{data.get('content')}"
        case "text" | "thinking" | "notice":
            return str(data.get("text"))
        case "compaction":
            sizes = _sizes(data.get("pre_tokens"), data.get("post_tokens"), "tokens")
            error = f": {data['error']}" if data.get("error") else ""
            return f"{data.get('status')}{sizes}{error}"
        case "notes":
            sizes = _sizes(data.get("bytes_before"), data.get("bytes_after"), "bytes")
            return f"{data.get('status')}{sizes}{_because(data)}"
    return None


def _until(data: dict[str, Any]) -> str:
    return f" until {clock_time(data['until'])}" if "until" in data else ""


def _lost(data: dict[str, Any]) -> str:
    return f", turn {data['turn']} lost" if data.get("turn") is not None else ""


def _because(data: dict[str, Any]) -> str:
    return f": {data['reason']}" if data.get("reason") else ""


def _sizes(before: object, after: object, unit: str) -> str:
    if before is None:
        return ""
    return f", {before} {unit}" if after is None else f", {before} → {after} {unit}"


def _argument(input: object) -> str:
    """The one thing that tells a tool call: its first text, a command or a path."""
    if isinstance(input, dict):
        for value in input.values():
            if isinstance(value, str):
                return value
    return json.dumps(input, ensure_ascii=False)


def _members(data: dict[str, Any]) -> str:
    return " ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in data.items()
        if value not in ("", None, [], {})
    )

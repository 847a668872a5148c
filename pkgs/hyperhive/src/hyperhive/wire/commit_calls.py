"""Adds to a call of request_apply_commit the objects of the commit that it names.

What the model gives names an agent and a commit; `arguments.objects` is set here and nowhere else.
What cannot be read is said there as well (`{"error": ...}`), since only the broker answers calls.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

from hyperhive.wire.commit_reader import read_commit
from hyperhive.wire.git_objects import ObjectsError
from hyperhive.wire.jsonrpc import MAX_LINE
from hyperhive.wire.records import to_json

TOOL: Final = "request_apply_commit"
AGENT_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,7}[a-z0-9])?")
"""As `hive.names.AGENT_NAME_PATTERN`: such a name cannot lead out of a directory."""


def with_commit(line: bytes, proposed: str) -> bytes:
    """The line of a call with the commit that it proposes; any other line as it is.

    Args:
        line: what claude says, with its end.
        proposed: directory with NAME/config for every agent, a repository each.
    """
    body = _call(line)
    if body is None:
        return line
    arguments = body["params"]["arguments"]
    arguments["objects"] = _objects(arguments.get("agent"), arguments.get("commit"), proposed)
    added = _encoded(body)
    if len(added) > MAX_LINE:
        arguments["objects"] = {"error": "the call is too long: make the description shorter"}
        added = _encoded(body)
    return added if len(added) <= MAX_LINE else line


def _call(line: bytes) -> dict[str, Any] | None:
    """The call in a line, if it is one of `TOOL`."""
    try:
        body = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match body:
        case {"method": "tools/call", "params": {"name": name, "arguments": {}}} if name == TOOL:
            return dict(body)
    return None


def _objects(agent: object, commit: object, proposed: str) -> dict[str, Any]:
    try:
        if not isinstance(commit, str):
            raise ObjectsError(
                "`commit` is the full id of a commit, as `git rev-parse HEAD` prints"
            )
        return to_json(read_commit(_repository(agent, proposed), commit))
    except ObjectsError as error:
        return {"error": str(error)}


def _repository(agent: object, proposed: str) -> str:
    if not isinstance(agent, str) or AGENT_NAME.fullmatch(agent) is None:
        raise ObjectsError("`agent` is the name of an agent, as list_agents gives it")
    repository = f"{proposed}/{agent}/config"
    if not Path(repository).is_dir():
        raise ObjectsError(
            f"there is no {repository}: it is made with the agent, which list_agents would name"
        )
    return repository


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"

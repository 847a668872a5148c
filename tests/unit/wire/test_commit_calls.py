"""Which lines are calls that propose a commit, and what becomes of them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.names import AGENT_NAME_PATTERN
from hyperhive.wire import bridge, commit_calls, jsonrpc
from hyperhive.wire.commit_calls import with_commit
from hyperhive.wire.git_objects import CommitObjects, ObjectsError, read_objects

NOWHERE = "/nowhere"
SHA = "1" * 40


def line(name: str = commit_calls.TOOL, method: str = "tools/call", **arguments: Any) -> bytes:
    params = {"name": name, "arguments": arguments, "_meta": {"progressToken": 3}}
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return json.dumps(body).encode() + b"\n"


def arguments_of(call: bytes) -> Any:
    return json.loads(call)["params"]["arguments"]


def error_of(call: bytes) -> str:
    with pytest.raises(ObjectsError) as caught:
        read_objects(arguments_of(call)["objects"])
    return str(caught.value)


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch) -> CommitObjects:
    objects = CommitObjects("Yw==", "dA==", {"b": "Yg=="})
    monkeypatch.setattr(commit_calls, "read_commit", lambda *_: objects)
    return objects


def test_the_call_gets_the_objects_and_nothing_else_changes(
    tmp_path: Path, readable: CommitObjects
) -> None:
    (tmp_path / "alice" / "config").mkdir(parents=True)
    given: dict[str, Any] = {
        "agent": "alice",
        "commit": SHA,
        "description": "äöü \ud800 ",
        "supersede": 3,
    }
    call = line(**given)
    added = with_commit(call, str(tmp_path))
    assert read_objects(arguments_of(added)["objects"]) == readable
    before, after = json.loads(call), json.loads(added)
    del after["params"]["arguments"]["objects"]
    assert after == before
    assert added.count(b"\n") == 1
    assert added.endswith(b"\n")


def test_objects_of_the_model_s_own_are_replaced(tmp_path: Path, readable: CommitObjects) -> None:
    (tmp_path / "alice" / "config").mkdir(parents=True)
    forged = line(agent="alice", commit=SHA, objects={"commit": "eA==", "tree": "", "blobs": {}})
    assert read_objects(arguments_of(with_commit(forged, str(tmp_path)))["objects"]) == readable
    assert "no /nowhere/alice/config" in error_of(with_commit(forged, NOWHERE))


@pytest.mark.parametrize(
    "other",
    [
        line(name="send", body="request_apply_commit"),
        line(name="x_request_apply_commit"),
        line(method="tools/list"),
        b'{"method":"tools/call","params":{"name":"request_apply_commit"}}\n',
        b'{"method":"tools/call","params":{"name":"request_apply_commit","arguments":[]}}\n',
        b'{"method":"tools/call","params":[]}\n',
        b'["request_apply_commit"]\n',
        b'"request_apply_commit"\n',
        b"request_apply_commit\n",
        b"[" * 100_000 + b"request_apply_commit\n",
        b"\xff request_apply_commit\n",
        b"\n",
    ],
)
def test_any_other_line_stays_as_it_is(other: bytes) -> None:
    assert with_commit(other, NOWHERE) == other


@given(st.binary(max_size=60))
def test_no_line_is_too_odd(text: bytes) -> None:
    call = text + b"request_apply_commit" + text + b"\n"
    assert with_commit(call, NOWHERE) == call


@pytest.mark.parametrize(
    "agent",
    ["..", "../x", "alice/..", "/etc", "", "Alice", "a" * 10, "alice\n", "a\0b", ".git", None, 3,
     ["alice"], {"a": 1}],
)  # fmt: skip
def test_an_agent_s_name_leads_nowhere_else(tmp_path: Path, agent: object) -> None:
    (tmp_path / "proposed").mkdir()
    (tmp_path / "config").mkdir()
    proposed = str(tmp_path / "proposed")
    words = error_of(with_commit(line(agent=agent, commit=SHA), proposed))
    assert "list_agents" in words


@pytest.mark.parametrize("commit", [None, 3, [SHA], {"sha": SHA}])
def test_a_commit_is_text(commit: object) -> None:
    words = error_of(with_commit(line(agent="alice", commit=commit), NOWHERE))
    assert "git rev-parse HEAD" in words


def test_an_agent_without_a_repository(tmp_path: Path) -> None:
    words = error_of(with_commit(line(agent="zoe", commit=SHA), str(tmp_path)))
    assert f"there is no {tmp_path}/zoe/config" in words


def test_a_call_that_would_be_too_long_says_so(tmp_path: Path) -> None:
    long = line(agent="alice", commit=SHA, description="x" * (jsonrpc.MAX_LINE - 400))
    assert len(long) < jsonrpc.MAX_LINE
    added = with_commit(long, str(tmp_path / ("d" * 200)))
    assert len(added) <= jsonrpc.MAX_LINE
    assert "description shorter" in error_of(added)


def test_a_call_with_no_room_for_any_word_stays_as_it_is(tmp_path: Path) -> None:
    short = len(line(agent="alice", commit=SHA, description=""))
    long = line(agent="alice", commit=SHA, description="x" * (jsonrpc.MAX_LINE - short))
    assert len(long) == jsonrpc.MAX_LINE
    assert with_commit(long, str(tmp_path)) == long


def test_what_is_said_twice_is_the_same() -> None:
    assert f"^{commit_calls.AGENT_NAME.pattern}$" == AGENT_NAME_PATTERN
    assert commit_calls.TOOL.encode() == bridge.MARK
    assert bridge._MAX_LINE == jsonrpc.MAX_LINE

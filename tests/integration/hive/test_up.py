"""`hyperhive up`: a whole hive on one machine, with the scripted claude."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.errors import HyperhiveError
from tests.integration.hive.local import (
    DEADLINE,
    HYPERHIVE,
    LocalHive,
    command,
    processes_of,
    up,
    wait_for,
)
from tests.tools import ROOT, need

EXAMPLE: Final = ROOT / "examples" / "hive.toml"

SCRIPT: Final = [
    {
        "when": {"agent": "boss", "from": "operator"},
        "do": [
            {
                "tool": "mcp__hyperhive__send",
                "input": {"to": "alice", "body": "{body}", "idempotency_key": "boss-{id}"},
            }
        ],
    },
    {
        "when": {"agent": "alice", "contains": "slow"},
        "do": [{"bash": "sleep 300"}, {"say": "Done sleeping."}],
    },
    {
        "when": {"agent": "alice"},
        "do": [
            {"bash": "echo allowed"},
            {"bash": "touch denied"},
            {
                "tool": "mcp__hyperhive__send",
                "input": {
                    "to": "operator",
                    "body": "alice got: {body}",
                    "in_reply_to": "{id}",
                    "idempotency_key": "alice-{id}",
                },
            },
        ],
    },
]


def declare(directory: Path, **hive: Any) -> Path:
    """A hive file: a boss and alice, who follow the script."""
    script = directory / "script.json"
    script.write_text(json.dumps(SCRIPT))
    environment = {"SCRIPTED_CLAUDE_SCRIPT": str(script)}
    rules = {"allow": ["echo *", "sleep *"], "deny": []}
    file = directory / "hive.json"
    agents = {
        "boss": {"role": "manager", "environment": environment},
        "alice": {"environment": environment, "bash": rules},
        "idler": {"autostart": False, "environment": environment},
    }
    file.write_text(json.dumps({"hive": {"name": "lab"} | hive, "agents": agents}))
    return file


def test_a_message_goes_from_agent_to_agent_and_back(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        assert "agents run as your user, not isolated" in hive.log.read_text()
        assert "the model is scripted" in hive.log.read_text()
        hive.wait_states(boss="idle", alice="idle", idler="offline")
        sent = hive.ask("send", "manager", "tell alice hello", "--key", "once")
        assert hive.ask("send", "manager", "tell alice hello", "--key", "once") == sent
        answer = hive.wait_mail("alice got: tell alice hello")
        assert (answer["from"], answer["state"]) == ("alice", "queued")
        hive.wait_states(boss="idle", alice="idle")
        messages = hive.ask("messages")
        assert [(m["from"], m["to"], m["state"]) for m in messages] == [
            ("operator", "boss", "acked"),
            ("boss", "alice", "acked"),
            ("alice", "operator", "queued"),
        ]
        assert re.search(r"alice got: tell alice hello", hive.run("inbox"))
        assert hive.run("inbox") == "No messages.\n"
        assert [m["state"] for m in hive.ask("inbox", "--all")] == ["acked"]
        lines = hive.run("events", "alice", "--json").splitlines()
        kinds = [json.loads(line)["kind"] for line in lines]
        for kind in ("message", "turn_started", "turn.init", "turn.denied", "turn_finished"):
            assert kind in kinds
        assert all(len(line) <= 80 for line in hive.run("agents").splitlines())
        assert all(len(line) <= 80 for line in hive.run("events").splitlines())
        assert hive.end() == 0
    assert processes_of(state) == []
    assert [path for path in state.rglob("*") if path.is_socket()] == []


def test_what_was_sent_is_there_after_a_restart_and_a_kill(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.wait_states(alice="idle")
        hive.ask("send", "idler", "for later")
        hive.ask("send", "alice", "slow")
        hive.wait_states(alice="thinking")
        wait_for("alice to sleep", lambda: "sleep" in " ".join(processes_of(state)))
        assert hive.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for("every process of the killed hive to end", lambda: processes_of(state) == [])
    with up(file, state, "scripted") as hive:
        hive.wait_states(alice="thinking")
        waiting = {m["to"]: m for m in hive.ask("messages")}
        assert waiting["idler"]["state"] == "queued"
        assert (waiting["alice"]["state"], waiting["alice"]["deliveries"]) == ("leased", 2)
        assert hive.end() == 0
    assert processes_of(state) == []


def test_agents_are_stopped_started_paused_and_resumed(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.wait_states(alice="idle")
        assert "paused (lunch)" in hive.run("agent", "pause", "alice", "--reason", "lunch")
        hive.ask("send", "alice", "hello")
        assert hive.ask("agents")[0]["unread"] == 1
        assert hive.run("agent", "resume", "alice").startswith("alice: ")
        hive.wait_mail("alice got: hello")
        hive.ask("send", "alice", "slow")
        hive.wait_states(alice="thinking")
        stopped = hive.ask("agent", "stop", "alice")
        assert (stopped["state"], stopped["reason"]) == ("offline", "stopped by the operator")
        assert hive.ask("messages", "--agent", "alice")[-1]["state"] == "queued"
        hive.run("agent", "start", "alice")
        hive.wait_states(alice="thinking")
        hive.run("agent", "start", "idler")
        hive.wait_states(idler="idle")
        assert "there is no agent 'carol'" in hive.run("agent", "stop", "carol", status=2)
        with hive.client() as client:
            began = client.agent("idler").since
            client.act("idler", "restart")
            hive.wait_states(idler="idle")
            assert client.agent("idler").since > began
            for remove in (client.destroy, client.purge):
                with pytest.raises(HyperhiveError, match="has no containers"):
                    remove("alice")
        assert crashes(hive) == []


def test_what_the_operator_wants_of_an_agent_outlives_the_hive(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.run("agent", "stop", "alice", "--reason", "holidays")
        hive.run("agent", "start", "idler")
    with up(file, state, "scripted") as hive:
        hive.wait_states(boss="idle", idler="idle")
        (alice,) = [agent for agent in hive.ask("agents") if agent["name"] == "alice"]
        assert (alice["state"], alice["reason"]) == ("offline", "holidays")
        assert crashes(hive) == []


def crashes(hive: LocalHive) -> list[dict[str, Any]]:
    """What the manager has been told of crashes, and whether that is all that happened."""
    with hive.client() as client:
        events = client.events(agent=None, after=0, limit=1000)
        mail = client.messages(agent="boss", after=0, limit=1000)
    notices = [json.loads(one.body) for one in mail if one.kind == "notice"]
    happened = [event for event in events if event.kind == "harness_crash"]
    assert [one["turn"] for one in notices] == [event.turn for event in happened]
    return notices


def test_a_harness_that_dies_is_started_again(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.wait_states(alice="idle")
        hive.ask("send", "alice", "slow")
        hive.wait_states(alice="thinking")
        children = Path(f"/proc/{hive.process.pid}/task/{hive.process.pid}/children")
        for pid in children.read_text().split():
            if "alice" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(int(pid), signal.SIGKILL)

        def again() -> bool:
            (message,) = hive.ask("messages", "--agent", "alice")
            return bool(message["deliveries"] == 2)

        wait_for("the message to be delivered again", again)
        wait_for("the crash to be told", lambda: crashes(hive))
        (crash,) = crashes(hive)
        with hive.client() as client:
            (lost, *_) = [turn.id for turn in client.turns(agent="alice", after=0, limit=9)]
        assert (crash["event"], crash["agent"], crash["turn"]) == ("harness_crash", "alice", lost)


def test_a_second_hive_on_the_same_state_is_refused(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        done = command("up", str(file), "--state", str(state), "--claude", "scripted")
        assert done.returncode == 1
        assert re.match(rf"error: a broker \(pid {hive.process.pid}\) is running on", done.stderr)
        hive.run("agents")
    other = declare(tmp_path, name="other")
    done = command("up", str(other), "--state", str(state), "--claude", "scripted")
    assert done.returncode == 1
    assert "belongs to hive 'lab', not 'other'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["agents"],
        ["send", "alice", "hello"],
        ["inbox"],
        ["messages"],
        ["events", "--follow"],
        ["agent", "start", "alice"],
    ],
    ids=lambda words: words[0],
)
def test_without_a_broker_each_command_says_how_to_start_one(
    tmp_path: Path, words: list[str]
) -> None:
    done = command(*words, "--state", str(tmp_path / "nowhere"))
    assert done.returncode == 3
    first, second = done.stderr.splitlines()
    assert first.startswith("error: no broker")
    assert "hyperhive up FILE" in second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--claude", "/no/such/claude"], "/no/such/claude is not an executable file"),
        (["--state", "/proc/nope"], "/proc/nope"),
    ],
    ids=["claude", "state"],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, words: list[str], said: str) -> None:
    given = ["--state", str(tmp_path / "state")] if words[0] != "--state" else []
    done = command("up", str(EXAMPLE), *given, *words)
    assert done.returncode in (1, 2), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_read_only_state_directory_is_said(tmp_path: Path) -> None:
    need("a mount namespace", os.getuid() == 0, "run the tests as root")
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.ask("send", "idler", "for later")
    mounted = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'
    words = [HYPERHIVE, "up", str(file), "--state", str(state), "--claude", "scripted"]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", mounted, "sh", str(state), *words],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.returncode == 1
    what, todo = done.stderr.splitlines()[-2:]
    assert what == f"error: {state}/hive.sqlite: Read-only file system"
    assert "can be written" in todo
    with up(file, state, "scripted") as hive:
        assert [m["body"] for m in hive.ask("messages")] == ["for later"]


def test_events_follow(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    with up(file, state, "scripted") as hive:
        hive.wait_states(alice="idle")
        follow = [HYPERHIVE, "events", "alice", "--follow", "--json", "--state", str(state)]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            hive.ask("send", "alice", "hello")
            for line in following.stdout:
                event = json.loads(line)
                if event["kind"] == "turn_finished":
                    break
            assert event["data"]["outcome"] == "ok"
            assert hive.end() == 0
            assert following.wait(DEADLINE) == 0

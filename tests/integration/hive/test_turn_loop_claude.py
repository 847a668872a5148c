"""The turn loop of a whole hive with the real claude CLI; only the model's API is scripted."""

import re
import signal
import threading
import time
from pathlib import Path
from typing import Final

import pytest

from hyperhive.operator.models import Question
from tests.integration.hive.alone import alice, alone, mail, state_of, tell, turns, wait_prompt
from tests.integration.hive.local import LocalHive, processes_of, wait_for
from tests.scripted_api import ScriptedApi
from tests.scripted_steps import ApiError, Call, Step, ToolUse

pytestmark = pytest.mark.claude

TOOL: Final = "mcp__hyperhive__"


class Model:
    """A model that calls, once each, the tools that a prompt of some words is answered with."""

    def __init__(self, **tools: ToolUse) -> None:
        self.tools = tools

    def __call__(self, call: Call) -> Step:
        for words, tool in self.tools.items():
            if words in call.prompt and not call.results:
                return Step(tools=[tool])
        return Step(text="Done.")


def test_a_model_set_at_run_time_is_the_next_turns(tmp_path: Path, claude_cli: Path) -> None:
    with (
        ScriptedApi(Model()) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        hive.wait_acked(tell(hive, "one"))
        hive.run("model", "alice", "claude-opus-5-5")
        row = alice(hive)
        assert (row.model_active, row.model_queued) == ("claude-haiku-4-5", "claude-opus-5-5")
        hive.wait_acked(tell(hive, "two"))
        hive.run("model", "alice", "--reset")
        hive.wait_acked(tell(hive, "three"))
        assert [call.body["model"] for call in api.calls] == [
            "claude-haiku-4-5",
            "claude-opus-5-5",
            "claude-haiku-4-5",
        ]


def test_an_unknown_model_is_said_and_mended_by_another(tmp_path: Path, claude_cli: Path) -> None:
    def model(call: Call) -> Step:
        if call.body["model"] == "claude-nobody-1":
            return Step(error=ApiError(404, "not_found_error", "model: claude-nobody-1"))
        return Step(text="Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        hive.run("model", "alice", "claude-nobody-1")
        message = tell(hive, "hello")
        hive.wait_states(alice="failed")
        assert "the API knows no model 'claude-nobody-1'" in alice(hive).reason
        asked = len(api.calls)
        hive.run("model", "alice", "--reset")
        hive.wait_acked(message)
        assert len(api.calls) == asked + 1
        (row,) = mail(hive)
        assert row.attempts == 0


def test_a_cancel_in_the_middle_of_a_command_leaves_no_process(
    tmp_path: Path, claude_cli: Path
) -> None:
    state = state_of(tmp_path)
    model = Model(work=ToolUse("Bash", {"command": "bash hold.sh"}))
    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        work = state / "agents/alice/state/work"
        work.mkdir(exist_ok=True)
        (work / "hold.sh").write_text(
            "trap '' INT TERM HUP\nsetsid sleep 600 &\ntouch held\nwhile :; do sleep 600; done\n"
        )
        message = tell(hive, "work")
        wait_for("the command to run", (work / "held").exists)
        before = processes_of(state)
        assert any("sleep" in name for name in before)
        assert hive.ask("cancel", "alice", "--reason", "enough")["ended"] == ["turn 1"]
        hive.wait_states(alice="idle")
        assert not [name for name in processes_of(state) if "sleep" in name or "claude" in name]
        (row,) = mail(hive)
        assert (row.id, row.state, row.note) == (message, "acked", "enough")
        (turn,) = turns(hive)
        assert turn.outcome == "cancelled"


@pytest.mark.parametrize("headers", [{}, {"retry-after": "1800"}])
def test_a_rate_limit_waits_and_a_cancel_ends_the_wait(
    tmp_path: Path, claude_cli: Path, headers: dict[str, str]
) -> None:
    limited = threading.Event()
    limited.set()

    def model(_call: Call) -> Step:
        if limited.is_set():
            return Step(error=ApiError(429, "rate_limit_error", "slow down", headers))
        return Step(text="Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        message = tell(hive, "hello")
        hive.wait_states(alice="rate_limited")
        row = alice(hive)
        assert row.until is not None
        waits = row.until - row.since
        assert row.claude is not None
        if headers and tuple(map(int, row.claude.split("."))) >= (2, 1, 330):
            # claude says when it would try again: up to a quarter after the API's time.
            assert 1800 <= waits <= 2250
        else:  # an older one does not
            assert waits == pytest.approx(60, abs=5)
        limited.clear()
        hive.run("cancel", "alice")
        hive.wait_acked(message)


def test_a_nap_lasts_until_it_is_cancelled(tmp_path: Path, claude_cli: Path) -> None:
    model = Model(rest=ToolUse(TOOL + "nap", {"seconds": 3600, "reason": "the build runs"}))
    with ScriptedApi(model) as api:
        with alone(tmp_path, api, claude_cli) as hive:
            hive.wait_acked(tell(hive, "rest"))
            hive.wait_states(alice="napping")
        with alone(tmp_path, api, claude_cli) as hive:
            hive.wait_states(alice="napping")
            row = alice(hive)
            assert row.reason == "the build runs"
            assert row.until is not None
            assert row.until > time.time() + 3000
            hive.run("cancel", "alice")
            hive.wait_states(alice="idle")
            hive.wait_acked(tell(hive, "up"))


def questions(hive: LocalHive, *, closed: bool = False) -> list[Question]:
    with hive.client() as client:
        return client.questions(agent=None, after=0, limit=100, closed=closed)


@pytest.mark.parametrize("how", ["answered", "expired", "cancelled"])
def test_a_question_is_resolved_after_a_restart(tmp_path: Path, claude_cli: Path, how: str) -> None:
    ttl = 8 if how == "expired" else 3600
    asked = {"question": "Tea?", "options": ["yes", "no"], "ttl_seconds": ttl}
    with ScriptedApi(Model(tea=ToolUse(TOOL + "ask_operator", asked))) as api:
        with alone(tmp_path, api, claude_cli) as hive:
            hive.wait_acked(tell(hive, "tea"))
            (row,) = questions(hive)
            assert (row.question, row.options, str(row.state)) == ("Tea?", ["yes", "no"], "open")
            assert 0 < row.remaining <= ttl
        with alone(tmp_path, api, claude_cli) as hive:
            match how:
                case "answered":
                    hive.run("answer", str(row.id), "yes")
                case "cancelled":
                    hive.run("answer", str(row.id), "--cancel")
            said = {"answered": "yes", "expired": "[expired]", "cancelled": "[cancelled]"}[how]
            told = wait_prompt(api, "what became of your question").prompt
            assert re.search(r"<message (\w+)>\n" + re.escape(said) + r"\n</message \1>", told)
            assert re.search(r"<question (\w+)>\nTea\?\n</question \1>", told)
            assert ("from: operator" in told) == (how == "answered")
            (row,) = questions(hive, closed=True)
            assert str(row.state) == how


def test_a_call_that_waits_finds_its_question_again_though_everything_was_killed(
    tmp_path: Path, claude_cli: Path
) -> None:
    asked = {"question": "Tea?", "wait": True}
    with ScriptedApi(Model(tea=ToolUse(TOOL + "ask_operator", asked))) as api:
        with alone(tmp_path, api, claude_cli) as hive:
            message = tell(hive, "tea")
            wait_for("the question", lambda: questions(hive) or None)
            hive.end(signal.SIGKILL)
        with alone(tmp_path, api, claude_cli) as hive:
            # The message comes again, and its turn asks the same: the operator is asked once.
            wait_for("the call to wait again", lambda: questions(hive)[0].waiting_turn == 2)
            (row,) = questions(hive)
            hive.run("answer", str(row.id), "yes")
            hive.wait_acked(message)
            assert any("yes" in result for call in api.calls for result in call.results)
            assert len(mail(hive)) == 1

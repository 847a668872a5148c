"""Conversations and notes made shorter, with the real claude CLI."""

import threading
from pathlib import Path
from typing import Final

import pytest

from tests.integration.hive.alone import alone, kinds, mail, state_of, tell, wait_prompt
from tests.integration.hive.local import wait_for
from tests.scripted_api import ScriptedApi
from tests.scripted_steps import ApiError, Call, Step

pytestmark = pytest.mark.claude

OWN_COMPACTION: Final = "who waits for an answer of yours"
"""Words of the broker's own /compact, which claude's automatic one does not have."""


def test_a_prompt_that_is_too_long_is_compacted_and_comes_again(
    tmp_path: Path, claude_cli: Path
) -> None:
    compacted = threading.Event()

    def model(call: Call) -> Step:
        if OWN_COMPACTION in str(call.body):
            compacted.set()
            return Step(text="<summary>It was long.</summary>")
        if "too much" in str(call.body) and not compacted.is_set():
            return Step(error=ApiError(400, "invalid_request_error", "prompt is too long: 1 > 0"))
        return Step(text="Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        hive.wait_acked(tell(hive, "one"))
        hive.wait_acked(tell(hive, "too much"))
        assert kinds(hive) == ["message", "message", "compact", "message"]
        assert compacted.is_set()
        assert "repeat: delivery 2" in api.calls[-1].prompt
        said = hive.run("events", "alice", "--limit", "500")
        assert "compacting" in said
        (row,) = [row for row in mail(hive) if row.body == "too much"]
        assert row.attempts == 0


def test_a_full_context_is_compacted_after_a_checkpoint(tmp_path: Path, claude_cli: Path) -> None:
    def model(call: Call) -> Step:
        if OWN_COMPACTION in str(call.body):
            return Step(text="<summary>It was much.</summary>")
        if "read the book" in call.prompt:
            return Step(text="Read.", usage={"input_tokens": 160_000})
        return Step(text="Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        hive.wait_acked(tell(hive, "read the book"))
        checkpoint = wait_prompt(api, "is about to be compacted")
        assert "the context is 80 % full" in checkpoint.prompt
        wait_for("the compaction", lambda: kinds(hive) == ["message", "checkpoint", "compact"])
        hive.wait_states(alice="idle")
        hive.wait_acked(tell(hive, "and now?"))
        assert "It was much." in str(api.calls[-1].body)
        assert "read the book" not in str(api.calls[-1].body)
        assert len({call.session for call in api.calls}) == 1


def test_compaction_and_a_new_session_on_demand(tmp_path: Path, claude_cli: Path) -> None:
    def model(call: Call) -> Step:
        if OWN_COMPACTION in str(call.body):
            return Step(text="<summary>Summed up.</summary>")
        return Step(text="Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        assert "no conversation" in hive.run("compact", "alice", status=1)
        hive.wait_acked(tell(hive, "one"))
        hive.wait_acked(tell(hive, "more"))  # claude 2.1.197 compacts no single exchange
        hive.run("compact", "alice")
        wait_for("the compaction", lambda: kinds(hive) == ["message", "message", "compact"])
        hive.wait_states(alice="idle")
        hive.wait_acked(tell(hive, "two"))
        assert "Summed up." in str(api.calls[-1].body)
        hive.run("new-session", "alice")
        hive.wait_acked(tell(hive, "three"))
        assert "Summed up." not in str(api.calls[-1].body)
        assert api.calls[-1].session != api.calls[0].session


def test_notes_that_have_grown_are_rewritten_shorter(tmp_path: Path, claude_cli: Path) -> None:
    state = state_of(tmp_path)

    def model(call: Call) -> Step:
        return Step(text="short notes" if not call.tools else "Done.")

    with (
        ScriptedApi(model) as api,
        alone(tmp_path, api, claude_cli) as hive,
    ):
        notes = state / "agents/alice/state/notes.md"
        before = "a long line\n" * 200
        notes.write_text(before)
        hive.wait_acked(tell(hive, "one"))
        wait_for("shorter notes", lambda: kinds(hive) == ["message", "notes"])
        hive.wait_states(alice="idle")
        assert notes.read_text().strip() == "short notes"
        assert notes.with_name("notes.md.1").read_text() == before
        assert before in str(api.calls[-1].body).replace("\\n", "\n")
        hive.wait_acked(tell(hive, "two"))
        assert api.calls[-1].session == api.calls[0].session

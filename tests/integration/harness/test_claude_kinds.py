"""Compaction and the rewriting of notes by the real claude CLI against a scripted API."""

import json
from pathlib import Path

import pytest

from hyperhive.wire.harness import OutcomeKind, TurnEventKind, TurnKind
from tests.integration.harness.claude_hive import SECONDS, Hive, hive
from tests.integration.harness.running import SESSION, marked
from tests.scripted_api import ApiError, Call, ScriptedApi, Step

pytestmark = pytest.mark.claude

OTHER = "5b6b2f0e-0000-4000-8000-000000000002"
NO_RETRY = {"x-should-retry": "false"}
NOTES = "# Notes\n" + "- the river is called Sill\n" * 200


def converse(alice: Hive) -> None:
    """Two turns: less than that is too little to compact for 2.1.197."""
    for turn in (1, 2):
        assert alice.turn(turn, f"message {turn}", resume=turn > 1).kind is OutcomeKind.OK


def write_notes(directory: Path, text: str = NOTES) -> Path:
    notes = directory / "state" / "notes.md"
    notes.parent.mkdir(exist_ok=True)
    notes.write_text(text)
    return notes


def test_compaction(tmp_path: Path, claude_cli: Path) -> None:
    script = [
        Step(text="The word is heron. " * 50),
        Step(text="The second word is ibis."),
        Step(text="<summary>Two birds were named.</summary>"),
        Step(text="Going on."),
    ]
    with ScriptedApi(script) as api, hive(tmp_path, claude_cli, api.url) as alice:
        converse(alice)
        outcome = alice.turn(3, "/compact name the birds", resume=True, kind=TurnKind.COMPACT)
        assert (outcome.kind, outcome.detail) == (OutcomeKind.OK, "")
        assert (outcome.session, outcome.steps) == (SESSION, 0)
        success = alice.told(3, TurnEventKind.COMPACTION)[-1].data
        assert success["status"] == "success"
        assert outcome.context_tokens == success["post_tokens"]
        assert "name the birds" in json.dumps(api.calls[2].body)
        assert alice.turn(4, "message 4", resume=True).kind is OutcomeKind.OK
        assert "Two birds were named." in json.dumps(api.calls[3].body)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (ApiError(429, "rate_limit_error", "slow", NO_RETRY), OutcomeKind.RATE_LIMITED, "(429)"),
        (ApiError(404, "not_found_error", "model: x"), OutcomeKind.UNKNOWN_MODEL, "selected model"),
        (ApiError(400, "invalid_request_error", "odd"), OutcomeKind.FAILED, "odd"),
    ],
    ids=["429", "404", "400"],
)
def test_the_api_refuses_to_compact(
    tmp_path: Path, claude_cli: Path, error: ApiError, kind: OutcomeKind, words: str
) -> None:
    script = [
        Step(text="One."),
        Step(text="Two."),
        Step(error=error, repeat=None, when="CRITICAL: Respond with TEXT ONLY"),
        Step(text="Three."),
    ]
    with ScriptedApi(script) as api, hive(tmp_path, claude_cli, api.url) as alice:
        converse(alice)
        outcome = alice.turn(3, "/compact", resume=True, kind=TurnKind.COMPACT)
        assert outcome.kind is kind
        assert words in outcome.detail
        assert alice.turn(4, "message 4", resume=True).kind is OutcomeKind.OK
        assert "message 1" in json.dumps(api.calls[-1].body)


def test_no_conversation_to_compact(tmp_path: Path, claude_cli: Path) -> None:
    with ScriptedApi([]) as api, hive(tmp_path, claude_cli, api.url) as alice:
        outcome = alice.turn(1, "/compact", resume=True, kind=TurnKind.COMPACT)
        assert outcome.kind is OutcomeKind.OK
        assert outcome.detail == "there is no conversation to compact"
        assert (outcome.exit_code, api.calls) == (None, [])


def test_cancel_of_a_compaction(tmp_path: Path, claude_cli: Path) -> None:
    script = [Step(text="One."), Step(text="Two."), Step(hang=True), Step(text="Three.")]
    with ScriptedApi(script) as api, hive(tmp_path, claude_cli, api.url) as alice:
        converse(alice)
        alice.broker.run_turn(3, "/compact", resume=True, kind=TurnKind.COMPACT)
        api.wait_for_calls(3)
        alice.broker.cancel(3, "enough")
        outcome = alice.broker.outcome(3, SECONDS)
        assert (outcome.kind, outcome.detail) == (OutcomeKind.CANCELLED, "enough")
        assert marked(tmp_path) == {}
        assert alice.turn(4, "message 4", resume=True).kind is OutcomeKind.OK
        assert "message 1" in json.dumps(api.calls[3].body)


def test_notes_are_rewritten(tmp_path: Path, claude_cli: Path) -> None:
    """In a conversation that has nothing to do with the agent's."""
    notes = write_notes(tmp_path)
    short = "# Notes\n- the river is called Sill\n- wörd"
    script = [Step(text="Hello."), Step(text=short), Step(text="Hello again.")]
    with (
        ScriptedApi(script) as api,
        hive(
            tmp_path,
            claude_cli,
            api.url,
            available=["Bash", "Read"],
            allow=["Bash(echo *)"],
            system_prompt="You are alice of the hive.",
        ) as alice,
    ):
        assert alice.turn(1).notes_bytes == len(NOTES)
        outcome = alice.turn(2, "not this", session=OTHER, kind=TurnKind.NOTES)
        assert outcome.kind is OutcomeKind.OK
        assert notes.read_text() == short + "\n"
        assert notes.with_name("notes.md.1").read_text() == NOTES
        (told,) = alice.told(2, TurnEventKind.NOTES)
        size = notes.stat().st_size
        assert told.data == {"status": "replaced", "bytes_before": len(NOTES), "bytes_after": size}
        assert outcome.notes_bytes == size
        assert outcome.detail == f"the notes are rewritten: {len(NOTES)} bytes before, {size} now"
        asked = api.calls[1]
        assert asked.tools == []
        assert NOTES.strip() in asked.prompt
        assert "not this" not in json.dumps(asked.body)
        assert "alice" not in asked.system
        projects = tmp_path / "claude" / "projects"
        assert [path.stem for path in projects.glob("*/*.jsonl")] == [SESSION]
        assert alice.turn(3, resume=True).kind is OutcomeKind.OK
        assert "Sill" not in json.dumps(api.calls[2].body)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([Step(text=NOTES + "and more")], "no shorter"),
        ([Step(text="half", stop_reason="max_tokens"), Step(text="a rest")], "2 pieces"),
    ],
    ids=["longer", "cut off"],
)
def test_notes_stay_where_the_answer_is_no_better(
    tmp_path: Path, claude_cli: Path, steps: list[Step], reason: str
) -> None:
    notes = write_notes(tmp_path)
    with ScriptedApi(steps) as api, hive(tmp_path, claude_cli, api.url) as alice:
        outcome = alice.turn(kind=TurnKind.NOTES)
        assert outcome.kind is OutcomeKind.OK
        assert reason in outcome.detail
        (told,) = alice.told(1, TurnEventKind.NOTES)
        assert told.data["status"] == "kept"
        assert reason in told.data["reason"]
        assert outcome.notes_bytes == len(NOTES)
    assert notes.read_text() == NOTES
    assert sorted(path.name for path in notes.parent.glob("*notes*")) == ["notes.md"]


def test_the_agents_own_edit_wins(tmp_path: Path, claude_cli: Path) -> None:
    notes = write_notes(tmp_path)

    def edit_and_answer(call: Call) -> Step:
        notes.write_text("edited meanwhile")
        return Step(text="short")

    with ScriptedApi(edit_and_answer) as api, hive(tmp_path, claude_cli, api.url) as alice:
        outcome = alice.turn(kind=TurnKind.NOTES)
        assert outcome.kind is OutcomeKind.OK
        assert "edited its notes meanwhile" in outcome.detail
    assert notes.read_text() == "edited meanwhile"


def test_the_api_refuses_to_rewrite(tmp_path: Path, claude_cli: Path) -> None:
    notes = write_notes(tmp_path)
    error = ApiError(404, "not_found_error", "model: x")
    with (
        ScriptedApi([Step(error=error, repeat=None)]) as api,
        hive(tmp_path, claude_cli, api.url) as alice,
    ):
        outcome = alice.turn(kind=TurnKind.NOTES)
        assert outcome.kind is OutcomeKind.UNKNOWN_MODEL
        assert "selected model" in outcome.detail
        assert alice.told(1, TurnEventKind.NOTES) == []
    assert notes.read_text() == NOTES


def test_cancel_of_a_rewriting(tmp_path: Path, claude_cli: Path) -> None:
    notes = write_notes(tmp_path)
    with ScriptedApi([Step(hang=True)]) as api, hive(tmp_path, claude_cli, api.url) as alice:
        alice.broker.run_turn(kind=TurnKind.NOTES)
        api.wait_for_calls(1)
        alice.broker.cancel()
        assert alice.broker.outcome(1, SECONDS).kind is OutcomeKind.CANCELLED
        assert marked(tmp_path) == {}
    assert notes.read_text() == NOTES

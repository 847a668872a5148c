"""Turns that are more than an answer to a message, with a stand-in for claude."""

from pathlib import Path

from hyperhive.wire.harness import OutcomeKind, TurnEventKind, TurnKind
from tests.integration.harness.fake_broker import FakeBroker
from tests.integration.harness.running import SESSION, running_harness, settings_for, stub_claude
from tests.unit.harness import recordings

PLAIN = recordings.DIRECTORY / "plain.jsonl"
RUN = "echo run >>{0}/runs; cat >{0}/prompt; cat {1}\n"
"""Notes that it ran, and prints a recorded turn whose answer is "Plain answer."."""


def begin(directory: Path) -> None:
    """Let claude have the conversation."""
    project = directory / "claude" / "projects" / "-work"
    project.mkdir(parents=True)
    (project / f"{SESSION}.jsonl").touch()


def test_compaction_needs_a_conversation_and_a_proof(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", RUN.format(tmp_path, PLAIN))
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(1, "/compact", resume=True, kind=TurnKind.COMPACT)
        outcome = broker.outcome(1)
        assert outcome.kind is OutcomeKind.OK
        assert outcome.detail == "there is no conversation to compact"
        assert not (tmp_path / "runs").exists()
        begin(tmp_path)
        broker.run_turn(2, "/compact", resume=True, kind=TurnKind.COMPACT)
        outcome = broker.outcome(2)
        assert outcome.kind is OutcomeKind.FAILED
        assert outcome.detail.startswith("claude did not compact the conversation")
        assert (tmp_path / "prompt").read_text() == "/compact"


def test_a_checkpoint_is_a_turn_like_another(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", RUN.format(tmp_path, PLAIN))
    with running_harness(settings_for(tmp_path, claude=claude)):
        broker.hello()
        broker.run_turn(1, "save your notes", kind=TurnKind.CHECKPOINT)
        assert broker.outcome(1).kind is OutcomeKind.OK
        assert (tmp_path / "prompt").read_text() == "save your notes"


def test_notes(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", RUN.format(tmp_path, PLAIN))
    with running_harness(settings_for(tmp_path, claude=claude)):
        notes = tmp_path / "state" / "notes.md"
        leftover = notes.with_name(".notes.md.0123456789abcdef.tmp")
        leftover.touch()
        notes.write_text("- a line of notes\n" * 9)
        broker.hello()
        broker.run_turn(1, "not this", kind=TurnKind.NOTES)
        outcome = broker.outcome(1)
        assert outcome.kind is OutcomeKind.OK
        assert notes.read_text() == "Plain answer.\n"
        assert outcome.notes_bytes == 14
        assert broker.events(1)[-1].kind is TurnEventKind.NOTES
        prompt = (tmp_path / "prompt").read_text()
        assert "- a line of notes\n- a line" in prompt
        assert "not this" not in prompt
        assert not leftover.exists()


def test_notes_that_cannot_be_rewritten(tmp_path: Path, broker: FakeBroker) -> None:
    claude = stub_claude(tmp_path / "stub", RUN.format(tmp_path, PLAIN))
    with running_harness(settings_for(tmp_path, claude=claude)):
        notes = tmp_path / "state" / "notes.md"
        broker.hello()
        broker.run_turn(1, kind=TurnKind.NOTES)
        outcome = broker.outcome(1)
        assert (outcome.kind, outcome.notes_bytes) == (OutcomeKind.OK, None)
        assert outcome.detail == "notes.md cannot be read: No such file or directory"
        notes.symlink_to("/etc/hostname")
        broker.run_turn(2, kind=TurnKind.NOTES)
        outcome = broker.outcome(2)
        assert (outcome.kind, outcome.notes_bytes) == (OutcomeKind.OK, None)
        assert outcome.detail.startswith("notes.md cannot be read")
        assert not (tmp_path / "runs").exists()
        assert broker.requests("turn.started") == []


def test_claude_that_comes_and_goes(tmp_path: Path, broker: FakeBroker) -> None:
    claude = tmp_path / "stub"
    with running_harness(settings_for(tmp_path, claude=str(claude))):
        assert "problem" in broker.hello()
        broker.run_turn(1)
        assert broker.outcome(1).kind is OutcomeKind.FAILED
        stub_claude(tmp_path / "made", RUN.format(tmp_path, PLAIN))
        (tmp_path / "made").rename(claude)
        broker.run_turn(2)
        assert (broker.outcome(2).kind, broker.outcome(2).no_claude) == (OutcomeKind.OK, False)
        claude.unlink()
        broker.run_turn(3)
        outcome = broker.outcome(3)
        assert (outcome.kind, outcome.no_claude) == (OutcomeKind.FAILED, True)
        assert "stub is not an executable file" in outcome.detail
        assert "install claude-code" in outcome.detail

"""The operator's commands of the turn loop, each against a broker."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hyperhive.cli.main import main
from hyperhive.cli.output import display_width
from hyperhive.store import agents
from hyperhive.store.naps import begin_nap
from tests.integration.broker.plane import harness
from tests.integration.operator.serving import (
    Operator,
    dead_letter,
    park,
    put_question,
    set_reminder,
    with_operator,
)

HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\u202ereversed\x00 日本"
"""What an agent may say to act on a terminal."""


def tame(shown: str) -> bool:
    """Whether nothing in a command's output acts on a terminal."""
    return not set("\x1b\x07\r\u202e\x00") & set(shown)


def test_agents_are_listed_and_shown(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        async with harness(core, "alice") as alice:
            await operator.ask("POST", "messages", {"to": "alice", "body": "hello"}, status=201)
            turn = await alice.turn()
            told: dict[str, Any] = {"context_tokens": 126_000, "context_window": 200_000}
            await alice.finish(turn.turn, session=turn.session, notes_bytes=2048, **told)
            now = core.clock()
            await core.store.write(agents.set_status, "alice", HOSTILE, now=now)
            await core.store.write(begin_nap, "alice", now + 7190, HOSTILE, now=now)
            await operator.ask("POST", "agents/alice/compact", {})
            await put_question(core)
            await operator.run("model", "alice", "claude-sonnet-5-5")
            listed = await operator.run("agents")
            assert "napping 1 h 59 min" in listed
            assert "  *haiku → claude-" in listed
            assert "* set by the operator" in listed
            assert tame(listed)
            assert max(map(display_width, listed.splitlines())) <= 80
            shown = await operator.run("agent", "show", "alice")
            assert tame(shown)
            assert max(map(display_width, shown.splitlines())) <= 80
            lines = [" ".join(line.split()) for line in shown.splitlines()]
            assert lines[0] == "alice, agent"
            for expected in (
                "model haiku (active)",
                "claude-sonnet-5-5 (queued: from the next turn on)",
                "set by the operator (override)",
                "context 63 % (126000 of 200000 tokens)",
                "compaction is due: compact (by the operator)",
                "notes 2.0 KiB",
                "1 question of its own open",
                "claude 2.1.330",
            ):
                assert expected in lines
            assert any(line.startswith("state napping, 1 h 59 min left: ") for line in lines)
            document = json.loads(await operator.run("agent", "show", "alice", "--json"))
            assert (document["state"], document["status"]) == ("napping", HOSTILE)

    with_operator(tmp_path, body)


def test_a_model_is_shown_set_and_reset(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        assert await operator.run("model", "alice") == (
            "alice:\n  haiku (no turn has run yet)\n  from the layer: hive\n"
        )
        said = await operator.run("model", "alice", "opus")
        assert said.startswith("alice:\n  opus (no turn has run yet)\n  set by the operator")
        assert " by operator\n" in said
        document = json.loads(await operator.run("model", "alice", "--json"))
        assert (document["model"], document["model_layer"]) == ("opus", "override")
        assert "from the layer: hive" in await operator.run("model", "manager", "--reset")
        assert "haiku" in await operator.run("model", "alice", "--reset")
        assert "not both" in await operator.run("model", "alice", "opus", "--reset", status=2)
        said = await operator.run("model", "alice", "--", "--print", status=2)
        assert said.startswith("error: body.model: not a name of a model\n  use an alias")
        assert "no agent 'carol'" in await operator.run("model", "carol", status=2)
        assert "no agent '../x'" in await operator.run("model", "../x", status=2)

    with_operator(tmp_path, body)


def test_a_turn_is_cancelled_and_conversations_are_changed(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        said = await operator.run("cancel", "alice", status=1)
        assert said.startswith("error: alice is offline: there is nothing to cancel\n  see ")
        said = await operator.run("compact", "alice", status=1)
        assert said.startswith("error: alice has no conversation yet\n  ask again")
        async with harness(operator.core, "alice") as alice:
            await operator.ask("POST", "messages", {"to": "alice", "body": "hello"}, status=201)
            turn = (await alice.turn()).turn
            words = ["--messages", "drop", "--reason", "lunch"]
            assert (
                await operator.run("cancel", "alice", *words) == f"alice: cancelled turn {turn}\n"
            )
            assert await alice.cancelled.get() == turn
            await alice.finish(turn, notes_bytes=1)
            await operator.ask("POST", "agents/alice/pause", {})
            said = await operator.run("compact", "alice", "--checkpoint")
            assert said == (
                "alice: it saves its notes, then its conversation is compacted before its next"
                " message\n"
            )
            said = await operator.run("compact", "alice", "--notes")
            assert said == "alice: its notes are made shorter when it is idle\n"
            said = await operator.run("cancel", "alice")
            assert said == "alice: cancelled its compaction\n"
            said = await operator.run("new-session", "alice")
            assert said == "alice: its next turn begins a new conversation\n"
            said = await operator.run("compact", "alice", "--notes", "--checkpoint", status=2)
            assert "not both" in said

    with_operator(tmp_path, body)


def test_questions_are_listed_and_answered(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        assert await operator.run("questions") == "No questions.\n"
        assert await operator.run("inbox") == "No messages.\n"
        one = await put_question(core, f"Which?\n{HOSTILE}", "MIT", f"{HOSTILE}\nB", multi=True)
        assert (await operator.run("inbox")).endswith("1 question waits: hyperhive questions\n")
        two = await put_question(core, "And you?", to="boss")
        three = await put_question(core, "Why?", asker="bob", seconds=90)
        said = await operator.run("inbox", "--all")
        assert said.endswith("\n2 questions wait: hyperhive questions\n")
        assert json.loads(await operator.run("inbox", "--json")) == []
        shown = await operator.run("questions")
        assert tame(shown)
        lines = shown.splitlines()
        assert lines[0].startswith(f"{one}  ")
        assert "  alice asks operator  59:5" in lines[0] or "1 h 0 min left" in lines[0]
        assert lines[1] == "    Which?"
        assert lines[3] == "      1  MIT"
        assert lines[4].startswith("      2  ")
        assert lines[5] == "    one or more of them"
        assert "  alice asks boss  " in shown
        assert "1:30 left" in shown or "1:2" in shown
        said = await operator.run("answer", str(one), "--option", "1", "and", "mine")
        assert said == f"question {one} from alice: answered by operator: MIT, and mine\n"
        said = await operator.run("answer", str(two), "-", given="all\nof this")
        assert said == f"question {two} from alice: answered by operator: all of this\n"
        said = await operator.run("answer", str(three), "--cancel")
        assert said == f"question {three} from bob: cancelled by operator\n"
        assert await operator.run("questions") == "No questions.\n"
        everything = await operator.run("questions", "--all", "--agent", "alice")
        assert "alice asks boss  answered by operator: all of this" in everything
        assert "bob" not in everything
        found = json.loads(await operator.run("questions", "--all", "--json"))
        assert [question["state"] for question in found] == ["answered", "answered", "cancelled"]
        assert found[0]["answer"] == ["MIT", "and mine"]

    with_operator(tmp_path, body)


def test_what_is_no_answer_is_refused(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        id = str(await put_question(operator.core, "Which?", "MIT", "BSD"))
        free = str(await put_question(operator.core, "Why?"))
        for words, status, said in (
            ([id, "--option", "3"], 2, f"question {id} has no option 3\n  it has options 1 to 2"),
            ([id, "--option", "0"], 2, "has no option 0"),
            ([free, "--option", "1"], 2, "it has no options; or answer in words"),
            ([id, "--option", "1", "--option", "2"], 2, "takes one answer, not 2"),
            ([id], 2, "give TEXT or --option N, or else --cancel"),
            ([id, "yes", "--cancel"], 2, "give TEXT or --option N, or else --cancel"),
            ([id, "[expired]"], 2, "stands for an answer that never came"),
            ([id, "\udcff"], 2, "the answer is not valid Unicode text"),
            (["99", "yes"], 2, "there is no question 99"),
            (["99", "--option", "1"], 2, "there is no question 99"),
        ):
            assert said in await operator.run("answer", *words, status=status)
        await operator.run("answer", id, "--option", "2")
        said = await operator.run("answer", id, "MIT", status=1)
        assert "was closed 0 s ago: answered by operator\n  write to its asker" in said

    with_operator(tmp_path, body)


def test_dead_letters_are_seen_to(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        assert await operator.run("dead", "list") == "No dead letters.\n"
        ids = [await dead_letter(core, "alice", HOSTILE, f"{HOSTILE}{n}") for n in range(3)]
        shown = await operator.run("dead", "list", "--agent", "alice")
        assert tame(shown)
        assert max(map(display_width, shown.splitlines())) <= 80
        assert [line.split()[0] for line in shown.splitlines()] == ["ID", *map(str, ids)]
        said = await operator.run("dead", "retry", str(ids[0]), str(ids[1]))
        assert said == f"message {ids[0]} to alice: queued\nmessage {ids[1]} to alice: queued\n"
        (dropped,) = json.loads(await operator.run("dead", "drop", str(ids[2]), "--json"))
        assert (dropped["id"], dropped["state"]) == (ids[2], "dropped")
        said = await operator.run("dead", "retry", str(ids[2]), status=1)
        assert said.startswith(f"error: message {ids[2]} is dropped, not dead\n")
        assert json.loads(await operator.run("dead", "list", "--json")) == []

    with_operator(tmp_path, body)


def test_reminders_are_seen_to(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        assert await operator.run("reminders", "list") == "No reminders.\n"
        one = await set_reminder(core, "alice", HOSTILE, 7190)
        two = await set_reminder(core, "bob", "sing", 60)
        await park(core, two, HOSTILE)
        shown = await operator.run("reminders", "list")
        assert tame(shown)
        assert "pending 1 h 59 min" in shown
        assert "parked" in shown
        assert "sing (" in shown
        said = await operator.run("reminders", "retry", str(two))
        # It is due at once, and may be on its way already.
        assert said.removeprefix(f"reminder {two} of bob: ") in ("pending 0:00\n", "sent\n")
        assert "dropped" in await operator.run("reminders", "drop", str(one))
        found = json.loads(await operator.run("reminders", "list", "--all", "--json"))
        assert found[0]["state"] == "dropped"
        assert "there is no reminder 99" in await operator.run("reminders", "drop", "99", status=2)

    with_operator(tmp_path, body)


def test_every_kind_of_event_is_said_in_words(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        core = operator.core
        async with harness(core, "alice") as alice:
            await operator.ask("POST", "messages", {"to": "alice", "body": "hello"}, status=201)
            turn = await alice.turn()
            await operator.run("cancel", "alice", "--reason", "lunch")
            await alice.finish(turn.turn, session=turn.session)
            await operator.run("model", "alice", "opus")
            id = await put_question(core)
            await operator.run("answer", str(id), "MIT")
            shown = await operator.run("events")
            assert tame(shown)
            for said in (
                "turn_started message 1 from operator, model haiku",
                f"cancel turn {turn.turn}; messages: done: lunch",
                "model haiku → opus (override), by operator",
                f"question {id}: alice asks operator, open until ",
                f"question_closed {id}: answered by operator",
            ):
                assert said in shown

    with_operator(tmp_path, body)


@pytest.mark.parametrize(
    "words",
    [
        ["agent", "show", "alice"],
        ["model", "alice"],
        ["cancel", "alice"],
        ["compact", "alice"],
        ["new-session", "alice"],
        ["questions"],
        ["answer", "1", "yes"],
        ["dead", "list"],
        ["dead", "retry", "1"],
        ["reminders", "list"],
        ["reminders", "drop", "1"],
        ["vacuum"],
    ],
    ids=" ".join,
)
def test_without_a_broker_each_command_says_how_to_start_one(
    tmp_path: Path, words: list[str]
) -> None:
    result = CliRunner().invoke(main, [*words, "--state", str(tmp_path / "nowhere")])
    assert result.exit_code == 3
    assert result.stderr.startswith("error: no broker")
    assert "hyperhive up FILE" in result.stderr

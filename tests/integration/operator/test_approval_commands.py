"""The commands about approvals, each against a broker."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from click.testing import CliRunner

from hyperhive.cli import approve
from hyperhive.cli.main import main
from hyperhive.cli.output import display_width
from hyperhive.hive.members import with_approved
from hyperhive.hive.names import AgentName
from tests.integration.operator.approving import Deciding, deciding
from tests.integration.operator.serving import Operator
from tests.integration.operator.test_commands import HOSTILE, tame


def test_approvals_are_listed(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run = test.operator.run
        assert await run("approvals") == "No approvals.\n"
        one = await test.asked("", description=f"{HOSTILE} " * 9, more={"extra.nix": "{ }\n"})
        assert (await run("inbox")).endswith("1 approval waits: hyperhive approvals\n")
        two = await test.asked('model = "opus"\n', agent="bob")
        assert (await run("inbox")).endswith("2 approvals wait: hyperhive approvals\n")
        shown = await run("approvals")
        assert tame(shown)
        assert max(map(display_width, shown.splitlines())) <= 80
        lines = shown.splitlines()
        assert lines[0].split() == ["ID", "ASKED", "BY", "AGENT", "WHAT", "STATE", "WHY"]
        assert lines[1].split()[:1] + lines[1].split()[2:7] == [
            str(one), "boss", "alice", "settings", "⚠", "pending",
        ]  # fmt: skip
        assert lines[3:] == [
            "⚠ with an extra.nix, free-form NixOS configuration",
            "what one changes: hyperhive show ID",
        ]
        await run("deny", str(one))
        assert str(one) not in (await run("approvals")).split()
        found = json.loads(await run("approvals", "--all", "--json"))
        assert [(row["id"], row["state"]) for row in found] == [(one, "denied"), (two, "pending")]
        assert json.loads(await run("approvals", "--json", "--agent", "alice")) == []

    deciding(tmp_path, body)


def test_one_is_shown(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run = test.operator.run
        hostile = HOSTILE.replace("\x00", "")
        files = {"README.md": hostile, "extra.nix": f"{{ a = 1; }}\n# {hostile}\n"}
        id = str(await test.asked('model = "opus"\n', description=hostile, more=files))
        shown = await run("show", id)
        assert tame(shown)
        for line in (
            f"approval {id}: new settings for alice",
            "  model: haiku (hive) → opus (approved)",
            '+model = "opus"',
            "+{ a = 1; }",
            '+    model = "opus";',
            f"approve it: hyperhive approve {id}",
        ):
            assert line in shown.splitlines()
        document = json.loads(await run("show", id, "--json", "--base", "approved"))
        assert (document["base"], document["description"]) == ("approved", hostile)
        assert "there is no approval 99" in await run("show", "99", status=2)
        assert "--base" in await run("show", id, "--base", "mine", status=2)

    deciding(tmp_path, body)


def test_it_is_approved_and_waited_for(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run = test.operator.run
        id = str(await test.asked('model = "opus"\n'))
        said = await run("approve", id)
        assert said.startswith(f"approval {id}: new settings for alice: deployed ")
        said = await run("approve", id, status=1)
        assert f"error: approval {id} was approved by operator at " in said
        assert f"hyperhive show {id}" in said
        said = await run("deny", id, "--reason", "late", status=1)
        assert f"error: approval {id} was approved by operator at " in said
        again = str(await test.asked('model = "fable"\n'))
        document = json.loads(await run("approve", again, "--json"))
        assert document["state"] == "deployed"

    deciding(tmp_path, body)


def test_one_that_fails_ends_with_1_its_error_and_its_last_lines(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        test.deploys.error = f"no such package: {HOSTILE}"
        test.deploys.log = [f"line {number} {HOSTILE}" for number in range(100)]
        id = str(await test.asked('model = "opus"\n'))
        said = await test.operator.run("approve", id, status=1)
        assert tame(said)
        lines = said.splitlines()
        assert [line.split()[1] for line in lines if line.startswith("  line")] == [
            str(number) for number in range(80, 100)
        ]
        assert lines[-2].startswith(f"error: approval {id} failed: no such package: ")
        assert lines[-1].endswith(f"hyperhive show {id}")
        shown = await test.operator.run("show", id)
        assert shown.count("  line ") == 100

    deciding(tmp_path, body)


def test_it_need_not_be_waited_for(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        test.deploys.go.clear()
        id = await test.asked('model = "opus"\n')
        said = await test.operator.run("approve", str(id), "--no-wait")
        assert ": approved by operator " in said
        assert (await test.row(id))["state"] in ("approved", "building")
        test.deploys.go.set()
        await test.settled(id)

    deciding(tmp_path, body)


def test_whoever_waits_may_leave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    async def body(test: Deciding) -> None:
        test.deploys.go.clear()
        id = await test.asked('model = "opus"\n')
        said = await test.operator.run("approve", str(id), status=130)
        assert f"it goes on: hyperhive show {id}\n" in said
        test.deploys.go.set()
        await test.settled(id)
        assert (await test.row(id))["state"] == "deployed"

    monkeypatch.setattr(approve, "awaited", interrupt)
    deciding(tmp_path, body)


def test_a_person_is_shown_what_it_changes_and_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def approve_it(operator: Operator, id: int, given: str, *words: str, status: int) -> str:
        state = ["--state", str(operator.core.paths.state)]
        result = await asyncio.to_thread(
            CliRunner().invoke, main, ["approve", str(id), *words, *state], given
        )
        assert result.exit_code == status, result.output
        return str(result.stderr)

    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n', more={"extra.nix": "{ a = 1; }\n"})
        said = await approve_it(test.operator, id, "n\n", status=1)
        assert "  model: haiku (hive) → opus (approved)\n" in said
        assert "+{ a = 1; }\n" in said, "what words cannot tell is shown"
        assert "Approve it? [y/N]" in said
        assert (await test.row(id))["state"] == "pending"
        await approve_it(test.operator, id, "", status=1)
        assert (await test.row(id))["state"] == "pending", "no answer is none"
        await approve_it(test.operator, id, "y\n", status=0)
        assert (await test.row(id))["state"] == "deployed"
        said = await approve_it(test.operator, id, "", status=1)
        assert "Approve it?" not in said, "it is decided"
        other = await test.asked('model = "fable"\n')
        said = await approve_it(test.operator, other, "", "--yes", status=0)
        assert "Approve it?" not in said

    monkeypatch.setattr(approve, "is_person", lambda: True)
    deciding(tmp_path, body)


def test_of_two_who_approve_at_once_the_other_is_told(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        id = await test.asked('model = "opus"\n')
        command = [sys.executable, "-m", "hyperhive.cli.main", "approve", str(id)]
        state = ["--state", str(test.operator.core.paths.state)]
        processes = [
            await asyncio.create_subprocess_exec(*command, *state, stdout=PIPE, stderr=PIPE)
            for _ in range(2)
        ]
        said = [(await process.communicate(), process.returncode) for process in processes]
        assert {status for _, status in said} == {0, 1}
        ((_, error),) = (output for output, status in said if status == 1)
        assert error.startswith(f"error: approval {id} was approved by operator at ".encode())

    deciding(tmp_path, body)


def test_a_rule_is_allowed(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run = test.operator.run
        said = await run("allow-rule", "alice", "git push origin main")
        assert said.startswith("approval 1: one rule more for alice\n")
        assert "  Bash + `git push origin main`\n" in said
        assert "approve it: hyperhive approve 1\n" in said
        said = await run("allow-rule", "alice", "ls -l", status=1)
        assert said.startswith("error: approval 1 about alice is pending\n")
        assert "--supersede 1\n" in said
        words = ["--supersede", "1", "--approve"]
        said = await run("allow-rule", "alice", "ls -l", *words)
        assert said.startswith("approval 2: one rule more for alice: deployed ")
        assert (await test.row(1))["superseded_by"] == 2
        said = await run("allow-rule", "alice", "ls -l", status=2)
        assert "may run that already" in said
        assert "settings approved: hyperhive show 2" in " ".join(
            (await run("agent", "show", "alice")).split()
        )

    deciding(tmp_path, body)


def test_spawned_agents_and_settings_that_do_not_hold_are_told_of(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run, core = test.operator.run, test.operator.core
        asked = await core.approvals.submit_spawn("boss", "carol", "writes docs")
        shown = await run("show", str(asked.id))
        assert shown.startswith(f"approval {asked.id}: a new agent, carol\n")
        assert "What changes, compared with nothing, since the agent is new" in shown
        await run("approve", str(asked.id))
        assert (await run("agents")).endswith("\nspawned, and not declared: carol\n")
        id = await test.asked("", more={"extra.nix": "{ }\n"})
        await run("approve", str(id))
        alice = core.members.declared.agents[AgentName("alice")]
        without = alice.model_copy(update={"extra_nix": False})
        agents = core.members.declared.agents | {AgentName("alice"): without}
        declared = core.members.declared.model_copy(update={"agents": agents})
        core.members = with_approved(declared, core.members.approved)
        listed = await run("agents")
        assert "approved settings that do not hold: hyperhive agent show alice\n" in listed
        details = " ".join((await run("agent", "show", "alice")).split())
        assert "left out: alice: what was approved does not fit the declaration" in details

    deciding(tmp_path, body)


def test_what_happened_is_said_in_words(tmp_path: Path) -> None:
    async def body(test: Deciding) -> None:
        run = test.operator.run
        test.deploys.error, test.deploys.log = "it does not build", ["one", HOSTILE]
        id = await test.asked('model = "opus"\n')
        await run("approve", str(id), status=1)
        other = await test.asked('model = "fable"\n')
        await run("deny", str(other), "--reason", "too dear")
        events = await run("events")
        for said in (
            f"alice approval {id} (apply_commit): pending by boss\n",
            f"alice approval {id} (apply_commit): approved by operator\n",
            f"alice approval {id} (apply_commit): building\n",
            f"alice approval {id} (apply_commit): failed: it does not build\n",
            f"alice approval {other} (apply_commit): denied by operator: too dear\n",
        ):
            assert said in events
        inbox = await run("inbox")
        assert tame(inbox)
        assert f"\nalice: approval {id} failed: it does not build\n" in inbox
        assert "\n    one\n" in inbox

    deciding(tmp_path, body)

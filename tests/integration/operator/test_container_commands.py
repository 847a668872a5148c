"""The operator's commands about containers, each against a broker whose systemd is written down."""

import json
from pathlib import Path

import pytest

from hyperhive.cli import agent_removal
from hyperhive.cli.output import display_width
from hyperhive.hive.names import AgentName
from tests.integration.operator.container_host import ContainerHost, on_host

KEPT = "/agents/alice  notes, work, conversations"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the commands believe that a person is there."""
    monkeypatch.setattr(agent_removal, "is_person", lambda: True)


async def details(host: ContainerHost, agent: str) -> list[list[str]]:
    """The words of each line that an agent is shown in."""
    said = await host.operator.run("agent", "show", agent)
    return [line.split() for line in said.splitlines()]


def test_an_agent_is_started_stopped_and_restarted(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        for action in ("start", "stop", "restart"):
            assert "alice: offline" in await host.operator.run("agent", action, "alice")
        asked = [(verb, unit) for verb, unit, _ in host.units.asked]
        unit = "container@h-alice.service"
        assert asked == [("start", unit), ("stop", unit), ("restart", unit)]

    on_host(tmp_path, body)


def test_the_state_of_containers_is_shown(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        assert "CONTAINER" not in await host.operator.run("agents")
        await host.report("alice", "running")
        await host.ask("POST", "agents/boss/stop", {"reason": "lunch"})
        listed = (await host.operator.run("agents")).splitlines()
        assert listed[0].split()[:3] == ["AGENT", "STATE", "CONTAINER"]
        rows = {line.split()[0]: line.split() for line in listed[1:]}
        assert rows["alice"][1:3] == ["starting", "running"]
        assert rows["bob"][1:3] == ["offline", "-"]
        assert max(map(display_width, listed)) <= 80
        shown = await details(host, "alice")
        assert ["container", "running"] in shown
        assert ["network", "private"] in shown
        assert ["container", "wanted:", "stopped"] in await details(host, "boss")

    on_host(tmp_path, body)


def test_destroying_says_what_is_kept_and_purging_what_went(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        said = await host.operator.run("agent", "destroy", "alice", "--reason", "no work")
        assert KEPT in said
        assert str(host.paths.container(AgentName("alice")).root) in said
        assert "hyperhive agent start alice" in said
        assert "hyperhive agent purge alice" in said
        assert (await host.container("alice"))["wanted"] == "destroyed"
        said = await host.operator.run("agent", "purge", "alice", "--confirm", "alice")
        assert said.startswith("alice: purged")
        assert (await host.container("alice"))["wanted"] == "purged"
        unit = "hyperhive-deploy@alice.service"
        assert host.units.asked == [("start", unit, "destroyed"), ("start", unit, "purged")]

    on_host(tmp_path, body)


def test_json_is_the_container(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        gone = json.loads(await host.operator.run("agent", "destroy", "alice", "--json"))
        assert (gone["agent"], gone["wanted"]) == ("alice", "destroyed")
        words = ("agent", "purge", "alice", "--confirm", "alice", "--json")
        assert json.loads(await host.operator.run(*words))["wanted"] == "purged"

    on_host(tmp_path, body)


@pytest.mark.usefixtures("terminal")
def test_purging_asks_twice(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        await host.operator.run("agent", "destroy", "alice")
        for answers, status, said in (
            ("n\n", 1, ""),
            ("\n", 1, ""),
            ("y\n\n", 2, "that is not its name"),
            ("y\nbob\n", 2, "that is not its name"),
            ("y\nyes\n", 2, "that is not its name"),
        ):
            asked = await host.operator.run("agent", "purge", "alice", given=answers, status=status)
            assert KEPT in asked, "it says what goes before it asks"
            assert said in asked
            assert (await host.container("alice"))["wanted"] == "destroyed"
        assert "purged" in await host.operator.run("agent", "purge", "alice", given="y\nalice\n")
        assert (await host.container("alice"))["wanted"] == "purged"

    on_host(tmp_path, body)


def test_purging_is_refused_where_nobody_can_answer(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        await host.operator.run("agent", "destroy", "alice")
        refused = await host.operator.run("agent", "purge", "alice", given="y\nalice\n", status=2)
        assert "--confirm alice" in refused
        refused = await host.operator.run(
            "agent", "purge", "alice", "--confirm", "bob", given="", status=2
        )
        assert "'bob', not 'alice'" in refused
        assert (await host.container("alice"))["wanted"] == "destroyed"

    on_host(tmp_path, body)


@pytest.mark.usefixtures("terminal")
def test_what_still_has_a_container_is_not_purged(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        for confirm in ((), ("--confirm", "alice")):
            refused = await host.operator.run("agent", "purge", "alice", *confirm, status=1)
            assert "alice is not destroyed" in refused
            assert "hyperhive agent destroy alice" in refused
        refused = await host.operator.run("agent", "purge", "carol", status=2)
        assert "there is and was no agent 'carol'" in refused
        assert host.units.asked == []

    on_host(tmp_path, body)


def test_what_systemd_refuses_is_said(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        host.units.refusal = "it failed"
        refused = await host.operator.run("agent", "start", "alice", status=1)
        assert "container@h-alice.service: it failed" in refused
        assert "journalctl -u container@h-alice.service" in refused

    on_host(tmp_path, body)

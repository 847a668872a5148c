"""What the operator wants of containers, over HTTP: written down first, then asked of systemd."""

import asyncio
from pathlib import Path

import pytest

from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from tests.integration.broker.plane import DEADLINE
from tests.integration.operator.container_host import ContainerHost, container_host, on_host

WITHOUT_BOB = parse_hive(
    {"hive": {"name": "lab"}, "agents": {"boss": {"role": "manager"}, "alice": {}}}, "test"
)


def deploys(host: ContainerHost) -> list[str | None]:
    """What was wanted each time that root's unit for one agent was started."""
    return [wanted for verb, unit, wanted in host.units.asked if unit.startswith("hyperhive-")]


@pytest.mark.parametrize(
    ("verb", "wanted", "reason"),
    [
        ("start", "running", "started by the operator"),
        ("stop", "stopped", "lunch"),
        ("restart", "running", "lunch"),
    ],
)
def test_a_wish_is_on_disk_before_systemd_is_asked(
    tmp_path: Path, verb: str, wanted: str, reason: str
) -> None:
    async def body(host: ContainerHost) -> None:
        given = None if verb == "start" else {"reason": "lunch"}
        agent = await host.ask("POST", f"agents/alice/{verb}", given)
        assert (agent["name"], agent["wanted"]) == ("alice", wanted)
        assert host.units.asked == [(verb, "container@h-alice.service", wanted)]
        container = await host.container("alice")
        assert container["wanted_reason"] == reason
        assert container["should_run"] == (wanted == "running")
        said = [{"wanted": wanted, "was": None, "reason": reason, "by": "operator"}]
        assert await host.events("wanted") == said
        await host.ask("POST", f"agents/alice/{verb}", given)
        assert await host.events("wanted") == said, "wanted again, and nothing new"

    on_host(tmp_path, body)


def test_what_is_wanted_does_not_wait_for_an_approval_that_is_deployed(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        host.units.open.clear()
        deploying = asyncio.create_task(host.operator.core.lifecycle.deploy(7, AgentName("alice")))
        async with asyncio.timeout(DEADLINE):
            await host.units.called.wait()
        host.units.called.clear()
        restarting = asyncio.create_task(host.ask("POST", "agents/alice/restart", {}))
        async with asyncio.timeout(DEADLINE):
            await host.units.called.wait()
        asked = [(verb, unit) for verb, unit, _ in host.units.asked]
        assert asked == [
            ("start", "hyperhive-deploy@7.service"),
            ("restart", "container@h-alice.service"),
        ]
        # Root's own unit for an agent has to wait for it, and may give up waiting.
        host.units.free = "hyperhive-deploy@boss.service"
        host.units.refusal = "took too long"
        said = await host.operator.refused("POST", "agents/boss/destroy", {}, status=409)
        assert said.startswith("boss: not done yet, since root is at approval 7: hyperhive-deploy@")
        assert "written down and is done after that" in said
        assert (await host.container("boss"))["wanted"] == "destroyed"
        host.units.refusal = ""
        host.units.open.set()
        await asyncio.gather(deploying, restarting)

    on_host(tmp_path, body)


def test_what_systemd_refuses_is_said_and_still_wanted(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        host.units.refusal = "the job failed"
        said = await host.operator.refused("POST", "agents/alice/stop", {}, status=409)
        assert said == (
            "container@h-alice.service: the job failed; see journalctl -u container@h-alice.service"
        )
        assert (await host.container("alice"))["wanted"] == "stopped"

    on_host(tmp_path, body)


def test_nobody_having_said_anything_the_declaration_holds(tmp_path: Path) -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"alice": {}, "bob": {"autostart": False}}}, "test"
    )

    async def main() -> None:
        async with container_host(tmp_path, hive) as host:
            found = await host.ask("GET", "containers")
        assert [(one["agent"], one["wanted"], one["should_run"]) for one in found] == [
            ("alice", None, True),
            ("bob", None, False),
        ]
        assert {one["state"] for one in found} == {None}

    asyncio.run(main())


def test_who_has_no_container_gets_one(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        for verb in ("start", "restart"):
            await host.ask("POST", f"agents/bob/{verb}", {} if verb == "restart" else None)
        unit = "hyperhive-deploy@bob.service"
        assert host.units.asked == [("start", unit, "running")] * 2

    on_host(tmp_path, body)


def remove(host: ContainerHost, part: str) -> None:
    """Takes away a part of alice's container."""
    path: Path = getattr(host.paths.container(AgentName("alice")), part)
    path.unlink()


@pytest.mark.parametrize("part", ["conf", "drop_in", "profile"])
def test_what_is_not_whole_is_made_and_not_started(tmp_path: Path, part: str) -> None:
    async def body(host: ContainerHost) -> None:
        remove(host, part)
        for verb in ("start", "restart"):
            await host.ask("POST", f"agents/alice/{verb}", {} if verb == "restart" else None)
        unit = "hyperhive-deploy@alice.service"
        assert host.units.asked == [("start", unit, "running")] * 2

    on_host(tmp_path, body)


def test_destroyed_purged_and_made_anew(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        said = await host.operator.refused("POST", "agents/alice/purge", {}, status=409)
        assert said == "alice is not destroyed; destroy it first: hyperhive agent destroy alice"
        gone = await host.ask("POST", "agents/alice/destroy", {"reason": "no use"})
        assert (gone["wanted"], gone["wanted_reason"], gone["should_run"]) == (
            "destroyed",
            "no use",
            False,
        )
        said = await host.operator.refused("POST", "agents/alice/stop", {}, status=409)
        assert "alice is destroyed" in said
        assert (await host.ask("POST", "agents/alice/purge", {}))["wanted"] == "purged"
        # Its conf is still there: whoever removes it has only been asked to.
        await host.ask("POST", "agents/alice/start")
        assert deploys(host) == ["destroyed", "purged", "running"]
        assert len(host.units.asked) == 3

    on_host(tmp_path, body)


def test_while_root_works_on_an_agent_the_next_wish_waits(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        host.units.open.clear()
        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as asking:
            asking.create_task(host.ask("POST", "agents/alice/destroy", {}))
            await host.units.called.wait()
            asking.create_task(host.ask("POST", "agents/alice/start"))
            await host.wished("alice", "started by the operator")
            asking.create_task(host.ask("POST", "agents/alice/restart", {"reason": "now"}))
            await host.wished("alice", "now")
            assert len(host.units.asked) == 1
            host.units.open.set()
        assert deploys(host) == ["destroyed", "running", "running"]

    on_host(tmp_path, body)


def test_an_agent_that_the_hive_has_no_more_is_known_and_can_be_purged(tmp_path: Path) -> None:
    async def main() -> None:
        async with container_host(tmp_path) as host:
            await host.ask("POST", "agents/bob/start")
        async with container_host(tmp_path, WITHOUT_BOB) as host:
            former = await host.container("bob")
            assert (former["declared"], former["wanted"], former["should_run"]) == (
                False,
                "running",
                False,
            )
            await host.operator.refused("POST", "agents/bob/start", status=404)
            assert (await host.ask("POST", "agents/bob/purge", {}))["wanted"] == "purged"
            said = await host.operator.refused("POST", "agents/carol/purge", {}, status=404)
            assert "there is and was no agent 'carol'" in said
        async with container_host(tmp_path) as host:
            again = await host.container("bob")
            assert (again["declared"], again["wanted"], again["should_run"]) == (True, None, True)
            assert (await host.events("wanted"))[-1] == {
                "wanted": None,
                "was": "purged",
                "reason": "it is declared again",
            }

    asyncio.run(main())


def test_the_manager_is_known_by_its_role(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        assert (await host.ask("POST", "agents/manager/destroy", {}))["agent"] == "boss"
        assert host.units.asked == [("start", "hyperhive-deploy@boss.service", "destroyed")]

    on_host(tmp_path, body)

"""What is reported of containers, over HTTP: their states, their crashes, what was done to them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hyperhive.operator.client import connect
from hyperhive.operator.hosting_models import ContainerReport, CrashReport, DeploymentReport
from hyperhive.store import crash_notices
from hyperhive.store.container_states import ContainerState
from hyperhive.wire.harness import Leaving
from hyperhive.wire.records import to_json
from tests.integration.broker.plane import harness, in_state, until
from tests.integration.operator.container_host import ContainerHost, container_host, on_host

KILLED = {"result": "signal", "status": "SIGKILL", "lines": ["first", "last words"]}


async def agent(host: ContainerHost, name: str) -> tuple[str, str]:
    """An agent's state, and why."""
    found = await host.ask("GET", f"agents/{name}")
    return found["state"], found["reason"]


async def harness_crash(host: ContainerHost, name: str) -> None:
    """Waits until it is told that an agent's harness died."""

    async def look() -> bool:
        return bool(await host.events("harness_crash"))

    await until(host.operator.core, f"{name}'s harness_crash", look)


@pytest.mark.parametrize(
    ("state", "reason", "shown"),
    [
        ("starting", "", ("starting", "the container starts")),
        ("running", "", ("starting", "the harness starts")),
        ("stopping", "", ("offline", "the container stops")),
        ("stopped", "the container shut itself down", None),
        ("failed", "start timed out", None),
        ("absent", "", ("offline", "there is no container")),
    ],
)
def test_an_agent_without_a_harness_is_what_its_container_is(
    tmp_path: Path, state: str, reason: str, shown: tuple[str, str] | None
) -> None:
    async def body(host: ContainerHost) -> None:
        known = await host.report("alice", state, reason=reason, invocation="a")
        assert (known["state"], known["reason"], known["invocation"]) == (state, reason, "a")
        assert await agent(host, "alice") == (shown or ("offline", reason))
        assert (await host.ask("GET", "agents/alice"))["container"] == state
        async with harness(host.operator.core, "alice"):
            assert (await agent(host, "alice"))[0] == "idle"
            await host.report("alice", "stopping")
            assert (await agent(host, "alice"))[0] == "idle", "its harness is there"
        await in_state(host.operator.core, "alice", "offline")

    on_host(tmp_path, body)


def test_a_stopped_agent_says_why_the_operator_stopped_it(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        await host.ask("POST", "agents/alice/stop", {"reason": "lunch"})
        await host.report("alice", "stopped", reason="stopped")
        assert await agent(host, "alice") == ("offline", "lunch")

    on_host(tmp_path, body)


def test_a_report_said_twice_or_late_changes_nothing(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        now = host.operator.core.clock()
        running: dict[str, Any] = {"at": now, "invocation": "a"}
        first = await host.report("alice", "running", **running)
        assert (await host.report("alice", "running", **running)) == first
        assert (await host.report("alice", "starting", at=now - 5, invocation="a")) == first
        assert await host.events("container") == [{"state": "running", "was": None, "reason": ""}]

    on_host(tmp_path, body)


def test_a_crash_is_told_to_the_manager_once(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        now = host.operator.core.clock()
        for late in (0, 0, 9):
            await host.report("alice", "failed", at=now - late, invocation="a", crash=KILLED)
        assert await agent(host, "alice") == ("offline", "container crashed: SIGKILL")
        (notice,) = await host.notices("boss")
        assert notice["from"] == "system"
        told = json.loads(notice["body"])
        assert told.pop("at") == pytest.approx(now, abs=60)
        assert told == {"event": "container_crash", "agent": "alice", "turn": None, **KILLED}
        assert await host.events("container_crash") == [{"turn": None, **KILLED}]

    on_host(tmp_path, body)


def test_while_a_notice_waits_another_crash_is_an_event_alone(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        for run in "ab":
            await host.report("boss", "starting", invocation=run, crash=KILLED)
            await host.report("boss", "running", invocation=f"{run} after")
        assert len(await host.events("container_crash")) == 2
        (notice,) = await host.notices("operator")
        await host.ask("POST", "messages/read", {"ids": [notice["id"]]})
        await host.report("boss", "failed", invocation="c", crash=KILLED)
        assert len(await host.notices("operator")) == 2
        assert await host.notices("boss") == [], "the manager's own crash is the operator's to know"

    on_host(tmp_path, body)


def test_a_crash_in_a_turn_names_the_turn_and_nothing_else_tells_of_it(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        core = host.operator.core
        await host.report("alice", "running", invocation="a")
        async with harness(core, "alice") as alice:
            await host.ask("POST", "messages", {"to": "alice", "body": "work"}, status=201)
            turn = (await alice.turn()).turn
        await in_state(core, "alice", "starting")
        await host.report("alice", "failed", invocation="a", crash=KILLED)
        (crash,) = await host.events("container_crash")
        assert crash["turn"] == turn
        # Another's loss, a moment later, is told: alice's would have been before.
        await host.report("bob", "running", invocation="b")
        async with harness(core, "bob"):
            pass
        await harness_crash(host, "bob")
        told = [json.loads(notice["body"]) for notice in await host.notices("boss")]
        assert [(one["event"], one["agent"], one["turn"]) for one in told] == [
            ("container_crash", "alice", turn),
            ("harness_crash", "bob", None),
        ]

    on_host(tmp_path, body)


@pytest.mark.parametrize("known", [None, "running"])
def test_a_harness_that_dies_is_told_with_its_turn(tmp_path: Path, known: str | None) -> None:
    async def body(host: ContainerHost) -> None:
        core = host.operator.core
        if known is not None:
            await host.report("alice", known, invocation="a")
        async with harness(core, "alice") as alice:
            await host.ask("POST", "messages", {"to": "alice", "body": "work"}, status=201)
            turn = (await alice.turn()).turn
        await in_state(core, "alice", "offline" if known is None else "starting")
        async with harness(core, "alice"):  # a new one does not undo it
            await harness_crash(host, "alice")
        (notice,) = await host.notices("boss")
        told = json.loads(notice["body"])
        del told["at"]
        assert told == {"event": "harness_crash", "agent": "alice", "turn": turn}

    on_host(tmp_path, body)


async def stopped_by_the_operator(host: ContainerHost) -> None:
    await host.ask("POST", "agents/alice/stop", {})


async def stopping(host: ContainerHost) -> None:
    await host.report("alice", "stopping", invocation="a")


async def started_again(host: ContainerHost) -> None:
    await host.report("alice", "running", invocation="b")


async def says_so(host: ContainerHost) -> None:
    """The harness itself says that it leaves."""


@pytest.mark.parametrize(
    ("why", "before"),
    [
        (says_so, True),
        (stopped_by_the_operator, True),
        (stopped_by_the_operator, False),
        (stopping, True),
        (stopping, False),
        (started_again, False),
    ],
)
def test_a_harness_that_goes_with_a_reason_has_not_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: Any, before: bool
) -> None:
    # Long enough for a busy machine: the reason is given after the loss, and must come in time.
    monkeypatch.setattr(crash_notices, "LOSS_SECONDS", 1.5)

    async def body(host: ContainerHost) -> None:
        core = host.operator.core
        await host.report("alice", "running", invocation="a")
        async with harness(core, "alice") as alice:
            if why is says_so:
                await alice.call("leaving", to_json(Leaving("it was told to end")))
                assert await agent(host, "alice") == ("offline", "it was told to end")
            elif before:
                await why(host)
        if not before:
            await why(host)
        async with harness(core, "bob"):
            pass
        await harness_crash(host, "bob")
        told = [json.loads(notice["body"])["agent"] for notice in await host.notices("boss")]
        assert told == ["bob"]

    on_host(tmp_path, body)


def test_what_root_did_is_an_event_and_what_it_removed_is_absent(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        await host.report("alice", "stopped")
        done = {"changes": ["built", "started"]}
        assert (await host.ask("POST", "containers/alice/deployment", done))["state"] == "stopped"
        await host.ask("POST", "agents/alice/destroy", {"reason": "no use"})
        assert (await host.ask("POST", "containers/alice/deployment", done))["state"] == "stopped"
        failed = {"changes": ["stopped"], "error": "its conf is not ours"}
        known = await host.ask("POST", "containers/alice/deployment", failed)
        assert known["state"] == "stopped"
        removed = {"changes": ["removed"], "former": True}
        known = await host.ask("POST", "containers/alice/deployment", removed)
        assert (known["state"], known["reason"]) == ("absent", "no use")
        assert await host.events("deployment") == [done, done, failed, {"changes": ["removed"]}]

    on_host(tmp_path, body)


@pytest.mark.parametrize(
    "report",
    [
        {"state": "gone", "at": 1},
        {"state": "running"},
        {"state": "running", "at": -1},
        {"state": "running", "at": 1e300},
        {"state": "running", "at": 1, "reason": "x" * 1001},
        {"state": "failed", "at": 1, "crash": {"result": "signal"}},
        {"state": "failed", "at": 1, "crash": {**KILLED, "lines": ["x"] * 101}},
        {"state": "failed", "at": 1, "reason": "\ud800"},
    ],
)
def test_a_report_that_makes_no_sense_is_refused(tmp_path: Path, report: dict[str, Any]) -> None:
    async def body(host: ContainerHost) -> None:
        await host.operator.refused("POST", "containers/alice/report", report, status=422)
        assert (await host.container("alice"))["state"] is None

    on_host(tmp_path, body)


def test_nobody_has_heard_of_that_agent(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        report = {"state": "running", "at": 1}
        await host.operator.refused("POST", "containers/carol/report", report, status=404)
        await host.operator.refused("POST", "containers/carol/deployment", {}, status=404)

    on_host(tmp_path, body)


def test_a_client_says_and_asks_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with container_host(tmp_path) as host:
            socket, at = host.paths.hive.operator_socket, host.operator.core.clock()

            def ask() -> None:
                with connect(socket) as client:
                    crash = CrashReport(result="exit-code", status="1", lines=["bye"])
                    seen = ContainerReport(
                        state=ContainerState.FAILED, at=at, invocation="a", crash=crash
                    )
                    said = client.report_container("alice", seen)
                    client.report_deployment("alice", DeploymentReport(changes=["built"]))
                    assert said in client.containers()
                    assert client.act("alice", "restart", "again").wanted == "running"
                    assert client.destroy("alice", "no use").wanted_reason == "no use"
                    assert client.purge("alice").wanted == "purged"

            await asyncio.to_thread(ask)
            assert await agent(host, "alice") == ("offline", "container crashed: exit status 1")

    asyncio.run(main())

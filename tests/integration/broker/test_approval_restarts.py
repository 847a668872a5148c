"""What is made up for: repositories that lack something, deploys that were cut off."""

import asyncio
import logging
from pathlib import Path

import pytest

from hyperhive.broker.container_lifecycle import ContainerLifecycle
from hyperhive.broker.core import Core
from hyperhive.log_events import LogEvent
from tests.integration.broker.plane import broker
from tests.integration.broker.proposing import (
    ALICE,
    WHO,
    Proposed,
    approval,
    deploying,
    in_approval_state,
    propose,
    refs,
    run,
)


def test_what_a_broker_left_undone_the_next_one_does(tmp_path: Path) -> None:
    async def main() -> None:
        proposed = Proposed(tmp_path / "config")
        async with broker(tmp_path / "state") as core:
            deploys = deploying(core)
            deploys.gate.clear()
            first = await propose(core, proposed)
            await core.approvals.approve(1, WHO)
            await in_approval_state(core, 1, "building")
        async with broker(tmp_path / "state") as core:
            deploys = deploying(core)
            await core.approvals.resume()
            assert await deploys.ended(1) == "deployed"
            assert deploys.asked == [1]
            assert refs(core)["refs/tags/deployed/1"] == first.commit
        async with broker(tmp_path / "state") as core:
            assert core.hive.agents[ALICE].model == "opus"
            deploys = deploying(core)
            await core.approvals.resume()
            await core.approvals.settled()
            assert deploys.asked == []

    asyncio.run(main())


class PatientUnits:
    """systemd, whose deploy units take as long as it is ready to wait."""

    def __init__(self) -> None:
        self.started: list[tuple[str, float]] = []

    async def start(self, unit: str, seconds: float = 0.0) -> None:
        self.started.append((unit, seconds))

    async def stop(self, unit: str) -> None:
        raise AssertionError(unit)

    async def restart(self, unit: str) -> None:
        raise AssertionError(unit)


def test_a_build_is_waited_for_as_long_as_it_may_take(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        units = PatientUnits()
        await ContainerLifecycle(core, units).deploy(7, ALICE)
        ((unit, seconds),) = units.started
        assert unit == "hyperhive-deploy@7.service"
        # The unit builds for at most 30 minutes, and may have to wait for others before.
        assert seconds > 4 * 30 * 60

    run(tmp_path, body)


def test_every_member_has_a_repository_from_the_start(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        await core.approvals.resume()
        await core.approvals.settled()
        assert sorted(path.name for path in core.paths.proposals.iterdir()) == [
            "alice",
            "bob",
            "boss",
        ]

    run(tmp_path, body)


def test_without_git_everything_counts_and_is_shown_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        proposed = Proposed(tmp_path / "config")
        async with broker(tmp_path / "state") as core:
            commit = proposed.commit()
            objects = proposed.objects(commit)
            with monkeypatch.context() as without:
                without.setenv("PATH", str(tmp_path))
                deploys = deploying(core)
                await core.approvals.submit_commit("boss", "alice", commit, "", objects)
                await core.approvals.approve(1, WHO)
                assert await deploys.ended(1) == "deployed"
            assert core.hive.agents[ALICE].model == "opus"
        assert caplog.text.count("git is missing") == 1
        async with broker(tmp_path / "state") as core:
            await core.approvals.resume()
            await core.approvals.settled()
            assert refs(core) == {
                "refs/heads/main": commit,
                "refs/hyperhive/proposal/1": commit,
                "refs/tags/deployed/1": commit,
            }

    asyncio.run(main())


def test_a_repository_that_cannot_be_written_fails_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        core.paths.agent(ALICE).proposals.write_text("in the way")
        deploys = deploying(core)
        first = await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        assert "approval 1 is not shown in its repository before the next start" in caplog.text
        assert not (await approval(core, 1)).tagged
        core.paths.agent(ALICE).proposals.unlink()
        await core.approvals.resume()
        await core.approvals.settled()
        assert refs(core)["refs/heads/main"] == first.commit
        assert (await approval(core, 1)).tagged

    run(tmp_path, body)


def test_the_journal_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        await propose(core, proposed, 'model = "haiku"\n')
        deploys.error = "no"
        await core.approvals.approve(2, WHO)
        assert await deploys.ended(2) == "failed"

    run(tmp_path, body)
    said = [
        (entry["MESSAGE_ID"], entry["HYPERHIVE_APPROVAL"], entry["HYPERHIVE_AGENT"])
        for record in caplog.records
        if "HYPERHIVE_APPROVAL" in (entry := getattr(record, "journal", {}))
        and "MESSAGE_ID" in entry
    ]
    asked, decided = LogEvent.APPROVAL_SUBMITTED, LogEvent.APPROVAL_DECIDED
    assert said == [
        (asked, "1", "alice"),
        (decided, "1", "alice"),
        (LogEvent.APPROVAL_DEPLOYED, "1", "alice"),
        (asked, "2", "alice"),
        (decided, "2", "alice"),
        (LogEvent.APPROVAL_FAILED, "2", "alice"),
    ]
    assert "alice: approval 2 (apply_commit) failed: no" in caplog.text

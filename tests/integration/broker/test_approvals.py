"""Approvals from the wish to the deploy, with a real store and a real git."""

import asyncio
import shutil
from pathlib import Path

import pytest

from hyperhive.broker.approvals.fitness import MOST_AN_HOUR
from hyperhive.broker.core import Core
from hyperhive.errors import InputError
from hyperhive.store import approvals
from hyperhive.store.approval_errors import ApprovalClosedError, PendingApprovalError
from hyperhive.store.approval_rows import Approval, UnknownApprovalError
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from tests.integration.broker.approving import new_approval
from tests.integration.broker.plane import agent_row
from tests.integration.broker.proposing import (
    ALICE,
    TOML,
    WHO,
    Proposed,
    approval,
    deploying,
    every,
    in_approval_state,
    propose,
    refs,
    refusal,
    run,
    run_git,
)
from tests.integration.broker.test_turns import mail


def test_what_was_proposed_stays_whatever_becomes_of_its_repository(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        first = await propose(core, proposed, README_md="Alice.\n")
        # History is rewritten, what it was is collected, and then all of it is gone.
        (proposed.directory / "agent.toml").write_text('model = "haiku"\n')
        run_git(proposed.directory, "commit", "-qa", "--amend", "-m", "Another")
        run_git(proposed.directory, "reflog", "expire", "--expire=now", "--all")
        run_git(proposed.directory, "gc", "-q", "--prune=now")
        with pytest.raises(Exception, match="status 1"):
            run_git(proposed.directory, "cat-file", "-e", first.commit)
        shutil.rmtree(proposed.directory)
        deploys = deploying(core)
        await core.approvals.approve(first.id, WHO, first.commit)
        assert await deploys.ended(first.id) == "deployed"
        assert core.hive.agents[ALICE].model == "opus"
        applied = core.paths.agent(ALICE).proposals
        assert run_git(applied, "show", "main:agent.toml") == TOML
        assert run_git(applied, "show", f"refs/hyperhive/proposal/{first.id}:README.md")

    run(tmp_path, body)


def test_the_repositories_say_what_becomes_of_it(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        first = await propose(core, proposed)
        # Who asked may look for it at once.
        assert refs(core) == {"refs/hyperhive/proposal/1": first.commit}
        deploys = deploying(core)
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        deployed = {
            "refs/heads/main": first.commit,
            "refs/hyperhive/proposal/1": first.commit,
            "refs/tags/deployed/1": first.commit,
        }
        assert refs(core) == deployed
        second = await propose(core, proposed, 'model = "haiku"\n')
        deploys.error = "no"
        await core.approvals.approve(2, WHO)
        assert await deploys.ended(2) == "failed"
        assert refs(core) == {
            **deployed,
            "refs/hyperhive/proposal/2": second.commit,
            "refs/tags/failed/2": second.commit,
        }
        applied = core.paths.agent(ALICE).proposals
        assert "building\nno" in run_git(applied, "cat-file", "tag", "failed/2")
        assert run_git(applied, "log", "--format=%H", second.commit).split() == [
            second.commit,
            first.commit,
        ]
        assert all(one.tagged for one in await every(core))

    run(tmp_path, body)


def test_what_fails_leaves_everything_as_it_was_and_is_told(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        before = core.hive
        deploys = deploying(core, "it does not build")
        await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "failed"
        assert core.hive == before
        assert (await agent_row(core, "alice"))["model"] == "haiku"
        events = [row["body"] for row in await mail(core, "boss")]
        assert any('"approval_resolved"' in body and '"approved"' in body for body in events)
        assert any('"failed"' in body and "it does not build" in body for body in events)
        # The same commit may be asked for again.
        commit = proposed.commit()
        again = await core.approvals.submit_commit(
            "boss", "alice", commit, "", proposed.objects(commit)
        )
        assert again.id == 2

    run(tmp_path, body)


def test_a_manager_that_asks_without_end_has_to_wait(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        last: int | None = None
        for number in range(MOST_AN_HOUR):
            new = new_approval(ApprovalKind.APPLY_COMMIT, "alice", {"agent.toml": f"# {number}\n"})
            asked = await core.store.write(
                approvals.submit, new, supersede=last, reader="boss", now=core.clock()
            )
            last = asked.id
        error = await refusal(propose(core, proposed, supersede=last))
        assert error.what == f"boss has asked for {MOST_AN_HOUR} approvals within an hour"
        assert error.todo.startswith("ask again in 60 minutes")
        assert len(await every(core)) == MOST_AN_HOUR
        # The operator is not kept from anything.
        assert (await core.approvals.allow_rule("bob", "git push *")).submitted_by == WHO

    run(tmp_path, body)


def test_what_cannot_be_is_refused_before_anybody_is_bothered(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        good = proposed.commit()
        objects = proposed.objects(good)
        bad = proposed.commit("network = 'host'\nbinds = []\n")
        bad_rule = proposed.commit("bash.allow = ['git:* x']\n")
        extra = proposed.commit(extra_nix="{ }\n")
        submit = core.approvals.submit_commit
        for agent, commit, given, said in (
            ("alice", "main", objects, "'main' is not a commit's full id"),
            ("alice", "HEAD", objects, "'HEAD' is not a commit's full id"),
            ("alice", good[:12], objects, "is not a commit's full id"),
            ("alice", good.upper(), objects, "is not a commit's full id"),
            ("alice", good, None, "without the commit's objects"),
            ("alice", good, {"error": "there is no /agents/alice/config"}, "there is no /agents"),
            ("alice", good, {"commit": 3}, "cannot be read"),
            ("alice", good, proposed.objects(bad), "is not the commit"),
            ("alice", bad, proposed.objects(bad), "network"),
            ("alice", bad_rule, proposed.objects(bad_rule), "git:* x"),
            ("alice", extra, proposed.objects(extra), "extra_nix"),
            ("dave", good, objects, "there is no agent 'dave'"),
            ("../bob", good, objects, "there is no agent"),
        ):
            error = await refusal(submit("boss", agent, commit, "", given))
            assert isinstance(error, InputError)
            assert said in error.what, (commit, error.what)
        error = await refusal(submit("boss", "alice", good, "x" * 5000, objects))
        assert "the description has 5000 bytes" in error.what
        assert await every(core) == []
        assert await mail(core, "boss") == []

    run(tmp_path, body)


def test_what_runs_already_is_refused(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        error = await refusal(propose(core, proposed))
        assert error.what == "alice runs with this already"

    run(tmp_path, body)


def test_one_at_a_time_is_pending_unless_it_takes_the_others_place(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        first = await propose(core, proposed)
        error = await refusal(propose(core, proposed, 'model = "haiku"\n'))
        assert isinstance(error, PendingApprovalError)
        assert "supersede=1" in error.todo
        second = await propose(core, proposed, 'model = "haiku"\n', supersede=1)
        assert (second.id, second.supersedes) == (2, 1)
        former = await approval(core, 1)
        assert (former.state, former.superseded_by) == (ApprovalState.SUPERSEDED, 2)
        await core.approvals.settled()
        assert refs(core)["refs/tags/superseded/1"] == first.commit
        # Asked for twice, it is there once.
        commit = second.commit
        same = await core.approvals.submit_commit(
            "boss", "alice", commit, "", proposed.objects(commit)
        )
        assert same.id == 2
        error = await refusal(core.approvals.approve(1, WHO))
        assert "superseded by approval 2" in error.what

    run(tmp_path, body)


def test_of_operators_who_decide_at_once_one_wins(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploying(core)
        asked = await propose(core, proposed)
        said = await asyncio.gather(
            *(core.approvals.approve(1, f"operator {n}") for n in range(4)),
            *(core.approvals.deny(1, f"operator {n}", "no") for n in range(4, 8)),
            core.approvals.cancel(1, "boss"),
            return_exceptions=True,
        )
        won = [one for one in said if isinstance(one, Approval)]
        lost = [one for one in said if not isinstance(one, Approval)]
        assert len(won) == 1
        assert len(lost) == 8
        for error in lost:
            assert isinstance(error, ApprovalClosedError)
            assert str(won[0].decided_by) in error.what
        now = await approval(core, asked.id)
        assert now.decided_by == won[0].decided_by

    run(tmp_path, body)


def test_what_was_decided_is_not_decided_again(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        await propose(core, proposed)
        await core.approvals.deny(1, WHO, "Too dear.")
        error = await refusal(core.approvals.approve(1, WHO))
        assert "approval 1 was denied by operator at" in error.what
        await in_approval_state(core, 1, "denied")
        assert "Too dear." in run_git(
            core.paths.agent(ALICE).proposals, "cat-file", "tag", "denied/1"
        )
        await propose(core, proposed, 'model = "haiku"\n')
        await core.approvals.approve(2, WHO)
        assert isinstance(await refusal(core.approvals.approve(2, WHO)), ApprovalClosedError)
        assert await deploys.ended(2) == "deployed"
        for again in (
            core.approvals.approve(2, WHO),
            core.approvals.deny(2, WHO),
            core.approvals.begin(2),
            core.approvals.finish(2, error="late"),
        ):
            assert isinstance(await refusal(again), ApprovalClosedError)
        assert deploys.asked == [2]
        with pytest.raises(UnknownApprovalError):
            await core.approvals.approve(9, WHO)

    run(tmp_path, body)


def test_another_commit_than_was_looked_at_is_not_approved(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        await propose(core, proposed)
        error = await refusal(core.approvals.approve(1, WHO, "0" * 40))
        assert "is about commit" in error.what
        assert (await approval(core, 1)).state is ApprovalState.PENDING
        assert deploys.asked == []

    run(tmp_path, body)


def test_what_was_shown_is_approved_only_while_nothing_else_of_the_agent_is_on_its_way(
    tmp_path: Path,
) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        deploys.gate.clear()
        await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        await in_approval_state(core, 1, "building")
        second = await propose(core, proposed, 'model = "haiku"\n')
        error = await refusal(core.approvals.approve(2, WHO))
        assert error.what == "approval 1 is being deployed for alice"
        assert error.todo == "wait until that has ended"
        assert error.what in await core.approvals.problem(second)
        assert deploys.asked == [1]
        deploys.gate.set()
        assert await deploys.ended(1) == "deployed"
        await core.approvals.approve(2, WHO)
        assert await deploys.ended(2) == "deployed"
        assert deploys.asked == [1, 2]
        assert core.hive.agents[ALICE].model == "haiku"

    run(tmp_path, body)

"""A rule that the operator adds, and new agents."""

import asyncio
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from hyperhive.broker.approvals import candidates
from hyperhive.broker.core import Core
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.store import approvals, containers
from hyperhive.store.approval_rows import NewApproval
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.container_states import Wanted
from tests.integration.broker.approving import new_approval
from tests.integration.broker.plane import broker
from tests.integration.broker.proposing import (
    ALICE,
    CAROL,
    TOML,
    WHO,
    Proposed,
    approval,
    deploying,
    in_approval_state,
    propose,
    refs,
    refusal,
    run,
    run_git,
)


def test_a_rule_more(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        await propose(core, proposed, TOML, README_md="Alice.\n")
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        asked = await core.approvals.allow_rule("alice", "Bash(git push *)")
        assert (asked.kind, asked.submitted_by) == ("allow_rule", "operator")
        assert asked.files["README.md"] == "Alice.\n"
        warnings = await core.approvals.warnings(asked)
        assert len(warnings) == 1
        assert warnings[0].startswith("bash.allow: `git push *`: ")
        await core.approvals.approve(asked.id, WHO)
        assert await deploys.ended(asked.id) == "deployed"
        alice = core.hive.agents[ALICE]
        assert (alice.model, alice.bash.allow) == ("opus", ["git push *"])
        log = run_git(core.paths.agent(ALICE).proposals, "log", "--format=%an: %s", "main")
        assert log.splitlines() == ["operator: Allow Bash(git push *)", "boss: Change"]
        error = await refusal(core.approvals.allow_rule("alice", "git push *"))
        assert "alice may run that already" in error.what

    run(tmp_path, body)


def test_a_rule_more_takes_back_nothing_else(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        deploys.gate.clear()
        await propose(core, proposed)
        await core.approvals.approve(1, WHO)
        await in_approval_state(core, 1, "building")
        error = await refusal(core.approvals.allow_rule("alice", "git push *"))
        assert error.what == "approval 1 is being deployed for alice"
        deploys.gate.set()
        assert await deploys.ended(1) == "deployed"
        # A rule that was asked for in the moment before something else was approved.
        rule = await core.approvals.allow_rule("alice", "git push *")
        await core.approvals.deny(rule.id, WHO)
        await propose(core, proposed, 'model = "haiku"\n')
        await core.approvals.approve(3, WHO)
        assert await deploys.ended(3) == "deployed"
        late = NewApproval(**{one.name: getattr(rule, one.name) for one in fields(NewApproval)})
        asked = await core.store.write(
            approvals.submit, late, supersede=None, reader="boss", now=core.clock()
        )
        error = await refusal(core.approvals.approve(asked.id, WHO))
        assert error.what == "alice runs with other settings than when the rule was asked for"
        assert error.what in await core.approvals.problem(asked)
        assert core.hive.agents[ALICE].model == "haiku"

    run(tmp_path, body)


def spawning_hive(most: int) -> Any:
    return parse_hive(
        {
            "hive": {"name": "lab", "model": "haiku", "spawn": {"most": most}},
            "agents": {"boss": {"role": "manager"}, "alice": {}},
        },
        "test",
    )


def test_a_new_agent_comes_into_the_hive(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        deploys = deploying(core)
        asked = await core.approvals.submit_spawn("boss", "carol", "Tests things", TOML)
        assert refs(core, "carol") == {"refs/hyperhive/proposal/1": asked.commit}
        assert CAROL not in core.hive.agents
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "deployed"
        carol = core.hive.agents[CAROL]
        assert (carol.description, carol.model) == ("Tests things", "opus")
        assert refs(core, "carol")["refs/heads/main"] == asked.commit
        author = run_git(
            core.paths.agent(CAROL).proposals, "log", "-1", "--format=%an <%ae>", "main"
        )
        assert author.strip() == "boss <boss@lab.hive.internal>"
        error = await refusal(core.approvals.submit_spawn("boss", "carol", ""))
        assert error.what == "there is an agent carol already"

    run(tmp_path, body)


def test_no_more_agents_than_the_hive_allows(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        deploys = deploying(core)
        deploys.gate.clear()
        await core.approvals.submit_spawn("boss", "carol", "")
        error = await refusal(core.approvals.submit_spawn("boss", "dave", ""))
        assert error.what == "the hive has 0 of at most 1 spawned agents, and 1 more is asked for"
        assert "cancel_approval" in error.todo
        # It may be asked for otherwise.
        await core.approvals.submit_spawn("boss", "carol", "", TOML, supersede=1)
        # Another one from before the operator declared fewer: both fit while neither is approved.
        new = new_approval(ApprovalKind.SPAWN, "dave", {"agent.toml": ""})
        await core.store.write(
            approvals.submit, new, supersede=None, reader="boss", now=core.clock()
        )
        assert await core.approvals.problem(await approval(core, 3)) == ""
        await core.approvals.approve(2, WHO)
        refused = await refusal(core.approvals.approve(3, WHO))
        assert refused.what == "the hive has 1 of at most 1 spawned agents"
        pending = await approval(core, 3)
        assert pending.state is ApprovalState.PENDING
        assert "1 of at most 1" in await core.approvals.problem(pending)
        error = await refusal(core.approvals.submit_spawn("boss", "erin", ""))
        assert "1 of at most 1" in error.what

    run(tmp_path, body, hive=spawning_hive(1))


def test_wishes_are_looked_at_beside_the_event_loop_once_and_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = threading.get_ident()
    threads: list[int] = []
    together = threading.Lock()
    spawn_candidate = candidates.spawn_candidate

    def watched(*args: Any, **more: Any) -> candidates.Candidate:
        threads.append(threading.get_ident())
        assert together.acquire(blocking=False), "two at once"
        try:
            # Whoever else is let in comes here meanwhile.
            another.wait(0.05)
            return spawn_candidate(*args, **more)
        finally:
            together.release()

    another = threading.Event()
    monkeypatch.setattr(candidates, "spawn_candidate", watched)

    async def body(core: Core, _proposed: Proposed) -> None:
        asked = await asyncio.gather(
            *(
                core.approvals.submit_spawn("boss", name, "", 'bash.allow = ["sudo *"]\n')
                for name in "xyz"
            )
        )
        assert len(threads) == 3
        assert loop not in threads
        # What the manager is told takes no second look.
        [warning] = await core.approvals.warnings(asked[-1])
        assert "sudo *" in warning
        assert len(threads) == 3
        details = (core.approvals.problem(one) for one in asked)
        assert await asyncio.gather(*details) == ["", "", ""]
        assert len(threads) == 6
        assert loop not in threads

    run(tmp_path, body)


def test_a_hive_that_allows_no_new_agents(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        error = await refusal(core.approvals.submit_spawn("boss", "carol", ""))
        assert "nobody may ask for new agents" in error.what

    run(tmp_path, body, hive=spawning_hive(0))


def test_a_spawn_that_failed_can_be_tried_again(tmp_path: Path) -> None:
    async def body(core: Core, _proposed: Proposed) -> None:
        deploys = deploying(core, "it does not build")
        await core.approvals.submit_spawn("boss", "carol", "")
        await core.approvals.approve(1, WHO)
        assert await deploys.ended(1) == "failed"
        assert CAROL not in core.hive.agents
        deploys.error = ""
        await core.approvals.submit_spawn("boss", "carol", "")
        await core.approvals.approve(2, WHO)
        assert await deploys.ended(2) == "deployed"
        assert CAROL in core.hive.agents

    run(tmp_path, body)


def test_an_agent_whose_state_is_kept_is_not_made_anew(tmp_path: Path) -> None:
    async def main() -> None:
        async with broker(tmp_path):
            pass
        async with broker(tmp_path, spawning_hive(8)) as core:
            error = await refusal(core.approvals.submit_spawn("boss", "bob", ""))
            assert "its state is kept" in error.what
            assert "hyperhive agent purge bob" in error.todo
            await core.store.write(
                containers.want, "bob", Wanted.PURGED, "gone", by=WHO, now=core.clock()
            )
            asked = await core.approvals.submit_spawn("boss", "bob", "")
            deploys = deploying(core)
            await core.approvals.approve(asked.id, WHO)
            assert await deploys.ended(asked.id) == "deployed"
            assert AgentName("bob") in core.hive.agents

    asyncio.run(main())

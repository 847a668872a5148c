"""What a proposal takes back of what is deployed, as the manager is told it."""

from pathlib import Path

from hyperhive.broker.core import Core
from tests.integration.broker.proposing import (
    ALICE,
    WHO,
    Proposed,
    deploying,
    propose,
    run,
    run_git,
)


def test_who_proposes_without_what_is_deployed_is_warned(tmp_path: Path) -> None:
    async def body(core: Core, proposed: Proposed) -> None:
        deploys = deploying(core)
        rule = await core.approvals.allow_rule("alice", "make check")
        await core.approvals.approve(rule.id, WHO)
        assert await deploys.ended(rule.id) == "deployed"
        asked = await propose(core, proposed)
        assert await core.approvals.warnings(asked) == [
            "bash.allow: `make check`: takes back what was approved",
            f"alice runs with {rule.commit}, which is no parent of this commit:"
            " `git cat-file -p main:agent.toml` in the hive's record of alice (main)"
            " has what is deployed",
        ]
        # Made from what is deployed, it is meant.
        record = str(core.paths.agent(ALICE).proposals)
        run_git(proposed.directory, "fetch", "-q", record, "main")
        run_git(proposed.directory, "reset", "-q", "--hard", "FETCH_HEAD")
        meant = await propose(core, proposed, supersede=asked.id)
        assert await core.approvals.warnings(meant) == [
            "bash.allow: `make check`: takes back what was approved"
        ]

    run(tmp_path, body)

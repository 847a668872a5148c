"""What the operator approved is deployed and nothing else, whatever becomes of repositories."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.e2e import proposing
from tests.e2e.hive import Hive

pytestmark = pytest.mark.usefixtures("as_declared")

# What a manager, or whoever has taken over the broker's files, does once a commit is pinned.
AMENDED: Final = """
printf 'model = "opus"\\n' >agent.toml
git add agent.toml
git commit --quiet --amend --message Swapped
git reflog expire --expire=now --all
git gc --quiet --prune=now
"""


@pytest.mark.parametrize(
    "swap",
    [
        lambda hive: proposing.shell(hive, "alice", AMENDED),
        lambda hive: proposing.shell(hive, "alice", "cd /; rm -rf /agents/alice/config/.git"),
        lambda hive: swap_in_bare_repository(hive),
    ],
    ids=["amended", "deleted", "the broker's repository"],
)
def test_what_was_pinned_is_deployed_whatever_becomes_of_repositories(
    hive: Hive, swap: Callable[[Hive], object]
) -> None:
    toml = f"# {swap}\n[environment]\nPINNED = 'yes'\n"
    id = proposing.propose(hive, "alice", {"agent.toml": toml})
    swap(hive)
    proposing.approve(hive, id)
    assert proposing.settings(hive, "alice")["environment"]["PINNED"] == "yes"
    assert proposing.approved(hive, "alice") == {"agent.toml": toml}


def swap_in_bare_repository(hive: Hive) -> None:
    """Have every ref of the broker's repository name another commit, and lose what they named."""
    script = """
    cd /var/lib/hyperhive/proposals/alice
    git config user.name x; git config user.email x@y
    blob=$(printf 'model = "opus"\\n' | git hash-object -w --stdin)
    tree=$(printf '100644 blob %s\\tagent.toml\\n' $blob | git mktree)
    other=$(git commit-tree -m Swapped $tree)
    git for-each-ref --format='%(refname)' | while read -r ref; do git update-ref $ref $other; done
    git reflog expire --expire=now --all
    git gc --quiet --prune=now
    """
    hive.testbed.run(["sh", "-ec", script], user="hyperhive")


def test_a_broker_that_hands_over_other_files_than_were_approved(hive: Hive) -> None:
    other = proposing.propose(hive, "bob", {"agent.toml": 'model = "opus"\n'})
    id = proposing.propose(hive, "alice", {"agent.toml": 'model = "sonnet"\n'})
    before, runs = proposing.host_state(hive, deploying=True), proposing.runs(hive, "alice")
    swap = f"""
import sqlite3
db = sqlite3.connect("/var/lib/hyperhive/hive.sqlite")
db.execute("UPDATE approvals SET (files, objects) ="
           " (SELECT files, objects FROM approvals WHERE id = {other}) WHERE id = {id}")
db.commit()
"""
    hive.testbed.systemctl("stop", "hyperhive.service")
    hive.testbed.run(["python3", "-c", swap], user="hyperhive")
    hive.testbed.systemctl("start", "hyperhive.service")
    assert "is not" in proposing.approve(hive, id, "failed").error
    assert proposing.host_state(hive, deploying=True) == before
    hive.wait_states({"alice": "idle"})
    assert proposing.runs(hive, "alice") == runs
    with hive.client() as client:
        client.deny(other, "the test is done")


def test_nothing_that_a_repository_names_is_run(hive: Hive) -> None:
    script = r"""
    mark='touch /agents/alice/config/RAN /tmp/RAN /var/lib/hyperhive/RAN'
    mkdir -p .git/hooks .git/info
    for hook in pre-commit post-checkout post-index-change reference-transaction pre-receive \
        update post-update post-receive; do
        printf '#!/bin/sh\n%s\n' "$mark" >.git/hooks/$hook
        chmod +x .git/hooks/$hook
    done
    git config core.fsmonitor "$mark;"
    git config core.sshCommand "$mark;"
    git config core.pager "$mark;"
    git config filter.evil.clean "$mark; cat"
    git config filter.evil.smudge "$mark; cat"
    git config filter.evil.required true
    git config diff.evil.textconv "$mark; cat"
    git config diff.external "$mark;"
    git config uploadpack.packObjectsHook "$mark;"
    git config extensions.partialClone origin
    git config remote.origin.url "ext::sh -c $mark"
    git config remote.origin.promisor true
    git config protocol.ext.allow always
    echo '* filter=evil diff=evil' >.git/info/attributes
    """
    sha = proposing.commit(hive, "alice", {"agent.toml": "# Hooks.\n"})
    try:
        proposing.shell(hive, "alice", script)
        id = proposing.request(hive, "alice", sha)
        with hive.client() as client:
            client.approval(id)
        proposing.approve(hive, id)
        # An object that is missing would be fetched.
        said = proposing.call(hive, "request_apply_commit", agent="alice", commit="0123456789" * 4)
        assert "is not in" in said
    finally:
        proposing.shell(hive, "alice", "cd /; rm -rf /agents/alice/config/.git")
    search = ["find", "/", "-xdev", "-name", "RAN"]
    assert hive.inside("manager", search, check=False).stdout == ""
    places = ["/", "/tmp", "/var/lib/hyperhive"]
    found = hive.testbed.run(["find", *places, "-xdev", "-name", "RAN"], check=False)
    assert found.stdout == ""

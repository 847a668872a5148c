"""Approvals from the manager's commit to the container that runs with it, or is left as it was."""

from typing import Final

import pytest

from tests.e2e import proposing
from tests.e2e.hive import Hive
from tests.e2e.host import RECONCILE

SEND: Final = "mcp__hyperhive__send"
OTHERS: Final = ("bob", "manager")
# What a claude says of its model and of a command that the declared rules do not allow.
TELL: Final = [
    {
        "when": {"agent": "alice", "from": "operator", "contains": "which model", "model": model},
        "do": [
            {"bash": "uname -s"},
            {"tool": SEND, "input": {"to": "operator", "body": f"{model}: {{output}}"}},
            {"say": "Told."},
        ],
    }
    for model in ("haiku", "sonnet")
]


pytestmark = pytest.mark.usefixtures("as_declared")


def which_model(hive: Hive) -> str:
    """What alice's claude says of itself."""
    hive.script(TELL)
    sent = hive.send("alice", "which model")
    return hive.wait_mail(": ", after=sent).body


def test_what_the_operator_approves_runs_in_the_container(hive: Hive) -> None:
    before, others = proposing.runs(hive, "alice"), proposing.runs(hive, *OTHERS)
    state = proposing.host_state(hive, deploying=True)
    assert which_model(hive).startswith("haiku: Permission to use Bash")

    # All of it by the manager's claude, with git as an agent has it.
    config = proposing.CONFIG.format("alice")
    toml = '# Faster.\nmodel = "sonnet"\n\n[bash]\nallow = ["uname *"]\n'
    proposing.shell(hive, "alice", "cat >agent.toml", input=toml)
    said = proposing.ask_manager(
        hive,
        {"bash": f"git -C {config} add agent.toml"},
        {"bash": f"git -C {config} commit --message 'A faster model'"},
        {"bash": f"git -C {config} rev-parse HEAD", "as": "commit"},
        {
            "tool": "mcp__hyperhive__request_apply_commit",
            "input": {"agent": "alice", "commit": "{commit}", "description": "It is faster."},
        },
    )
    assert "about alice is pending" in said
    with hive.client() as client:
        (approval,) = client.approvals(agent="alice", after=0, limit=10)
    id, sha = approval.id, approval.commit
    assert (approval.submitted_by, approval.description) == ("manager", "It is faster.")
    author = proposing.shell(hive, "alice", f"git log -1 --format='%an <%ae>' {sha}")
    assert author == "manager <manager@lab.hive.internal>"
    assert f"{id} " in hive.hyperhive("approvals").stdout
    shown = hive.hyperhive("show", str(id)).stdout
    assert "sonnet" in shown
    assert "uname *" in shown
    assert settings_of(hive) == ("haiku", [])

    assert "deployed" in hive.hyperhive("approve", str(id)).stdout
    assert settings_of(hive) == ("sonnet", ["Bash(uname *)"])
    assert which_model(hive) == "sonnet: Linux"
    told = proposing.notice(hive, "deployed", id)
    assert (told["agent"], told["commit"]) == ("alice", sha)
    assert proposing.notice(hive, "approval_resolved", id)["state"] == "approved"
    assert proposing.log_of_deploys(hive)[0] == f"alice: deploy #{id} ({sha})"
    applied = "git --git-dir=/applied/alice"
    tags = proposing.shell(hive, "alice", f"{applied} rev-parse main deployed/{id}^{{}}")
    assert set(tags.split()) == {sha}

    after = proposing.runs(hive, "alice")
    assert after["alice"][0] == before["alice"][0], "a new system takes no restart"
    assert after["alice"][1] != before["alice"][1], "the harness has read its settings again"
    assert proposing.runs(hive, *OTHERS) == others
    now = proposing.host_state(hive, deploying=True)
    changed = {path for path, _ in state.items() ^ now.items()}
    assert not [path for path in changed if "bob" in path or "manager" in path]


def settings_of(hive: Hive) -> tuple[str, list[str]]:
    """Alice's model as the operator sees it, and the Bash rules in her container."""
    with hive.client() as client:
        model = next(agent.model for agent in client.agents() if agent.name == "alice")
    rules = proposing.settings(hive, "alice")["allow"]
    return model, [rule for rule in rules if rule.startswith("Bash(")]


def test_the_manager_reads_why_something_was_denied(hive: Hive) -> None:
    id = proposing.propose(hive, "alice", {"agent.toml": 'model = "opus"\n'})
    before = proposing.host_state(hive, deploying=True)
    hive.hyperhive("deny", str(id), "--reason", "opus is for bob alone")
    told = proposing.notice(hive, "approval_resolved", id)
    assert (told["state"], told["by"]) == ("denied", "operator")
    assert told["reason"] == "opus is for bob alone"
    late = hive.hyperhive("approve", str(id), check=False)
    assert late.returncode != 0
    assert "denied" in late.stderr
    assert proposing.host_state(hive, deploying=True) == before
    tag = f"git --git-dir=/applied/alice cat-file tag denied/{id}"
    assert "opus is for bob alone" in proposing.shell(hive, "alice", tag)


def test_the_operator_allows_a_rule(hive: Hive) -> None:
    said = hive.hyperhive("allow-rule", "alice", "id -u", "--approve").stdout
    assert "deployed" in said
    assert "Bash(id -u)" in settings_of(hive)[1]


def test_a_spawned_agent_is_made_destroyed_and_purged(hive: Hive) -> None:
    others = proposing.runs(hive, "alice", *OTHERS)
    said = proposing.call(
        hive, "request_spawn", name="carl", description="Knows Rust.", agent_toml='model = "opus"\n'
    )
    assert "about carl is pending" in said
    assert not hive.testbed.path("/etc/nixos-containers/h-carl.conf").exists()
    with hive.client() as client:
        (approval,) = client.approvals(agent="carl", after=0, limit=10)
    proposing.approve(hive, approval.id)
    assert proposing.notice(hive, "spawned", approval.id)["agent"] == "carl"
    hive.send("carl", "hello")
    assert hive.wait_mail("carl got: hello").sender == "carl"
    assert proposing.settings(hive, "carl")["name"] == "carl"
    # The manager sees where to propose for it, though its own container was not restarted.
    assert "agent.toml" in proposing.shell(hive, "carl", "git ls-files")

    hive.testbed.systemctl("start", RECONCILE)
    assert proposing.runs(hive, "alice", *OTHERS) == others
    hive.wait_states({"carl": "idle"})
    hive.hyperhive("agent", "destroy", "carl")
    hive.hyperhive("agent", "purge", "carl", "--confirm", "carl")
    words = ["find", "/var/lib", "/nix/var/nix", "/etc", "/run", "-name", "*carl*"]
    assert hive.testbed.run(words).stdout == ""
    assert proposing.runs(hive, "alice", *OTHERS) == others

"""Deploys that fail: everything is as it was before, and who asked is told why."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e import proposing
from tests.e2e.environment import HYPERHIVE
from tests.e2e.hive import Hive

pytestmark = pytest.mark.usefixtures("as_declared")

# A harness that starts and says nothing to anybody.
SILENT: Final = """\
{ lib, ... }:
{
  systemd.services.hyperhive-harness.serviceConfig.ExecStart = lib.mkForce "/usr/bin/sleep inf";
}
"""
QUICK: Final = "/run/systemd/system/hyperhive-deploy@.service.d/quick.conf"


@pytest.mark.parametrize(
    ("package", "error"),
    [("no-such-thing", "nixpkgs has no package"), ("broken", "no such thing")],
    ids=["does not evaluate", "does not build"],
)
def test_a_system_that_does_not_build(hive: Hive, package: str, error: str) -> None:
    runs = proposing.runs(hive, "alice", "bob", "manager")
    files = {"agent.toml": f'model = "opus"\npackages = ["{package}"]\n'}
    sha = proposing.commit(hive, "alice", files)
    id = proposing.request(hive, "alice", sha)
    before = proposing.host_state(hive, deploying=True)
    done = hive.hyperhive("approve", str(id), check=False)
    assert done.returncode == 1
    assert error in done.stderr
    assert proposing.host_state(hive, deploying=True) == before
    assert proposing.runs(hive, "alice", "bob", "manager") == runs
    for reader in ("manager", "operator"):
        told = proposing.notice(hive, "failed", id, to=reader)
        assert (told["agent"], told["commit"]) == ("alice", sha)
        assert error in told["error"] + "\n".join(told["log"])
    with hive.client() as client:
        assert error in "\n".join(client.approval(id).log)
    tag = proposing.shell(hive, "alice", f"git --git-dir=/applied/alice cat-file tag failed/{id}")
    assert error in tag
    assert "main" not in proposing.refs(hive, "/var/lib/hyperhive/proposals/alice") or (
        proposing.refs(hive, "/var/lib/hyperhive/proposals/alice")["refs/heads/main"] != sha
    )


@pytest.fixture
def impatient(hive: Hive) -> Iterator[Hive]:
    """The hive, whose deploys wait for a harness for 3 s only."""
    start = f"{HYPERHIVE} deploy --hello-seconds=3 %i"
    hive.host.write(QUICK, f"[Service]\nExecStart=\nExecStart={start}\n")
    hive.testbed.systemctl("daemon-reload")
    yield hive
    hive.testbed.path(QUICK).unlink()
    hive.testbed.systemctl("daemon-reload")


def test_a_container_that_never_says_hello(impatient: Hive) -> None:
    hive = impatient
    others = proposing.runs(hive, "alice", "manager")
    files = {"agent.toml": 'model = "sonnet"\n', "extra.nix": SILENT}
    id = proposing.propose(hive, "bob", files)
    assert "extra.nix" in hive.hyperhive("show", str(id)).stdout
    before = proposing.host_state(hive, deploying=True)
    settings = proposing.settings(hive, "bob")
    assert "hello" in proposing.approve(hive, id, "failed").error
    assert proposing.host_state(hive, deploying=True) == before
    assert proposing.settings(hive, "bob") == settings
    hive.wait_states({"bob": "idle"})
    hive.send("bob", "are you well")
    assert hive.wait_mail("bob got: are you well").sender == "bob"
    assert proposing.runs(hive, "alice", "manager") == others

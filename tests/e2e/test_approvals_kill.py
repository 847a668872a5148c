"""Root's part of an approval is killed at any moment, also while it puts back what was cut short:
at the end the host is fully as before, or fully as approved."""

import random
import time
from collections.abc import Iterator
from typing import Final

import pytest

from hyperhive.store.approval_states import OPEN
from tests.e2e import proposing
from tests.e2e.hive import Hive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("as_declared")]

KILLS: Final = 30
MOST_IN_A_ROW: Final = 5
QUICK: Final = "/run/systemd/system/hyperhive-deploy@.service.d/quick.conf"
OTHERS: Final = ("bob", "manager")


@pytest.fixture
def persistent(hive: Hive) -> Iterator[Hive]:
    """The hive, whose deploys that are killed begin again at once, however often."""
    text = "[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=50ms\n"
    hive.host.write(QUICK, text)
    hive.testbed.systemctl("daemon-reload")
    yield hive
    hive.testbed.path(QUICK).unlink()
    hive.testbed.systemctl("daemon-reload")


def test_killed_at_thirty_moments(persistent: Hive) -> None:
    hive = persistent
    seed = random.randrange(1 << 32)
    print(f"the moments follow from {seed}")
    chance = random.Random(seed)
    others = proposing.runs(hive, *OTHERS)
    _, work = deploy(hive, 0, [])
    kills, number = 0, 0
    while kills < KILLS:
        number += 1
        most = min(KILLS - kills, MOST_IN_A_ROW)
        moments = [chance.uniform(-work / 5, work) for _ in range(most)]
        kills += deploy(hive, number, moments)[0]
    print(f"{number} deploys, each of {work:.1f} s")
    assert proposing.runs(hive, *OTHERS) == others
    preview = hive.hyperhive("reconcile", "--dry-run").stdout
    assert preview == "".join(f"{agent}: nothing to do\n" for agent in ("alice", *OTHERS))


def deploy(hive: Hive, number: int, moments: list[float]) -> tuple[int, float]:
    """Approve a rule more for alice, and kill runs of its unit. The host is as it was
    before or as approved then.

    Args:
        moments: seconds from when a run begins its work until it is killed; less than 0: before.

    Returns:
        How many runs were killed, and the seconds that the last one worked.
    """
    rule = f"echo {number}"
    before = proposing.host_state(hive, deploying=True)
    with hive.client() as client:
        id = client.allow_rule("alice", rule).id
        client.approve(id, None)
        unit = f"hyperhive-deploy@{id}.service"
        killed = kill(hive, unit, moments)
        began = time.monotonic()
        hive.testbed.wait_for(
            f"the end of approval {id}",
            lambda: client.approval_row(id).state not in OPEN,
            proposing.DEPLOY_SECONDS,
        )
        state = client.approval_row(id).state
        hive.testbed.wait_for(f"the end of {unit}", lambda: is_inactive(hive, unit))
    print(f"approval {id}, killed {killed} times, is {state}")
    allowed = proposing.settings(hive, "alice")["allow"]
    if state == "failed":
        assert proposing.host_state(hive, deploying=True) == before
        assert f"Bash({rule})" not in allowed
    else:
        assert state == "deployed"
        assert f"Bash({rule})" in allowed
        assert f'"{rule}"' in proposing.approved(hive, "alice")["agent.toml"]
        subjects = [s for s in proposing.log_of_deploys(hive) if s.startswith("alice: deploy #")]
        assert subjects[0].startswith(f"alice: deploy #{id} ")
    transaction = hive.testbed.path(f"{proposing.DEPLOY}/.reconciled/transaction.json")
    assert not transaction.exists()
    status = [*proposing.GIT, proposing.DEPLOY, "status", "--porcelain"]
    assert hive.testbed.run(status).stdout == ""
    return killed, time.monotonic() - began


def kill(hive: Hive, unit: str, moments: list[float]) -> int:
    """Kill a run of a unit, then the next one; how many were there to be killed."""
    last = "0"
    for killed, moment in enumerate(moments):
        wait_run(hive, unit, last, works=moment >= 0)
        time.sleep(max(0, moment))
        last = hive.testbed.show(unit, "MainPID")
        if last == "0":
            return killed
        ended = hive.testbed.run(["systemctl", "kill", "--signal=KILL", unit], check=False)
        if ended.returncode:
            return killed  # By itself, since it was looked at.
    if not moments:
        wait_run(hive, unit, last, works=True)
    return len(moments)


def wait_run(hive: Hive, unit: str, last: str, *, works: bool) -> None:
    """Wait until a unit runs with another process than `last`, which has begun to work if it
    `works`; or until the unit has ended for good."""

    def look() -> bool:
        if last != "0" and is_inactive(hive, unit):
            return True
        runs = hive.testbed.show(unit, "MainPID") not in ("0", last)
        return runs and (not works or hive.testbed.show(unit, "StatusText") != "")

    hive.testbed.wait_for(f"{unit} to begin", look)


def is_inactive(hive: Hive, unit: str) -> bool:
    """Whether a unit neither runs nor is about to."""
    return hive.testbed.show(unit, "ActiveState") in ("failed", "inactive")

"""kill -9 of `hyperhive up` while it does what the operator approved: it is done in the end."""

import hashlib
import json
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.approval_models import Approval
from tests.integration.hive.local import DEADLINE, LocalHive, processes_of, up, wait_for

MOMENTS: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.45)
"""Seconds after the operator's decision; a deploy takes about 0.4."""


def declare(directory: Path) -> Path:
    """A hive of one agent."""
    file = directory / "hive.json"
    file.write_text(json.dumps({"hive": {"name": "lab"}, "agents": {"alice": {}}}))
    return file


def deployed(hive: LocalHive, id: int) -> Approval:
    """An approval once it is done."""

    def look() -> Approval | None:
        with hive.client() as client:
            row = client.approval_row(id)
        return None if row.finished_at is None else row

    return wait_for(f"approval {id} to be done", look)


@pytest.mark.slow
def test_it_is_done_whenever_the_hive_was_killed(tmp_path: Path) -> None:
    file, state = declare(tmp_path), tmp_path / "state"
    settings = StatePaths.local(state).agent(AgentName("alice")).settings
    for number, moment in enumerate(MOMENTS):
        rule = f"echo {number}"
        with up(file, state, "scripted") as hive:
            hive.wait_states(alice="idle")
            with hive.client() as client:
                asked = client.allow_rule("alice", rule, supersede=None)
                client.approve(asked.id, None)
                time.sleep(moment)
                hive.process.send_signal(signal.SIGKILL)
            hive.process.wait(DEADLINE)
        wait_for("its harness to end with it", lambda: not processes_of(state))
        with up(file, state, "scripted") as hive:
            done = deployed(hive, asked.id)
            assert (str(done.state), done.error) == ("deployed", "")
            text = settings.read_bytes()
            assert f"Bash({rule})" in json.loads(text)["allow"]
            hive.wait_states(alice="idle")
            with hive.client() as client:
                (alice,) = client.agents()
            assert alice.settings == hashlib.sha256(text).hexdigest()

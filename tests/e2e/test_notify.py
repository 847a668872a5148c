"""The operator's program, run by the unit that the module makes of its declaration."""

import json
from pathlib import Path
from typing import Any, Final

from hyperhive.operator.hosting_models import DeploymentReport
from tests.e2e.hive import TOLD, Hive

SERVICE: Final = "hyperhive-notify.service"


def test_the_operator_s_program_is_run_as_a_user_of_its_own(hive: Hive) -> None:
    testbed, told = hive.testbed, hive.testbed.path(TOLD)
    # Nothing that an earlier test did is told now, or held back with what this one does.
    testbed.systemctl("stop", SERVICE)
    progress: Path = told.with_name("progress.json")
    for file in (progress, told):
        file.unlink(missing_ok=True)
    testbed.systemctl("start", SERVICE)
    testbed.wait_for("it to follow the broker", progress.exists)
    with hive.client() as client:
        client.report_deployment("alice", DeploymentReport(error="no such package"))
    testbed.wait_for("the program to have run", told.exists)
    user, groups, refused, said = told.read_text().splitlines()
    assert user == "hyperhive-notify"
    assert set(groups.split()) == {"hyperhive-notify", "hyperhive"}
    assert "cannot touch" in refused
    notice: dict[str, Any] = json.loads(said)
    assert notice["event"] == "deployment_failed"
    assert notice["text"] == "alice: could not be deployed: no such package"
    assert testbed.show(SERVICE, "NRestarts") == "0"

"""The testbed itself: what the other tests here rely on."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.e2e.boot import NAME
from tests.e2e.testbed import Testbed
from tests.tools import ROOT

BOOTS: Final = """\
import sys
from tests.e2e.testbed import Testbed
booted = Testbed.boot()
print(booted.pid, booted._supervisor.pid, flush=True)
sys.stdin.read()
"""
END_SECONDS: Final = 10.0


def test_commands_run_inside(testbed: Testbed) -> None:
    assert testbed.run(["cat", "/etc/hostname"]).stdout == "testbed\n"
    assert testbed.run(["cat"], input="through").stdout == "through"
    assert testbed.run(["sh", "-c", "exit 3"], check=False).returncode == 3
    assert testbed.run(["id", "-un"], user="nobody").stdout == "nobody\n"
    testbed.run(["touch", "/root/here"])
    assert testbed.path("/root/here").is_file()
    assert not Path("/root/here").exists()


def test_the_running_python_has_the_project_inside(testbed: Testbed) -> None:
    program = "import hyperhive, pydantic; print(hyperhive.__file__)"
    said = testbed.run([sys.executable, "-c", program], user="nobody").stdout
    import hyperhive

    assert said == f"{hyperhive.__file__}\n"


def test_what_belongs_to_the_machine_is_read_only(testbed: Testbed) -> None:
    for path in (ROOT / "new", "/proc/sys/kernel/hostname"):
        done = testbed.run(["sh", "-c", f"echo x > {path}"], check=False)
        assert "Read-only file system" in done.stderr


def test_units_and_their_journal(testbed: Testbed) -> None:
    name = "testbed-says.service"
    testbed.unit(name, "[Service]\nExecStart=/bin/sh -c 'echo one two; exec sleep inf'\n")
    testbed.systemctl("start", name)
    assert testbed.show(name, "ActiveState") == "active"
    testbed.wait_for("its line in the journal", lambda: "one two" in testbed.journal("-u", name))
    testbed.systemctl("stop", name)
    assert testbed.show(name, "Result") == "success"


def test_nothing_is_left_when_the_tests_are_killed(testbed: Testbed) -> None:
    """A second testbed boots beside the first, and ends with the process that started it."""
    tests = subprocess.Popen(
        [sys.executable, "-c", BOOTS],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with tests:
        assert tests.stdout is not None
        ended = [os.pidfd_open(int(pid)) for pid in tests.stdout.readline().split()]
        left = [*Path("/sys/fs/cgroup").rglob(f"{NAME}-*"), *Path("/tmp").glob(f"{NAME}-*")]
        tests.send_signal(signal.SIGKILL)
    for pid in ended:
        assert select.select([pid], [], [], END_SECONDS)[0], "a process of the testbed lives on"
        os.close(pid)
    own = [path for path in left if not path.exists()]
    assert len(own) == 2, f"of {left} the second testbed should have removed its cgroup and mount"
    assert testbed.run(["true"]).returncode == 0

"""A container without a conf: nobody starts it, for it would be root's of the host."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.hive import Hive

ROOT: Final = "/var/lib/nixos-containers/h-bob"
CONF: Final = "/etc/nixos-containers/h-bob.conf"


@pytest.fixture
def destroyed(hive: Hive) -> Iterator[Hive]:
    """A hive whose bob is destroyed: his tree is kept, as he left it."""
    hive.inside("bob", ["sh", "-c", "echo from-bob > /srv/left-behind"])
    hive.hyperhive("agent", "destroy", "bob")
    assert hive.testbed.path(f"{ROOT}/srv/left-behind").is_file()
    assert not hive.testbed.path(CONF).exists()
    yield hive
    hive.hyperhive("agent", "start", "bob")


def test_what_is_destroyed_is_started_by_nobody(destroyed: Hive) -> None:
    testbed, unit = destroyed.testbed, destroyed.unit("bob")
    for user in ("hyperhive", "root"):
        begun = testbed.run(["date", "+%F %T"]).stdout.strip()
        words = ["systemctl", "--no-ask-password", "start", unit]
        done = testbed.run(words, user=user, check=False)
        assert done.returncode != 0
        assert "Assertion failed" in done.stderr, done.stderr
        assert testbed.show(unit, "ActiveState") == "inactive"
        assert testbed.show(unit, "ExecMainStartTimestampMonotonic") == "0"
        said = testbed.journal(f"--since={begun}", "-u", unit)
        assert "Starting requested but asserts failed" in said
        assert "Spawning" not in said
    _no_program_runs_once_the_conf_is_gone(destroyed)


def _no_program_runs_once_the_conf_is_gone(hive: Hive) -> None:
    """Were it removed just after systemd had looked: a unit without that condition is the same."""
    testbed, unit = hive.testbed, hive.unit("bob")
    drop_in = testbed.path(f"/run/systemd/system/{unit}.d/z-late.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Unit]\nAssertPathExists=\n")
    try:
        testbed.systemctl("daemon-reload")
        done = testbed.run(["systemctl", "start", unit], check=False)
        assert done.returncode != 0
        assert testbed.show(unit, "Result") == "resources"
        assert testbed.show(unit, "ExecMainStartTimestampMonotonic") == "0"
    finally:
        drop_in.unlink()
        drop_in.parent.rmdir()
        testbed.systemctl("daemon-reload")
        testbed.systemctl("stop", unit)
        testbed.run(["systemctl", "reset-failed", unit], check=False)

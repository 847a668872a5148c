"""The system that a container boots, read from its profile."""

import os
from dataclasses import replace
from pathlib import Path

from hyperhive.doctor.systems import System, system_of
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths

PATH = f"/nix/store/{'0a' * 16}-nixos-system-h-alice-26.05"
ALICE = AgentName("alice")


def test_the_newest_generation_is_what_boots(tmp_path: Path) -> None:
    host = replace(HostPaths.default(), profiles=tmp_path)
    assert system_of(host, ALICE) is None
    profile = host.container(ALICE).profile
    profile.parent.mkdir()
    (profile.parent / "system-7-link").symlink_to(PATH)
    profile.symlink_to("system-7-link")
    os.utime(profile.parent / "system-7-link", (5.0, 5.0), follow_symlinks=False)
    found = system_of(host, ALICE)
    assert found == System(PATH, 5.0)
    assert found.hash == "0a0a0a0a"


def test_a_profile_that_leads_nowhere_is_none(tmp_path: Path) -> None:
    host = replace(HostPaths.default(), profiles=tmp_path)
    profile = host.container(ALICE).profile
    profile.parent.mkdir()
    profile.symlink_to("system-7-link")
    assert system_of(host, ALICE) is None

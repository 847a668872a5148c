"""What is found to be wrong with a hive while a host is evaluated, and what to do about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from hyperhive.hive.names import AgentName
from hyperhive.hive.uids import uid_range
from tests.nixos.nix import Nix
from tests.tools import ROOT

pytestmark = pytest.mark.nix

SMALLEST = """{ services.hyperhive = {
  enable = true;
  name = "lab";
  externalInterface = "eth0";
  agents.alice = { };
}; }"""


def ask(nix: Nix, nixpkgs: Path, question: str, *modules: str) -> Any:
    return nix.ask(nixpkgs, f"host.{question}", *modules)


def declare(agent: str) -> str:
    return f"{{ services.hyperhive.agents.alice = {{ {agent}; }}; }}"


@pytest.mark.parametrize(
    ("module", "parts"),
    [
        (
            "{ services.hyperhive.agents.Alice_1 = { }; }",
            ["`Alice_1' is not a name for an agent", "at most 9 characters"],
        ),
        ("{ services.hyperhive.agents.operator = { }; }", ["`operator' is reserved"]),
        ("{ services.hyperhive.agents.manager = { }; }", ['agents.manager.role = "manager"']),
        (
            '{ services.hyperhive.agents.a.role = "manager";'
            ' services.hyperhive.agents.b.role = "manager"; }',
            ["`a', `b' have role = \"manager\""],
        ),
        (
            '{ lib, ... }: { system.stateVersion = lib.mkForce "21.11"; }',
            ["system.stateVersion: for 21.11", "/var/lib/nixos-containers", '"22.05" or newer'],
        ),
        (declare('recipients = [ "bob" ]'), ["agents.alice.recipients", "`bob'"]),
        (declare('recipients = [ "manager" ]'), ["agents.alice.recipients", "`manager'"]),
        (declare('mcp.hyperhive.command = "x"'), ["agents.alice.mcp", "another name"]),
        (declare('packages = [ "jq" "ripgerp" ]'), ["agents.alice.packages", "`ripgerp' not in"]),
        (
            declare('credentials.KEY = "${builtins.storeDir}/key"'),
            ["agents.alice.credentials", "`KEY' in the Nix store"],
        ),
        (declare('bash.deny = [ "Bash(ls)" ]'), ["agents.alice.bash", "inside the parentheses"]),
        (
            declare('network = "none"; nixDaemon = true'),
            ["agents.alice.nixDaemon", 'agents.alice.network = "none"'],
        ),
        (declare("uidBase = 1048577"), ["agents.alice.uidBase", "multiple of 65536"]),
        (declare("uidBase = 65536"), ["agents.alice.uidBase", "from 524288"]),
        (
            "{ services.hyperhive.agents.a.uidBase = 1048576;"
            " services.hyperhive.agents.b.uidBase = 1048576; }",
            ["`a', `b' have the same host uids, from 1048576 on", "agents.b.uidBase"],
        ),
        (
            # What their names make of both is the same range.
            "{ services.hyperhive.agents.aav = { }; services.hyperhive.agents.agm = { }; }",
            ["`aav', `agm' have the same host uids, from 1168703488 on", "agents.agm.uidBase"],
        ),
        (
            f"{{ services.hyperhive.agents.b.uidBase = {uid_range(AgentName('alice')).base}; }}",
            ["`alice', `b' have the same host uids", "agents.b.uidBase"],
        ),
        (
            "{ lib, ... }: { services.hyperhive.externalInterface = lib.mkForce null; }",
            ["services.hyperhive.externalInterface: `alice' have a private network"],
        ),
        (
            '{ services.hyperhive.dashboard.tokenFile = "${builtins.storeDir}/token"; }',
            ["services.hyperhive.dashboard.tokenFile", "in the Nix store"],
        ),
        (
            '{ services.hyperhive.dashboard = { port = 8710; bind = "0.0.0.0"; }; }',
            ["connect to 0.0.0.0", "services.hyperhive.dashboard.tokenFile"],
        ),
        (
            '{ services.hyperhive.notify.command = [ "tell-me" ]; }',
            ["services.hyperhive.notify.command: `tell-me' is not an absolute path", "lib.getExe"],
        ),
    ],
)
def test_assertions_name_agent_and_option(
    nix: Nix, nixpkgs: Path, module: str, parts: list[str]
) -> None:
    failed = ask(nix, nixpkgs, "failed", SMALLEST, module)
    assert len(failed) == 1
    assert [part for part in parts if part not in failed[0]] == []


@pytest.mark.parametrize(
    "module",
    [
        '{ services.hyperhive.agents.alice.network = "none"; }',
        '{ services.hyperhive.agents.alice.network = "host"; }',
        '{ networking.nat.externalInterface = "eth1"; }',
    ],
)
def test_no_interface_is_needed(nix: Nix, nixpkgs: Path, module: str) -> None:
    """By a hive without private networks, or on a host that names one for its own."""
    unnamed = '{ services.hyperhive = { enable = true; name = "lab"; agents.alice = { }; }; }'
    assert ask(nix, nixpkgs, "failed", unnamed, module) == []


@pytest.mark.parametrize("bind", ["127.0.0.1", "::1", "127.1.2.3"])
def test_a_dashboard_for_the_host_alone_needs_no_token(nix: Nix, nixpkgs: Path, bind: str) -> None:
    dashboard = f'{{ services.hyperhive.dashboard = {{ port = 8710; bind = "{bind}"; }}; }}'
    assert ask(nix, nixpkgs, "failed", SMALLEST, dashboard) == []


def test_nix_and_python_compute_the_same_ranges(nix: Nix, nixpkgs: Path) -> None:
    names = ["a", "z9", "alice", "manager", "aav", "agm", *(f"n{n}" for n in range(2000))]
    computed = nix.eval(
        f"{{ names, nixpkgs }}: map (import {ROOT}/modules/host/uid-base.nix"
        ' { lib = import (nixpkgs + "/lib"); }).of (builtins.fromJSON names)',
        {"names": json.dumps(names), "nixpkgs": str(nixpkgs)},
    )
    assert computed == [uid_range(AgentName(name)).base for name in names]


def test_a_hive_needs_an_agent(nix: Nix, nixpkgs: Path) -> None:
    empty = '{ services.hyperhive = { enable = true; name = "lab"; }; }'
    (failed,) = ask(nix, nixpkgs, "failed", empty)
    assert "no agent" in failed


def test_the_network_of_the_host_is_warned_of(nix: Nix, nixpkgs: Path) -> None:
    (warning,) = ask(nix, nixpkgs, "warnings", SMALLEST, declare('network = "host"'))
    assert "agents.alice.network" in warning


def test_builds_on_the_host_are_warned_of(nix: Nix, nixpkgs: Path) -> None:
    (warning,) = ask(nix, nixpkgs, "warnings", SMALLEST, declare("nixDaemon = true"))
    assert "agents.alice.nixDaemon" in warning
    assert "beyond the container's limits" in warning

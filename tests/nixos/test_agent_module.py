"""modules/agent: what a container is made of, for several agents."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hyperhive.harness.own_rules import own_files_rules, proposal_rules
from hyperhive.wire.settings import HarnessSettings
from tests.nixos.nix import Nix, NixError

pytestmark = pytest.mark.nix

SMALLEST = '{ hyperhive.agent = { enable = true; name = "alice"; hive = "lab"; model = "opus"; }; }'

FULL = """{ hyperhive.agent = {
  enable = true;
  name = "bob";
  hive = "lab";
  role = "manager";
  model = "sonnet";
  systemPrompt = "Say \\"why\\".\\n";
  turnSeconds = 60;
  uidBase = 1073741824;
  stateVersion = "25.11";
  bash.allow = [ "git status" "git diff *" ];
  bash.deny = [ "git push *" ];
  tools.available = [ "Bash" "Read" ];
  tools.allow = [ "WebFetch(domain:docs.rs)" ];
  tools.deny = [ "Read(//etc/**)" ];
  packages = [ "jq" "python3Packages.requests" ];
  mcp.web = { command = "web-mcp"; args = [ "--fast" ]; tools = [ "get" "search" ]; };
  mcp.github = { command = "github-mcp-server"; environment.LEVEL = "warn"; };
  environment.LANG = "C.UTF-8";
  credentials = [ "ANTHROPIC_API_KEY" "GITHUB_TOKEN" ];
}; }"""

ALLOWED = [
    "Bash(git status)",
    "Bash(git diff *)",
    "WebFetch(domain:docs.rs)",
    "mcp__hyperhive",
    "mcp__github",
    "mcp__web__get",
    "mcp__web__search",
]
DENIED = ["Bash(git push *)", "Read(//etc/**)"]
OWN_MESSAGING = ["ListAgents", "ListPeers", "RemoteTrigger", "SendMessage"]


def ask(nix: Nix, nixpkgs: Path, question: str, *modules: str) -> Any:
    return nix.ask(nixpkgs, f"agent.{question}", *modules)


def test_settings_of_an_agent_that_says_little(nix: Nix, nixpkgs: Path) -> None:
    settings = ask(nix, nixpkgs, "settings", SMALLEST)
    claude = settings.pop("claude")
    assert claude.endswith("/bin/claude")
    assert settings == {
        "allow": ["mcp__hyperhive"],
        "available": ["Bash", "Read", "Edit", "Write", "Glob", "Grep"],
        "config": "/claude",
        "credentials": {},
        "deny": [],
        "environment": {},
        "hive": "lab",
        "launcher": "unit",
        "mcp": {},
        "name": "alice",
        "proposals": None,
        "proposed": None,
        "sockets": "/run/hyperhive",
        "state": "/state",
        "system_prompt": "",
        "turn_seconds": 3600,
    }


def test_settings_of_an_agent_that_says_all(nix: Nix, nixpkgs: Path) -> None:
    settings = ask(nix, nixpkgs, "settings", FULL)
    assert settings["allow"] == ALLOWED
    assert settings["deny"] == DENIED
    assert settings["available"] == ["Bash", "Read"]
    assert settings["system_prompt"] == 'Say "why".\n'
    assert settings["turn_seconds"] == 60
    assert settings["environment"] == {"LANG": "C.UTF-8"}
    assert settings["credentials"] == {
        "ANTHROPIC_API_KEY": "hyperhive.ANTHROPIC_API_KEY",
        "GITHUB_TOKEN": "hyperhive.GITHUB_TOKEN",
    }
    assert settings["mcp"] == {
        "github": {"command": "github-mcp-server", "args": [], "environment": {"LEVEL": "warn"}},
        "web": {"command": "web-mcp", "args": ["--fast"], "environment": {}},
    }


def test_settings_have_the_members_that_the_harness_reads(nix: Nix, nixpkgs: Path) -> None:
    settings = ask(nix, nixpkgs, "settings", FULL)
    assert set(settings) == set(HarnessSettings.__dataclass_fields__)


def test_managed_settings_hold_the_same_rules_and_close_the_ways_round(
    nix: Nix, nixpkgs: Path
) -> None:
    assert ask(nix, nixpkgs, "managed", FULL) == {
        "permissions": {
            "allow": [
                *ALLOWED,
                *own_files_rules("/state"),
                *proposal_rules("/agents", "/applied"),
            ],
            "deny": [*DENIED, *OWN_MESSAGING],
            "defaultMode": "dontAsk",
            "disableBypassPermissionsMode": "disable",
        },
        "allowManagedHooksOnly": True,
        "allowManagedPermissionRulesOnly": True,
        "crossSessionInbound": "refuse",
        "disableAgentView": True,
        "disableClaudeAiConnectors": True,
        "disableRemoteControl": True,
        "attribution": {"commit": "", "pr": ""},
    }


def test_harness_unit(nix: Nix, nixpkgs: Path) -> None:
    unit = ask(nix, nixpkgs, "harness", FULL)
    service = unit["serviceConfig"]
    assert unit["description"] == "Harness of agent bob"
    assert unit["wantedBy"] == ["multi-user.target"]
    assert service["ExecStart"].endswith("/bin/hyperhive harness /etc/hyperhive/agent.json")
    assert service["ImportCredential"] == ["hyperhive.ANTHROPIC_API_KEY", "hyperhive.GITHUB_TOKEN"]
    assert service["Restart"] == "always"
    assert service["KillMode"] == "control-group"
    assert "User" not in service
    assert service["NoNewPrivileges"] is True
    assert service["PrivateTmp"] is True
    assert service["RuntimeDirectory"] == "hyperhive-harness", "a turn's files lie there"
    assert service["SupplementaryGroups"] == ["agent"], "the group of its sockets"


def test_harness_restarts_with_other_settings(nix: Nix, nixpkgs: Path) -> None:
    longer = "{ hyperhive.agent.turnSeconds = 7200; }"
    before = ask(nix, nixpkgs, "harness", SMALLEST)["restartTriggers"]
    assert before == ask(nix, nixpkgs, "harness", SMALLEST)["restartTriggers"]
    assert before != ask(nix, nixpkgs, "harness", SMALLEST, longer)["restartTriggers"]


def test_user_has_the_uid_that_the_broker_expects(nix: Nix, nixpkgs: Path) -> None:
    assert ask(nix, nixpkgs, "user", SMALLEST) == {
        "createHome": False,
        "gid": 1000,
        "group": "agent",
        "home": "/state",
        "uid": 1000,
    }


def test_packages_are_found_by_name(nix: Nix, nixpkgs: Path) -> None:
    packages = ask(nix, nixpkgs, "packages", FULL)
    assert {"jq", "requests", "claude-code", "git"} <= set(packages)


def test_package_that_nixpkgs_lacks_names_agent_and_mend(nix: Nix, nixpkgs: Path) -> None:
    missing = '{ hyperhive.agent.packages = [ "ripgerp" ]; }'
    with pytest.raises(NixError, match=r"packages of alice: nixpkgs has no package `ripgerp'"):
        ask(nix, nixpkgs, "packages", SMALLEST, missing)


def test_the_manager_reads_repositories_of_others(nix: Nix, nixpkgs: Path) -> None:
    def git(role: str) -> str:
        return json.dumps(ask(nix, nixpkgs, "git", FULL.replace("manager", role)))

    assert '"safe": {"directory": "*"}' in git("manager")
    assert "safe" not in git("agent")


def test_the_manager_alone_is_told_where_to_propose(nix: Nix, nixpkgs: Path) -> None:
    settings = ask(nix, nixpkgs, "settings", FULL)
    assert (settings["proposed"], settings["proposals"]) == ("/agents", "/applied")


def test_claude_alone_may_be_unfree(nix: Nix, nixpkgs: Path) -> None:
    assert ask(nix, nixpkgs, "unfree", SMALLEST) == [True, False]


@pytest.mark.parametrize(("network", "firewall"), [("private", True), ("none", False)])
def test_container(nix: Nix, nixpkgs: Path, network: str, firewall: bool) -> None:
    connected = f'{{ hyperhive.agent.network = "{network}"; }}'
    assert ask(nix, nixpkgs, "hostName", FULL, connected) == "h-bob"
    assert ask(nix, nixpkgs, "firewall", FULL, connected) is firewall
    assert ask(nix, nixpkgs, "nspawn", FULL, connected) is True
    assert ask(nix, nixpkgs, "stateVersion", FULL, connected) == "25.11"
    assert ask(nix, nixpkgs, "failed", FULL, connected) == []


@pytest.mark.parametrize("network", ["private", "none", "host"])
def test_names_are_resolved_where_the_host_says(nix: Nix, nixpkgs: Path, network: str) -> None:
    files = ask(nix, nixpkgs, "etc", FULL, f'{{ hyperhive.agent.network = "{network}"; }}')
    if network == "private":
        assert files["resolv.conf"]["source"] == "/run/hyperhive-resolver/resolv.conf"
    else:
        assert "resolv.conf" not in files


@pytest.mark.parametrize("may", [False, True])
def test_nix_is_there_for_who_may_build(nix: Nix, nixpkgs: Path, may: bool) -> None:
    permitted = f"{{ hyperhive.agent.nixDaemon = {str(may).lower()}; }}"
    found = ask(nix, nixpkgs, "nix", SMALLEST, permitted)
    assert found["enable"] is may
    assert ("flakes" in found["settings"].get("experimental-features", [])) is may
    # An extra.nix may have Nix without the daemon, to evaluate with.
    own = ask(nix, nixpkgs, "nix", SMALLEST, permitted, "{ nix.enable = true; }")
    assert "flakes" in own["settings"]["experimental-features"]


def test_claude_may_be_the_host_s(nix: Nix, nixpkgs: Path) -> None:
    named = '{ hyperhive.agent.claude = "/nix/store/x-claude/bin/claude"; }'
    settings = ask(nix, nixpkgs, "settings", SMALLEST, named)
    assert settings["claude"] == "/nix/store/x-claude/bin/claude"
    assert "claude-code" not in ask(nix, nixpkgs, "packages", SMALLEST, named)


def test_declared_values_can_be_read_back(nix: Nix, nixpkgs: Path) -> None:
    assert ask(nix, nixpkgs, "declared", FULL) == {
        "model": "sonnet",
        "role": "manager",
        "uidBase": 1073741824,
    }


def test_nothing_without_enable(nix: Nix, nixpkgs: Path) -> None:
    ours = {"hyperhive/agent.json", "claude-code/managed-settings.d/50-hyperhive.json"}
    assert not ours & set(ask(nix, nixpkgs, "files", "{ }"))
    assert ask(nix, nixpkgs, "units", "{ }") == {}


@pytest.mark.parametrize(
    ("question", "wrong", "complaint"),
    [
        ("settings", 'modell = "opus"', "modell' does not exist"),
        ("settings", 'mcp.web.comand = "x"', "mcp.web.comand' does not exist"),
        ("settings", 'bash.allow = "git status"', "bash.allow' is not of type"),
        ("packages", "packages = [ 1 ]", "packages"),
        ("declared", 'role = "boss"', "role' is not of type"),
        ("settings", "turnSeconds = 0", "turnSeconds' is not of type"),
        ("settings", 'credentials = [ "a b" ]', "credentials"),
        ("settings", 'rules.allow = [ "Bash" ]', "rules.allow' is read-only"),
    ],
)
def test_what_does_not_fit_is_refused(
    nix: Nix, nixpkgs: Path, question: str, wrong: str, complaint: str
) -> None:
    with pytest.raises(NixError, match=re.escape(f"hyperhive.agent.{complaint}")):
        ask(nix, nixpkgs, question, FULL, f"{{ hyperhive.agent.{wrong}; }}")


@pytest.mark.parametrize("name", ["Alice", "a_b", "toolongname", "", "alice-", "9a"])
def test_name_of_no_agent_is_refused(nix: Nix, nixpkgs: Path, name: str) -> None:
    given = SMALLEST.replace("alice", name)
    with pytest.raises(NixError, match=r"option `hyperhive\.agent\.name' is not of type"):
        ask(nix, nixpkgs, "settings", given)


def test_every_option_is_described(nix: Nix, nixpkgs: Path) -> None:
    options = ask(nix, nixpkgs, "options", "{ }")
    assert len(options) > 20
    assert [option["name"] for option in options if not option["described"]] == []
    assert {option["name"] for option in options if not option["default"]} == {
        "hyperhive.agent.mcp.<name>.command",
        "hyperhive.agent.hive",
        "hyperhive.agent.model",
        "hyperhive.agent.name",
    }


@pytest.mark.slow
def test_a_whole_system_evaluates(nix: Nix, real_nixpkgs: Path) -> None:
    assert ask(nix, real_nixpkgs, "toplevel", FULL).endswith(".drv")

"""modules/host: the hive that options declare, and the broker that serves it."""

from pathlib import Path
from typing import Any

import pytest

from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import Dashboard, Limits, LoopGuard, Retention, Spawn
from hyperhive.hive.notifications import Notify, NotifyEvent
from hyperhive.hive.problems import InvalidHive
from tests.nixos.nix import Nix, NixError

pytestmark = pytest.mark.nix

SMALLEST = """{ services.hyperhive = {
  enable = true;
  name = "lab";
  externalInterface = "eth0";
  agents.alice = { };
}; }"""

FULL = """{ pkgs, ... }: { services.hyperhive = {
  enable = true;
  name = "lab";
  model = "haiku";
  systemPrompt = "Write in plain English.";
  settings.description = "Our parser lab";
  settings.inputs.nixpkgs = "github:NixOS/nixpkgs/nixos-26.05";
  settings.retention.messages = 7;
  settings.retention.stream_events_per_agent = 5000;
  settings.loop_guard = { answers = 0; minutes = 5; };
  settings.spawn = { most = 3; network = "none"; limits = { memory = "2G"; turn_seconds = 600; }; };
  claudePackage = pkgs.claude-code;
  dashboard = { bind = "192.0.2.10"; port = 8710; tokenFile = "/run/secrets/token"; };
  externalInterface = "eth0";
  nameservers = [ "192.0.2.53" ];
  notify = { command = [ "/etc/tell-me" "--urgent" ]; events = [ "question" ]; };
  agents.manager = { role = "manager"; model = "sonnet"; };
  agents.alice = {
    description = "Writes the parser";
    icon = "A";
    model = "opus";
    systemPrompt = "You own the parser.";
    autostart = false;
    bash.allow = [ "git status" "git diff *" ];
    bash.deny = [ "git push *" ];
    tools.available = [ "Bash" "Read" "Edit" ];
    tools.allow = [ "Edit(./**)" ];
    tools.deny = [ "Read(.env)" ];
    packages = [ "jq" "python3Packages.requests" ];
    mcp.github = { command = "github-mcp-server"; args = [ "stdio" ]; tools = [ "get_issue" ]; };
    environment.LANG = "C.UTF-8";
    credentials.ANTHROPIC_API_KEY = "/run/secrets/anthropic";
    recipients = [ "manager" "operator" ];
    limits = { memory = "4G"; cpu = "200%"; tasks = 256; turnSeconds = 600; questionSeconds = 60; };
    conversation = { compactPercent = 0; notesKib = 16; };
    wakeForOperator = false;
    network = "none";
    binds = [ { source = "/srv/shared"; target = "/srv/shared"; writable = true; } ];
    uidBase = 1048576;
    extraNix = true;
  };
}; }"""


def ask(nix: Nix, nixpkgs: Path, question: str, *modules: str) -> Any:
    return nix.ask(nixpkgs, f"host.{question}", *modules)


def declare(agent: str) -> str:
    return f"{{ services.hyperhive.agents.alice = {{ {agent}; }}; }}"


def test_hive_json_is_a_declared_hive(nix: Nix, nixpkgs: Path) -> None:
    hive = parse_hive(ask(nix, nixpkgs, "hive", FULL), "hive.json")
    assert hive.hive.name == "lab"
    assert hive.hive.model == "haiku"
    assert hive.hive.retention == Retention(messages=7, stream_events_per_agent=5000)
    assert hive.hive.loop_guard == LoopGuard(answers=0, minutes=5)
    limits = Limits(memory="2G", turn_seconds=600)
    assert hive.hive.spawn == Spawn(most=3, network="none", limits=limits)
    notify = Notify(command=["/etc/tell-me", "--urgent"], events=[NotifyEvent.QUESTION])
    assert hive.hive.notify == notify
    assert hive.manager == "manager"
    assert hive.hive.claude is not None
    assert hive.hive.claude.endswith("/bin/claude")
    assert hive.hive.nameservers == ["192.0.2.53"]
    assert hive.hive.dashboard == Dashboard(
        bind="192.0.2.10", port=8710, token_file="/run/secrets/token"
    )
    assert hive.model_of(next(name for name in hive.agents if name == "alice")) == "opus"


def test_every_field_arrives(nix: Nix, nixpkgs: Path) -> None:
    given = ask(nix, nixpkgs, "hive", FULL)
    hive = parse_hive(given, "hive.json")
    assert hive.model_dump(mode="json") == given
    assert given["agents"]["alice"] == {
        "role": "agent",
        "description": "Writes the parser",
        "icon": "A",
        "model": "opus",
        "system_prompt": "You own the parser.",
        "autostart": False,
        "bash": {"allow": ["git status", "git diff *"], "deny": ["git push *"]},
        "tools": {
            "available": ["Bash", "Read", "Edit"],
            "allow": ["Edit(./**)"],
            "deny": ["Read(.env)"],
        },
        "packages": ["jq", "python3Packages.requests"],
        "mcp": {
            "github": {
                "command": "github-mcp-server",
                "args": ["stdio"],
                "environment": {},
                "tools": ["get_issue"],
            }
        },
        "environment": {"LANG": "C.UTF-8"},
        "credentials": {"ANTHROPIC_API_KEY": "/run/secrets/anthropic"},
        "recipients": ["manager", "operator"],
        "limits": {
            "memory": "4G",
            "cpu": "200%",
            "tasks": 256,
            "turn_seconds": 600,
            "question_seconds": 60,
        },
        "conversation": {"compact_percent": 0, "notes_kib": 16},
        "wake_for_operator": False,
        "network": "none",
        "nix_daemon": False,
        "binds": [{"source": "/srv/shared", "target": "/srv/shared", "writable": True}],
        "uid_base": 1048576,
        "extra_nix": True,
    }


def test_an_agent_may_build(nix: Nix, nixpkgs: Path) -> None:
    given = ask(nix, nixpkgs, "hive", SMALLEST, declare("nixDaemon = true"))
    assert given["agents"]["alice"]["nix_daemon"] is True


def test_defaults_are_those_of_the_schema(nix: Nix, nixpkgs: Path) -> None:
    given = ask(nix, nixpkgs, "hive", SMALLEST)
    bare = parse_hive({"hive": {"name": "lab"}, "agents": {"alice": {}}}, "bare")
    assert given == bare.model_dump(mode="json")


def test_what_the_hive_tells_of_is_named_as_in_the_schema(nix: Nix, nixpkgs: Path) -> None:
    wrong = '{ services.hyperhive.notify.events = [ "birthday" ]; }'
    with pytest.raises(NixError, match=r"notify\.events"):
        ask(nix, nixpkgs, "hive", SMALLEST, wrong)


def test_agents_come_from_the_nixpkgs_of_the_host(nix: Nix, nixpkgs: Path) -> None:
    built_from = '{ nixpkgs.flake.source = "/nix/store/00000000000000000000000000000000-source"; }'
    hive = ask(nix, nixpkgs, "hive", SMALLEST, built_from)
    assert hive["hive"]["inputs"]["nixpkgs"] == (
        "path:/nix/store/00000000000000000000000000000000-source"
    )


def test_fields_that_the_module_does_not_know_are_judged_by_the_schema(
    nix: Nix, nixpkgs: Path
) -> None:
    given = ask(
        nix, nixpkgs, "hive", SMALLEST, "{ services.hyperhive.settings.retentoin.messages = 3; }"
    )
    assert given["hive"]["retentoin"] == {"messages": 3}
    with pytest.raises(InvalidHive, match="retentoin"):
        parse_hive(given, "hive.json")


def test_broker_unit(nix: Nix, nixpkgs: Path) -> None:
    unit = ask(nix, nixpkgs, "broker", FULL)
    service = unit["serviceConfig"]
    program, *words = service["ExecStart"].split()
    assert program.endswith("/bin/hyperhive")
    assert words == [
        "serve",
        "/etc/hyperhive/hive.json",
        "--state",
        "/var/lib/hyperhive",
        "--run",
        "/run/hyperhive",
    ]
    assert unit["wantedBy"] == ["multi-user.target"]
    assert service["User"] == "hyperhive"
    assert service["Type"] == "notify"
    assert service["CapabilityBoundingSet"] == ""
    assert "PrivateUsers" not in service, "peers' uids would show as nobody"
    # Either would give it all that is below, root's and the agents' own directories too.
    assert not {"StateDirectory", "RuntimeDirectory"} & set(service)


def test_broker_restarts_with_another_hive(nix: Nix, nixpkgs: Path) -> None:
    before = ask(nix, nixpkgs, "broker", SMALLEST)["restartTriggers"]
    assert before != ask(nix, nixpkgs, "broker", FULL)["restartTriggers"]


def test_host_around_the_broker(nix: Nix, nixpkgs: Path) -> None:
    assert ask(nix, nixpkgs, "user", SMALLEST) == {"group": "hyperhive", "isSystemUser": True}
    assert ask(nix, nixpkgs, "containers", SMALLEST) is True
    assert "hyperhive/hive.json" in ask(nix, nixpkgs, "files", SMALLEST)
    assert ask(nix, nixpkgs, "failed", FULL) == []
    assert ask(nix, nixpkgs, "warnings", FULL) == []


def test_nothing_without_enable(nix: Nix, nixpkgs: Path) -> None:
    declared = '{ services.hyperhive.name = "lab"; services.hyperhive.agents.alice = { }; }'
    assert "hyperhive/hive.json" not in ask(nix, nixpkgs, "files", declared)
    assert ask(nix, nixpkgs, "containers", declared) is False


@pytest.mark.parametrize(
    ("wrong", "option"),
    [
        ('modle = "opus"', "modle' does not exist"),
        ('bash.alow = [ "ls" ]', "bash.alow' does not exist"),
        ('bash.allow = "git status"', "bash.allow' is not of type"),
        ('limits.memroy = "4G"', "limits.memroy' does not exist"),
        ("limits.tasks = 1", "limits.tasks' is not of type"),
        ("limits.questionSeconds = 9", "limits.questionSeconds' is not of type"),
        ("conversation.compactPercent = 19", "compactPercent' is not of type"),
        ("conversation.compactPercent = 96", "compactPercent' is not of type"),
        ("conversation.notesKib = 1025", "notesKib' is not of type"),
        ('wakeForOperator = "no"', "wakeForOperator' is not of type"),
        ('network = "bridge"', "network' is not of type"),
        ("credentials.KEY = ./key", "credentials.KEY' is not of type"),
        ('binds = [ { source = "srv"; target = "/srv"; } ]', ".source' is not of type"),
        ("mcp.web = { }", "mcp.web.command' "),
        ('extraNix = "yes"', "extraNix' is not of type"),
    ],
)
def test_what_does_not_fit_is_refused(nix: Nix, nixpkgs: Path, wrong: str, option: str) -> None:
    with pytest.raises(NixError) as caught:
        ask(nix, nixpkgs, "hive", SMALLEST, declare(wrong))
    message = str(caught.value)
    assert option in message
    assert "services.hyperhive.agents.alice." in message


NUMBERS = [
    (place, field, schema["minimum"], schema["maximum"])
    for place, table in (("retention", Retention), ("loop_guard", LoopGuard), ("spawn", Spawn))
    for field, schema in table.model_json_schema()["properties"].items()
    if schema.get("type") == "integer"
]


@pytest.mark.parametrize(("table", "field", "least", "most"), NUMBERS)
def test_numbers_have_the_bounds_of_the_schema(
    nix: Nix, nixpkgs: Path, table: str, field: str, least: int, most: int
) -> None:
    def given(number: int) -> Any:
        setting = f"{{ services.hyperhive.settings.{table}.{field} = {number}; }}"
        return ask(nix, nixpkgs, "hive", SMALLEST, setting)

    for number in (least, most):
        assert given(number)["hive"][table][field] == number
    for number in (least - 1, most + 1):
        with pytest.raises(NixError, match=rf"{table}\.{field}' is not of type"):
            given(number)


@pytest.mark.slow
def test_a_whole_host_evaluates(nix: Nix, real_nixpkgs: Path) -> None:
    assert ask(nix, real_nixpkgs, "toplevel", FULL).endswith(".drv")

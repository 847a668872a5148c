"""What is wrong with a hive as a whole, several problems at once, and what is only warned about."""

import tomllib
from pathlib import Path

import pytest

from hyperhive.hive.load import check_hive, parse_hive
from hyperhive.hive.names import AgentName
from hyperhive.hive.problems import InvalidHive, Level
from hyperhive.hive.uids import uid_range
from tests.unit.hive.declared import HIVE, TOKEN, alice, problems_of, the_error

WHOLE = {
    "no hive": ("[agents.alice]", "hive", "missing", 'example { name = "lab" }'),
    "no name": ("hive = {}\n[agents.a]", "hive.name", "missing", '"lab"'),
    "no agents": ('hive = {name = "lab"}', "agents", "missing", "alice"),
    "empty agents": ('hive = {name = "lab"}\n[agents]', "agents", "no agent", "[agents.alice]"),
    "hive name": ('hive = {name = "L"}\n[agents.a]', "hive.name", "hive's name", "lower-case"),
    "agent for agents": (f"{HIVE}[agent.alice]\n[agents.a]", "agent", "unknown", '"agents"'),
    "agent's name": (f"{HIVE}[agents.Alice]", "agents.Alice", "not an agent's name", "9"),
    "agent's name, quoted": (f'{HIVE}[agents."a b"]', 'agents."a b"', "agent's name", "9"),
    "reserved name": (f"{HIVE}[agents.operator]", "agents.operator", "reserved", "otherwise"),
    "agent is no table": (f"{HIVE}[agents]\nalice = 3", "agents.alice", "not a table", "table"),
    "retention": (f"{HIVE}retention.messages = 0\n[agents.a]", "hive.retention.messages", "", "1"),
    "retention, events": (
        f"{HIVE}retention.events = 36501\n[agents.a]",
        "hive.retention.events",
        "too large",
        "36500 or less",
    ),
    "retention, streams": (
        f"{HIVE}retention.stream_events = 0\n[agents.a]",
        "hive.retention.stream_events",
        "too small",
        "1 or more",
    ),
    "retention, few": (
        f"{HIVE}retention.stream_events_per_agent = 999\n[agents.a]",
        "hive.retention.stream_events_per_agent",
        "too small",
        "1000 or more",
    ),
    "retention, turns": (
        f"{HIVE}retention.turns = 0\n[agents.a]",
        "hive.retention.turns",
        "too small",
        "1 or more",
    ),
    "name servers": (
        f'{HIVE}nameservers = ["192.0.2.53", "::1"]\n[agents.a]',
        "hive.nameservers[1]",
        "IPv6",
        "IPv4",
    ),
    "claude": (f'{HIVE}claude = "claude"\n[agents.a]', "hive.claude", "absolute", "/"),
    "dashboard, port": (
        f"{HIVE}dashboard.port = 0\n[agents.a]",
        "hive.dashboard.port",
        "too small",
        "1 or more",
    ),
    "dashboard, token": (
        f'{HIVE}dashboard.token_file = "/nix/store/x"\n[agents.a]',
        "hive.dashboard.token_file",
        "Nix store",
        "/run/secrets",
    ),
    "dashboard, open": (
        f'{HIVE}dashboard = {{ bind = "0.0.0.0", port = 80 }}\n[agents.a]',
        "hive.dashboard",
        "no token_file is set",
        "set token_file",
    ),
    "loop guard": (
        f"{HIVE}loop_guard.answers = -1\n[agents.a]",
        "hive.loop_guard.answers",
        "too small",
        "0 or more",
    ),
    "loop guard, minutes": (
        f"{HIVE}loop_guard.minutes = 0\n[agents.a]",
        "hive.loop_guard.minutes",
        "too small",
        "1 or more",
    ),
    "spawn, most": (
        f"{HIVE}spawn.most = -1\n[agents.a]",
        "hive.spawn.most",
        "too small",
        "0 or more",
    ),
    "spawn, network": (
        f'{HIVE}spawn.network = "host"\n[agents.a]',
        "hive.spawn.network",
        "not one of the choices",
        "choose private or none",
    ),
    "notify, program": (
        f'{HIVE}notify.command = ["curl"]\n[agents.a]',
        "hive.notify",
        "'curl', not an absolute path",
        "name the program by its path",
    ),
    "notify, event": (
        f'{HIVE}notify.events = ["birthday"]\n[agents.a]',
        "hive.notify.events[0]",
        "choices",
        "container_crash",
    ),
    "system": (f'{HIVE}system = "x86"\n[agents.a]', "hive.system", "choices", "x86_64-linux"),
    "release": (f'{HIVE}state_version = "26"\n[agents.a]', "hive.state_version", "NixOS", "26.05"),
    "flake, registry": (
        f'{HIVE}inputs.nixpkgs = "nixpkgs"\n[agents.a]',
        "hive.inputs.nixpkgs",
        "not a flake reference",
        '"flake:nixpkgs"',
    ),
    "flake, relative": (
        f'{HIVE}inputs.nixpkgs = "./x"\n[agents.a]',
        "hive.inputs.nixpkgs",
        "relative",
        "absolute",
    ),
    "flake": (
        f'{HIVE}inputs.nixpkgs = "path:/a${{b}}"\n[agents.a]',
        "hive.inputs.nixpkgs",
        "not a flake reference",
        "github:",
    ),
    "two managers": (
        f'{HIVE}[agents.a]\nrole = "manager"\n[agents.b]\nrole = "manager"',
        "agents.b.role",
        "a is the manager already",
        "for a or for b",
    ),
    "the manager's name": (
        f"{HIVE}[agents.manager]",
        "agents.manager",
        "stands for the agent whose role is manager",
        "set role",
    ),
    "one uid range": (
        f"{HIVE}[agents.a]\nuid_base = 524288\n[agents.b]\nuid_base = 524288",
        "agents.b.uid_base",
        "a and b share the host uids 524288 to 589823",
        "set uid_base of agents.b, for example 589824",
    ),
}


@pytest.mark.parametrize(("text", "place", "message", "todo"), WHOLE.values(), ids=WHOLE)
def test_problem_of_a_hive(text: str, place: str, message: str, todo: str) -> None:
    found = the_error(text)
    assert found.place == place
    assert message in found.message
    assert todo in found.todo


def test_names_whose_ranges_collide_are_both_named() -> None:
    seen: dict[int, AgentName] = {}
    for number in range(100_000):
        name = AgentName(f"a{number}")
        base = uid_range(name).base
        if base in seen:
            break
        seen[base] = name
    found = the_error(f"{HIVE}[agents.{seen[base]}]\n[agents.{name}]")
    assert found.place == f"agents.{name}.uid_base"
    assert f"{seen[base]} and {name} share" in found.message


WARNINGS = {
    "network host": ('network = "host"', "network", "everything that listens"),
    "network none": ('network = "none"', "network", "the model's API"),
    "builds on the host": ("nix_daemon = true", "nix_daemon", "beyond the container's limits"),
    "little memory": ('limits.memory = "256M"', "limits.memory", "230 MB"),
    "short secret": ('environment.API_KEY = "dummy"', "environment.API_KEY", "world-readable"),
    "arbitrary code": ('bash.allow = ["git *"]', "bash.allow[0]", ""),
    "tool that is not there": (
        'tools.allow = ["WebFetch(domain:docs.rs)"]',
        "tools.allow[0]",
        "no tool WebFetch",
    ),
    "MCP server that is not there": (
        'tools.allow = ["mcp__github"]',
        "tools.allow[0]",
        "no MCP server github",
    ),
}


@pytest.mark.parametrize(("fields", "place", "message"), WARNINGS.values(), ids=WARNINGS)
def test_warning(fields: str, place: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "hive.toml"
    file.write_text(alice(fields))
    warnings = check_hive(file).warnings
    assert [(found.level, found.place) for found in warnings] == [
        (Level.WARNING, f"agents.alice.{place}")
    ]
    assert message in warnings[0].message


def test_who_may_build_may_see_the_daemons_socket(tmp_path: Path) -> None:
    file = tmp_path / "hive.toml"
    shown = 'binds = [{source = "/nix/var/nix", target = "/srv/nix"}]'
    file.write_text(alice(f"nix_daemon = true\n{shown}"))
    assert [found.place for found in check_hive(file).warnings] == ["agents.alice.nix_daemon"]


def test_a_way_round_a_denial_matters_where_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "hive.toml"
    file.write_text(alice('bash.allow = ["git status"]\nbash.deny = ["git push *"]'))
    assert check_hive(file).warnings == ()
    file.write_text(alice('bash.allow = ["git *"]\nbash.deny = ["git push *"]'))
    places = [found.place for found in check_hive(file).warnings]
    assert "agents.alice.bash.deny[0]" in places


def test_no_false_alarm() -> None:
    hive = parse_hive(
        tomllib.loads(
            alice(
                'environment = {ANTHROPIC_BASE_URL = "http://127.0.0.1:1", ANTHROPIC_API_KEY = "k"}'
                '\nrecipients = ["operator", "boss", "manager", "alice"]'
                '\nmodel = "claude-opus-5-5[1m]"\nicon = "👩‍👩‍👧"\n[agents.boss]\nrole = "manager"'
            )
        ),
        "hive.toml",
    )
    assert hive.manager == "boss"


def test_all_problems_of_a_file_at_once() -> None:
    found = problems_of(
        'hive = {name = "L", x = 1}\n'
        "[agents.alice]\n"
        'bash.allow = ["git status", 3, "Bash(x)"]\n'
        'recipients = [1, "alice", "zed"]\n'
        'binds = [{source = "x", target = "/srv/x"}, {source = "/srv/a", target = "/srv/x"},'
        ' {source = "/srv/b", target = "/srv/x"}]\n'
        "mcp.x = {}\n"
        'environment.API_TOKEN = "abcdefghijklmnopqrstuvwxyz"\n'
        'network = "host"\n'
        "[agents.bob]\n"
        "uid_base = 524288\n"
        "[agents.eve]\n"
        "uid_base = 524288\n"
    )
    assert {(each.level.value, each.place) for each in found} == {
        ("error", "hive.name"),
        ("error", "hive.x"),
        ("error", "agents.alice.bash.allow[1]"),
        ("error", "agents.alice.bash.allow[2]"),
        ("error", "agents.alice.recipients[0]"),
        ("error", "agents.alice.recipients[2]"),
        ("error", "agents.alice.binds[0].source"),
        ("error", "agents.alice.binds[2].target"),
        ("error", "agents.alice.mcp.x.command"),
        ("error", "agents.alice.environment.API_TOKEN"),
        ("warning", "agents.alice.network"),
        ("error", "agents.eve.uid_base"),
    }
    levels = [each.level.value for each in found]
    assert levels == sorted(levels), "errors first"


def test_a_misspelt_role_brings_no_problems_of_its_own_making() -> None:
    found = the_error(
        f'{HIVE}[agents.manager]\nrole = "managr"\n[agents.a]\nrecipients = ["manager"]'
    )
    assert found.place == "agents.manager.role"


def test_an_agent_with_problems_is_still_a_recipient() -> None:
    found = the_error(f'{HIVE}[agents.a]\nrecipients = ["b"]\n[agents]\nb = 3')
    assert found.place == "agents.b"


def test_a_secret_is_not_repeated_where_something_else_is_wrong_with_it() -> None:
    for fields in (f'role = "{TOKEN}"', f'{TOKEN} = "x"', f'bash.allow = ["Bash({TOKEN})"]'):
        for found in problems_of(alice(fields)):
            assert TOKEN not in found.what + found.todo


def test_the_error_itself_is_one_line_and_one_more() -> None:
    with pytest.raises(InvalidHive) as caught:
        parse_hive(tomllib.loads(alice("a = 1\nb = 2")), "hive.toml")
    assert caught.value.what == "hive.toml: agents.alice.a: unknown field (and 1 more)"
    assert "\n" not in caught.value.todo
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("spawn.most = 3\n[agents.a]", ["hive.spawn"]),
        ('spawn.network = "none"\n[agents.a]', ["hive.spawn"]),
        ('spawn.most = 3\n[agents.a]\nrole = "manager"', []),
        ('spawn = { most = 0, network = "none" }\n[agents.a]', []),
        # As the NixOS module writes it where nobody sets it.
        ('spawn = { most = 8, network = "private" }\n[agents.a]', []),
    ],
)
def test_nobody_asks_for_agents_where_there_is_no_manager(
    text: str, places: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "hive.toml"
    file.write_text(f"{HIVE}{text}\n")
    assert [found.place for found in check_hive(file).warnings] == places

"""What an operator is warned of before settings are approved."""

import pytest

from hyperhive.hive.effects import hive_warnings
from hyperhive.hive.load import parse_hive
from hyperhive.hive.members import Approved, with_approved
from hyperhive.hive.names import AgentName

ALICE = AgentName("alice")
RISKY = {"environment": {"GIT_PAGER": "x"}, "packages": ["pkgsStatic.jq"]}


def warnings(agent_toml: str, *, extra_nix: str | None = None) -> list[str]:
    hive = parse_hive({"hive": {"name": "lab"}, "agents": {"alice": RISKY}}, "hive.toml")
    members = with_approved(hive, {ALICE: Approved({"agent.toml": agent_toml})})
    assert not members.problems
    return hive_warnings(members.effective(ALICE), extra_nix=extra_nix)


def test_what_is_declared_is_not_warned_of() -> None:
    assert warnings("") == []


@pytest.mark.parametrize(
    "agent_toml",
    [
        'model = "opus"\nsystem_prompt = "Be brief."\nconversation.notes_kib = 0',
        'packages = ["ripgrep", "python3Packages.requests", "nodejs_22"]',
        'environment = { LANG = "C", TZ = "UTC", MY_TOKEN_FILE = "/run/x", PATHS = "a" }',
    ],
)
def test_what_is_usual_is_not_warned_of(agent_toml: str) -> None:
    assert warnings(agent_toml) == []


@pytest.mark.parametrize(
    ("agent_toml", "words"),
    [
        ('packages = ["pkgsCross.mips.jq"]', "package pkgsCross.mips.jq: built from source"),
        ('packages = ["a.b.c"]', "package a.b.c: an unusual name"),
        ('environment.GIT_SSH_COMMAND = "x"', "environment.GIT_SSH_COMMAND: can make an allowed"),
        ('environment.EDITOR = "x"', "environment.EDITOR: can make an allowed command run"),
        ('environment.PYTHONPATH = "/state"', "environment.PYTHONPATH: can make"),
        ('environment.GIT_CONFIG_COUNT = "1"', "environment.GIT_CONFIG_COUNT: can make"),
        ('environment.https_proxy = "http://x"', "environment.https_proxy: says where"),
        ('environment.ANTHROPIC_BASE_URL = "http://x"', "ANTHROPIC_BASE_URL: says where"),
        ('environment.ANTHROPIC_MODEL = "x"', "ANTHROPIC_MODEL: changes how claude"),
        ('environment.MY_TOKEN = "abc"', "environment.MY_TOKEN: looks like a secret"),
        ('mcp.gh.command = "gh-server"', "mcp.gh: starts a program with every turn"),
        ('mcp.gh.command = "npx"', "mcp.gh: starts what npx fetches"),
        ('mcp.gh.command = "/bin/sh"', "mcp.gh: starts whatever its arguments say: /bin/sh"),
        ('mcp.gh.command = "/state/x"', "mcp.gh: starts a program that the agent itself"),
        (
            'mcp.gh = { command = "gh", environment = { LD_PRELOAD = "/state/x.so" } }',
            "mcp.gh.environment.LD_PRELOAD: can make",
        ),
        (
            'mcp.gh = { command = "gh", environment = { PATH = "/state" } }',
            "mcp.gh.environment.PATH: can make",
        ),
    ],
)
def test_what_is_warned_of(agent_toml: str, words: str) -> None:
    found = warnings(agent_toml)
    assert [warning for warning in found if words in warning], found


@pytest.mark.parametrize(
    "name",
    [
        "TAR_OPTIONS",
        "RIPGREP_CONFIG_PATH",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "PYTHONWARNINGS",
        "PYTHONUSERBASE",
        "SYSTEMD_PAGER",
        "SSLKEYLOGFILE",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "LUA_INIT",
        "LUA_INIT_5_4",
        "DOTNET_STARTUP_HOOKS",
        "RSYNC_RSH",
        "OPENSSL_CONF",
        "PYTEST_ADDOPTS",
        "CLASSPATH",
        "NIX_REMOTE",
        "RUSTFLAGS",
        "NIX_PATH",
        "NIX_CONFIG",
    ],
)
def test_variables_that_run_or_lead_elsewhere_are_warned_of(name: str) -> None:
    (warning,) = warnings(f'environment.{name} = "x"')
    assert warning.startswith(f"environment.{name}: ")


def test_arguments_that_look_like_a_secret_together_hide_no_others() -> None:
    parts = '"X=-----BEGIN", "A PRIVATE KEY-----=", "sh", "/state/evil"'
    for args in (parts, parts.replace("A PRIVATE", "PRIVATE").replace(" KEY", '", "KEY')):
        (warning,) = warnings(f'mcp.docs = {{ command = "env", args = [{args}] }}')
        assert "-----BEGIN" in warning
        assert warning.endswith(" sh /state/evil")


def test_free_form_configuration_is_warned_of() -> None:
    (warning,) = warnings("", extra_nix="")
    assert warning.startswith("extra.nix is free-form NixOS configuration")


def test_a_warning_is_one_plain_line_that_is_not_too_long() -> None:
    (warning,) = warnings(f'environment.EDITOR = "a\\nb{"x" * 9000}"')
    assert "a\\nbxxx" in warning
    assert warning.isprintable()
    assert len(warning) < 400

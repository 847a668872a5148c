"""The stand-in's permission check: mode dontAsk, deny beats allow."""

from pathlib import Path

import pytest

from hyperhive.testing.scripted_claude.permissions import Rules, is_simple

RULES = Rules(
    allow=["Bash(echo *)", "Bash(git *)", "mcp__hyperhive", "mcp__github__issues"],
    deny=["Bash(git push *)"],
)


@pytest.mark.parametrize(
    ("command", "allowed", "reason"),
    [
        ("echo hi", True, "subcommandResults"),
        ("git status", True, "subcommandResults"),
        ("git push origin main", False, "subcommandResults"),
        ("touch x", False, "mode"),
        ("echo 'a; b'", True, "subcommandResults"),
        ("echo a; touch b", False, "subcommandResults"),
        ("echo $(id)", False, "subcommandResults"),
    ],
)
def test_bash(command: str, allowed: bool, reason: str) -> None:
    decision = RULES.decide("Bash", {"command": command})
    assert (decision.allowed, decision.reason) == (allowed, reason)


def test_a_shell_goes_where_the_agent_works_without_a_rule(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("/")
    rules = Rules([], ["Bash(cd secret)"], directories=[str(tmp_path)])
    for command in (f"cd {tmp_path}", f"cd '{tmp_path}/in'"):
        assert rules.decide("Bash", {"command": command}).allowed
    for command in ("cd /", f"cd {tmp_path}x", f"cd {tmp_path}/link", f"cd {tmp_path}; id", "cd"):
        assert not rules.decide("Bash", {"command": command}).allowed
    assert not RULES.decide("Bash", {"command": f"cd {tmp_path}"}).allowed


def test_the_text_of_a_denial_by_rule() -> None:
    decision = RULES.decide("Bash", {"command": "git push x"})
    assert decision.message == "Permission to use Bash with command git push x has been denied."


def test_bare_rules_hold_for_every_command() -> None:
    everything = Rules(allow=["Bash"], deny=[])
    assert everything.decide("Bash", {"command": "echo a; touch b | tee c"}).allowed
    nothing = Rules(allow=["Bash"], deny=["Bash"])
    assert not nothing.decide("Bash", {"command": "echo a"}).allowed


@pytest.mark.parametrize(
    ("tool", "allowed"),
    [
        ("mcp__hyperhive__send", True),
        ("mcp__hyperhive2__send", False),
        ("mcp__github__issues", True),
        ("mcp__github__delete", False),
    ],
)
def test_mcp_tools(tool: str, allowed: bool) -> None:
    assert RULES.decide(tool, {}).allowed is allowed


@pytest.mark.parametrize(
    "command", ["a; b", "a && b", "a | b", "a > f", "a & b", "(a)", "a `b`", "a\nb", "a $(b)", "'"]
)
def test_more_than_a_simple_command(command: str) -> None:
    assert not is_simple(command)


@pytest.mark.parametrize(
    "command", ["a b", "a 'b; c'", 'a "b | c"', "a b=c -d --e=f/g.h", "a *.py"]
)
def test_simple_commands(command: str) -> None:
    assert is_simple(command)


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        (["Edit(./**)"], "a/b.txt", True),
        (["Edit(./**)"], "../b.txt", False),
        (["Edit(./**)"], "/etc/b.txt", False),
        (["Write(./**)"], "a/b.txt", False),
        (["Edit(//srv/work/**)"], "/srv/work/b.txt", True),
        (["Edit(//srv/work/**)"], "/srv/worked/b.txt", False),
        (["Edit"], "b.txt", False),
        (["Write"], "/etc/b.txt", True),
        (["Read(./**)"], "b.txt", False),
    ],
)
def test_files(rules: list[str], path: str, allowed: bool) -> None:
    assert Rules(allow=rules, deny=[]).decide("Write", {"file_path": path}).allowed is allowed


def test_a_deny_rule_that_is_not_understood_denies() -> None:
    rules = Rules(allow=["Write", "Bash"], deny=["Edit(*.env)", "Bash(git push *)"])
    assert not rules.decide("Write", {"file_path": "a.txt"}).allowed
    assert not rules.decide("Bash", {"command": "true; git push x"}).allowed

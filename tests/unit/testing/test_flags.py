"""Flags are taken and refused as the CLI does; the texts are those of 2.1.330."""

import pytest

from hyperhive.testing.scripted_claude.flags import HELP, UsageError, parse, split_rules


def test_one_and_many_values() -> None:
    line = parse(
        ["-p", "--model", "haiku", "--tools", "Bash,Read", "Edit", "--verbose", "--resume=x"]
    )
    assert line.given("--print")
    assert line.given("--verbose")
    assert line.value("--model") == "haiku"
    assert line.rules("--tools") == ["Bash", "Read", "Edit"]
    assert line.value("--resume") == "x"
    assert line.value("--settings") is None


def test_empty_values() -> None:
    line = parse(["--setting-sources", "", "--tools", ""])
    assert line.value("--setting-sources") == ""
    assert line.rules("--tools") == []
    assert line.given("--tools")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["--bogus-flag"], "error: unknown option '--bogus-flag'"),
        (["--model"], "error: option '--model <model>' argument missing"),
        (
            ["--permission-mode", "foo"],
            "error: option '--permission-mode <mode>' argument 'foo' is invalid. Allowed choices"
            " are acceptEdits, auto, bypassPermissions, manual, dontAsk, plan.",
        ),
        (
            ["--output-format", "foo"],
            "error: option '--output-format <format>' argument 'foo' is invalid. Allowed choices"
            " are text, json, stream-json.",
        ),
        (["a prompt"], "error: the prompt is read from stdin, not from 'a prompt'"),
    ],
)
def test_refusals(argv: list[str], text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(argv)
    assert str(raised.value) == text


def test_default_is_an_unlisted_permission_mode() -> None:
    assert parse(["--permission-mode", "default"]).value("--permission-mode") == "default"


def test_help_lists_what_the_cli_lists() -> None:
    assert "--system-prompt-snapshot <on|off>" in HELP
    assert "--append-system-prompt-file" not in HELP


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("Bash(git *),Edit", ["Bash(git *)", "Edit"]),
        ("Bash(git *) Edit", ["Bash(git *)", "Edit"]),
        ("Bash(a, b (c) d) Read", ["Bash(a, b (c) d)", "Read"]),
        ("a)b,c", ["a)b", "c"]),
        ("", []),
    ],
)
def test_rules_are_parted_outside_parentheses(text: str, rules: list[str]) -> None:
    assert split_rules(text) == rules

"""The arguments, environment and files of a run of claude."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hyperhive.harness.claude import Claude
from hyperhive.harness.invocation import Invocation, Place, plan
from hyperhive.harness.own_rules import own_files_rules, proposal_rules, rule_can_name
from hyperhive.hive.rule_grammar import parse_rule
from hyperhive.hive.rule_risks import rule_warnings
from hyperhive.wire.harness import TurnKind, TurnRun
from hyperhive.wire.settings import HarnessSettings, McpServer, TurnLauncher

CLAUDE = Claude("/bin/claude", "2.1.330", prompt_snapshot=True)
PLACE = Place(files="/turns/4", temporary="/turns/4/tmp", work="/state/work")
RUN = TurnRun(turn=4, prompt="wake", model="opus", session="u-1", resume=False)
SETTINGS = HarnessSettings(
    name="alice", hive="lab", sockets="/run/h", state="/state", config="/claude"
)


def planned(
    settings: HarnessSettings = SETTINGS,
    run: TurnRun = RUN,
    claude: Claude = CLAUDE,
    caller: dict[str, str] | None = None,
    credentials: dict[str, str] | None = None,
) -> Invocation:
    return plan(
        settings,
        run,
        claude,
        PLACE,
        caller=caller or {},
        credentials=credentials or {},
        bridge=["/python", "-I", "/bridge.py", "/run/h/mcp.sock"],
    )


def option(argv: list[str], name: str) -> list[str]:
    """The values that follow an option."""
    after = argv[argv.index(name) + 1 :]
    end = next((i for i, word in enumerate(after) if word.startswith("--")), len(after))
    return after[:end]


def test_options_of_every_turn() -> None:
    argv = planned().argv
    assert argv[0] == "/bin/claude"
    assert {"--print", "--verbose", "--strict-mcp-config"} <= set(argv)
    assert option(argv, "--output-format") == ["stream-json"]
    assert option(argv, "--model") == ["opus"]
    assert option(argv, "--setting-sources") == [""]
    assert option(argv, "--permission-mode") == ["dontAsk"]
    assert "wake" not in argv


OWN = ["Edit(//state/work/**)", "Edit(//state/notes.md)"]


def test_a_session_is_begun_and_then_resumed() -> None:
    assert option(planned().argv, "--session-id") == ["u-1"]
    resumed = planned(run=replace(RUN, resume=True)).argv
    assert option(resumed, "--resume") == ["u-1"]
    assert "--session-id" not in resumed


def test_tools_and_rules() -> None:
    settings = replace(
        SETTINGS, available=["Bash", "Read"], allow=["Bash(a,b)", "mcp__x"], deny=["Bash(rm *)"]
    )
    argv = planned(settings).argv
    assert option(argv, "--tools") == ["Bash,Read"]
    assert option(argv, "--allowedTools") == ["Bash(a,b)", "mcp__x", *OWN]
    assert option(argv, "--disallowedTools") == ["Bash(rm *)"]


def test_wildcards_in_the_work_directory_are_escaped() -> None:
    assert own_files_rules("/a [1]*") == [
        r"Edit(//a \[1\]\*/work/**)",
        r"Edit(//a \[1\]\*/notes.md)",
    ]
    assert rule_can_name("/a [1]*, b")
    assert not rule_can_name("/a (1)")


def test_the_manager_may_propose() -> None:
    settings = replace(SETTINGS, proposed="/agents", proposals="/applied")
    argv = planned(settings).argv
    assert option(argv, "--add-dir") == ["/agents", "/applied"]
    rules = proposal_rules("/agents", "/applied")
    assert {"Edit(//agents/**)", "Read(//applied/**)", "Bash(git commit *)"} <= set(rules)
    assert option(argv, "--allowedTools") == [*OWN, *rules]
    assert "--add-dir" not in planned().argv


def test_none_of_the_manager_s_rules_is_a_risk() -> None:
    """What hyperhive warns an operator of, it does not give itself."""
    for rule in proposal_rules("/agents", "/applied"):
        assert rule_warnings(parse_rule(rule), allow=True) == [], rule


def test_rules_stand_in_the_settings_too() -> None:
    settings = replace(SETTINGS, allow=["Bash(frob 'f(1)' *)"], deny=["Bash(rm *)"])
    invocation = planned(settings)
    (file,) = option(invocation.argv, "--settings")
    assert json.loads(invocation.files[file])["permissions"] == {
        "allow": ["Bash(frob 'f(1)' *)", *OWN],
        "deny": ["Bash(rm *)"],
    }


def test_no_tools_and_no_rules() -> None:
    argv = planned().argv
    assert option(argv, "--tools") == [""]
    assert option(argv, "--allowedTools") == OWN
    assert "--disallowedTools" not in argv


def test_system_prompt_is_appended_and_taken_anew() -> None:
    settings = replace(SETTINGS, system_prompt="You are älice.")
    invocation = planned(settings)
    (file,) = option(invocation.argv, "--append-system-prompt-file")
    assert invocation.files[file].decode() == "You are älice.\n"
    assert option(invocation.argv, "--system-prompt-snapshot") == ["off"]
    older = replace(CLAUDE, prompt_snapshot=False)
    assert "--system-prompt-snapshot" not in planned(settings, claude=older).argv
    assert "--append-system-prompt-file" not in planned().argv


@pytest.mark.parametrize("kind", [TurnKind.MESSAGE, TurnKind.CHECKPOINT, TurnKind.COMPACT])
def test_the_roster_follows_the_system_prompt(kind: TurnKind) -> None:
    run = replace(RUN, kind=kind, roster="# Who else is here\n\n- `bob`\n")
    invocation = planned(replace(SETTINGS, system_prompt="You are alice.\n\n"), run=run)
    (file,) = option(invocation.argv, "--append-system-prompt-file")
    told = invocation.files[file].decode()
    assert told == "You are alice.\n\n# Who else is here\n\n- `bob`\n"


def test_mcp_servers() -> None:
    server = McpServer("/bin/gh", ["stdio"], {"MODE": "ro"})
    invocation = planned(replace(SETTINGS, mcp={"github": server}))
    (file,) = option(invocation.argv, "--mcp-config")
    servers = json.loads(invocation.files[file])["mcpServers"]
    assert servers["github"]["command"] == "/bin/gh"
    assert servers["github"]["args"] == ["stdio"]
    assert servers["github"]["env"] == {"MODE": "ro"}
    assert servers["hyperhive"]["command"] == "/python"
    assert servers["hyperhive"]["args"] == ["-I", "/bridge.py", "/run/h/mcp.sock"]


@pytest.mark.parametrize("seconds", [1, 3600, 604_800])
def test_a_call_of_the_hives_tools_may_wait_as_long_as_the_turn_may_last(seconds: int) -> None:
    server = McpServer("/bin/gh", [], {})
    invocation = planned(replace(SETTINGS, turn_seconds=seconds, mcp={"github": server}))
    (file,) = option(invocation.argv, "--mcp-config")
    servers = json.loads(invocation.files[file])["mcpServers"]
    assert servers["hyperhive"]["timeout"] == seconds * 1000
    assert "timeout" not in servers["github"]


def test_files_are_in_the_turns_directory() -> None:
    invocation = planned(replace(SETTINGS, system_prompt="x"))
    assert {path.rpartition("/")[0] for path in invocation.files} == {"/turns/4"}


def test_environment_is_built_from_nothing() -> None:
    environment = planned(caller={"PATH": "/p", "LANG": "C", "SECRET": "x"}).environment
    assert environment.pop("HYPERHIVE_TURN") == "alice:4"
    assert environment.pop("PATH") == "/p"
    assert environment.pop("HOME") == "/state"
    assert environment.pop("CLAUDE_CONFIG_DIR") == "/claude"
    assert environment.pop("TMPDIR") == "/turns/4/tmp"
    assert "SECRET" not in environment
    assert environment["CLAUDE_CODE_DISABLE_ATTACHMENTS"] == "1"
    assert environment["CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"] == "1"
    assert environment["DISABLE_AUTOUPDATER"] == "1"


def test_commits_are_the_agent_s_unless_it_is_declared_otherwise() -> None:
    environment = planned().environment
    for who in ("AUTHOR", "COMMITTER"):
        assert environment[f"GIT_{who}_NAME"] == "alice"
        assert environment[f"GIT_{who}_EMAIL"] == "alice@lab.hive.internal"
    declared = replace(SETTINGS, environment={"GIT_AUTHOR_EMAIL": "a@example.org"})
    environment = planned(declared).environment
    assert environment["GIT_AUTHOR_EMAIL"] == "a@example.org"
    assert environment["GIT_COMMITTER_EMAIL"] == "alice@lab.hive.internal"


KEYS = {
    "ANTHROPIC_BASE_URL": "http://127.0.0.1:1",
    "ANTHROPIC_API_KEY": "k",
    "CLAUDE_CODE_OAUTH_TOKEN": "t",
}


def test_the_callers_key_reaches_claude_outside_a_container_only() -> None:
    assert KEYS.items() <= planned(caller=KEYS).environment.items()
    unit = replace(SETTINGS, launcher=TurnLauncher.UNIT)
    assert not KEYS.keys() & planned(unit, caller=KEYS).environment.keys()


def test_what_is_declared_wins_over_the_caller_and_loses_to_the_harness() -> None:
    settings = replace(
        SETTINGS, environment={"ANTHROPIC_API_KEY": "declared", "HOME": "/x", "A": "1"}
    )
    environment = planned(settings, caller=KEYS, credentials={"A": "2"}).environment
    assert environment["ANTHROPIC_API_KEY"] == "declared"
    assert environment["A"] == "2"
    assert environment["HOME"] == "/state"


@pytest.mark.parametrize("text", ["ünï\n", "x" * 100_000, "\udc80"])
def test_prompt_of_any_text(text: str) -> None:
    prompt: Any = planned(run=replace(RUN, prompt=text)).prompt
    assert prompt.decode() == text.encode("utf-8", "replace").decode()


NOTES = replace(RUN, kind=TurnKind.NOTES, prompt="the notes")


def test_notes_are_rewritten_by_somebody_who_can_do_nothing() -> None:
    settings = replace(
        SETTINGS,
        available=["Bash"],
        allow=["Bash(rm *)"],
        deny=["Read"],
        mcp={"github": McpServer("/bin/gh")},
        system_prompt="You are alice.",
    )
    invocation = planned(settings, run=NOTES)
    argv = invocation.argv
    assert option(argv, "--tools") == [""]
    assert not {"--allowedTools", "--append-system-prompt-file", "--resume"} & set(argv)
    assert {"--print", "--strict-mcp-config", "--no-session-persistence"} <= set(argv)
    assert option(argv, "--permission-mode") == ["dontAsk"]
    assert option(argv, "--setting-sources") == [""]
    assert option(argv, "--session-id") == ["u-1"]
    assert option(argv, "--model") == ["opus"]
    (mcp,), (own,) = option(argv, "--mcp-config"), option(argv, "--settings")
    assert json.loads(invocation.files[mcp]) == {"mcpServers": {}}
    assert json.loads(invocation.files[own])["permissions"] == {"allow": [], "deny": []}
    (prompt,) = option(argv, "--system-prompt-file")
    assert b"alice" not in invocation.files[prompt]
    assert invocation.prompt == b"the notes"


def test_claude_waits_for_the_api_only_where_it_says_so() -> None:
    def waits(kind: TurnKind, claude: Claude) -> str:
        run = replace(RUN, kind=kind)
        settings = replace(SETTINGS, environment={"CLAUDE_CODE_RETRY_WATCHDOG": "1"})
        return planned(settings, run, claude).environment["CLAUDE_CODE_RETRY_WATCHDOG"]

    new = replace(CLAUDE, announces_waits=True)
    kinds = list(TurnKind)
    assert [waits(kind, new) for kind in kinds] == [
        "0" if kind is TurnKind.COMPACT else "1" for kind in kinds
    ]
    assert {waits(kind, CLAUDE) for kind in kinds} == {"0"}

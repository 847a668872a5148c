"""What the declared hive tells an agent's harness."""

import pytest

from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName
from hyperhive.render.settings import container_settings, harness_settings
from hyperhive.render.system_prompt import system_prompt
from hyperhive.wire.settings import HarnessSettings, McpServer, TurnLauncher
from tests.unit.render.hives import FULL, hive

ALICE = AgentName("alice")


def local(name: str) -> HarnessSettings:
    """Settings of a harness of FULL outside of a container."""
    return harness_settings(
        FULL,
        AgentName(name),
        sockets="/s",
        state="/t",
        config="/c",
        launcher=TurnLauncher.PROCESS,
        claude="/bin/claude",
    )


def test_everything_declared_is_told() -> None:
    assert local("alice") == HarnessSettings(
        name="alice",
        hive=FULL.hive.name,
        sockets="/s",
        state="/t",
        config="/c",
        claude="/bin/claude",
        launcher=TurnLauncher.PROCESS,
        turn_seconds=60,
        system_prompt=system_prompt(FULL, ALICE),
        available=["Bash", "Read", "Edit", "Write", "Glob", "Grep"],
        allow=[
            "Bash(git status)",
            "Bash(git diff *)",
            "Edit(./**)",
            "mcp__hyperhive",
            "mcp__docs",
            "mcp__tickets__get",
            "mcp__tickets__list",
        ],
        deny=["Bash(git push *)", "Read(.env)"],
        mcp={
            "docs": McpServer("docs-mcp", [], {"A": "1", "B": "2"}),
            "tickets": McpServer("tickets-mcp", ["stdio"], {}),
        },
        environment={"COLOUR": "no", "LANG": "C.UTF-8"},
        credentials={"TOKEN_A": "/run/secrets/a", "TOKEN_B": "/run/secrets/b"},
    )


def test_an_agent_that_declares_nothing_may_use_the_hive() -> None:
    assert local("bob").allow == ["mcp__hyperhive"]
    assert local("bob").deny == []


def test_in_a_container_the_places_are_the_container_s() -> None:
    settings = container_settings(FULL, ALICE)
    assert (settings.sockets, settings.state, settings.config) == (
        "/run/hyperhive",
        "/state",
        "/claude",
    )
    assert settings.launcher is TurnLauncher.UNIT
    assert settings.claude is None
    assert settings.credentials == {
        "TOKEN_A": "hyperhive.TOKEN_A",
        "TOKEN_B": "hyperhive.TOKEN_B",
    }


def test_the_manager_alone_is_told_where_to_propose() -> None:
    boss = container_settings(FULL, AgentName("boss"))
    assert (boss.proposed, boss.proposals) == ("/agents", "/applied")
    alice = container_settings(FULL, ALICE)
    assert (alice.proposed, alice.proposals) == (None, None)


def test_an_agent_that_is_not_there() -> None:
    with pytest.raises(InputError, match="no agent zoe") as caught:
        container_settings(hive(), AgentName("zoe"))
    assert caught.value.todo == "its agents are: alice"

import pytest

from hyperhive.errors import InputError
from hyperhive.hive.explain import explain_agent, find_agent
from hyperhive.hive.load import parse_hive
from hyperhive.hive.names import AgentName

HIVE = parse_hive(
    {
        "hive": {"name": "lab"},
        "agents": {
            "boss": {"role": "manager"},
            "alice": {
                "uid_base": 1048576,
                "bash": {"allow": ["git *"], "deny": ["git push *"]},
                "tools": {"allow": ["Edit(./**)"], "deny": ["Read(.env)"]},
                "mcp": {
                    "tickets": {"command": "tickets", "tools": ["list", "show"]},
                    "all": {"command": "all"},
                },
            },
        },
    },
    "hive.toml",
)


def test_find_agent() -> None:
    assert find_agent(HIVE, "alice") == "alice"
    assert find_agent(HIVE, "manager") == "boss"
    with pytest.raises(InputError, match="no agent 'alcie'") as caught:
        find_agent(HIVE, "alcie")
    assert caught.value.todo == 'did you mean "alice"?'
    with pytest.raises(InputError) as caught:
        find_agent(HIVE, "zzz\n")
    assert caught.value.todo == "choose from boss, alice"


def test_the_rules_are_those_that_claude_gets_in_that_order() -> None:
    found = explain_agent(HIVE, AgentName("alice"))
    assert [rule.text for rule in found.rules if rule.allow] == [
        "Bash(git *)",
        "Edit(./**)",
        "mcp__hyperhive",
        "mcp__all",
        "mcp__tickets__list",
        "mcp__tickets__show",
    ]
    assert [rule.text for rule in found.rules if not rule.allow] == [
        "Bash(git push *)",
        "Read(.env)",
    ]
    assert found.rules[0].warnings, "arbitrary code passes without a warning"
    assert all(rule.meaning for rule in found.rules)


def test_container_and_uids() -> None:
    alice = explain_agent(HIVE, AgentName("alice"))
    assert (alice.container, alice.uids.base, alice.uids_from_name) == ("h-alice", 1048576, False)
    assert explain_agent(HIVE, AgentName("boss")).uids_from_name

"""Who else is in the hive, as an agent is told with every turn."""

import re
from typing import Any

from hyperhive.broker.roster import MAX_NAMED, roster
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName


def hive(agents: dict[str, Any]) -> HiveConfig:
    return parse_hive({"hive": {"name": "lab"}, "agents": agents}, "test")


LAB = hive(
    {
        "boss": {"role": "manager", "description": "Plans"},
        "alice": {"description": "  Writes   the parser ", "recipients": ["manager", "operator"]},
        "bob": {},
    }
)


def test_it_names_the_others_and_what_they_are_for() -> None:
    assert roster(LAB, AgentName("bob")) == (
        "# Who else is here\n"
        "\n"
        "- `operator`: the human who runs the hive.\n"
        "- `boss` (the manager): Plans\n"
        "- `alice`: Writes the parser\n"
    )


def test_it_says_to_whom_an_agent_may_send() -> None:
    text = roster(LAB, AgentName("alice"))
    assert text.endswith("- `bob`\n\nYou may send to `manager`, `operator` only.\n")
    assert "You may send to" not in roster(LAB, AgentName("boss"))


def test_an_agent_alone_has_the_operator() -> None:
    alone = roster(hive({"alice": {}}), AgentName("alice"))
    assert [line for line in alone.splitlines() if line.startswith("- ")] == [
        "- `operator`: the human who runs the hive."
    ]


def test_a_large_hive_is_not_listed_whole() -> None:
    agents: dict[str, Any] = {f"a{number}": {} for number in range(100)}
    agents["boss"] = {"role": "manager"}
    agents["a50"] = {"recipients": ["a99", "operator"]}
    text = roster(hive(agents), AgentName("a50"))
    assert len(re.findall(r"^- `a\d", text, re.M)) == MAX_NAMED - 1
    assert "- `boss` (the manager)\n- `a99`\n- `a0`\n" in text
    assert f"- {100 - MAX_NAMED} more; `list_agents` names them.\n" in text

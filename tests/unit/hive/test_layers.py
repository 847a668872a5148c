import pytest
from pydantic import ValidationError

from hyperhive.hive.layers import Layer, Setting, effective
from hyperhive.hive.load import parse_hive
from hyperhive.hive.models import BashRules, McpServer
from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override

ALICE = AgentName("alice")
BOB = AgentName("bob")
HIVE = parse_hive(
    {
        "hive": {"name": "lab", "model": "haiku"},
        "agents": {
            "alice": {
                "bash": {"allow": ["git status"], "deny": ["git push *"]},
                "environment": {"LANG": "C", "TZ": "UTC"},
                "packages": ["jq"],
                "limits": {"memory": "4G"},
            },
            "bob": {"model": "opus"},
        },
    },
    "hive.toml",
)


def test_layers_of_what_is_declared() -> None:
    settings = effective(HIVE, ALICE).settings
    assert settings["model",] == Setting("haiku", Layer.HIVE)
    assert settings["bash", "allow"] == Setting(["git status"], Layer.DECLARED)
    assert settings["limits", "memory"] == Setting("4G", Layer.DECLARED)
    assert settings["limits", "cpu"] == Setting(None, Layer.DEFAULT)
    assert settings["environment", "TZ"] == Setting("UTC", Layer.DECLARED)
    assert effective(HIVE, BOB).settings["model",] == Setting("opus", Layer.DECLARED)


def test_a_null_is_not_declared() -> None:
    hive = parse_hive(
        {"hive": {"name": "lab"}, "agents": {"a": {"model": None, "uid_base": None}}}, "hive.json"
    )
    settings = effective(hive, AgentName("a")).settings
    assert settings["model",] == Setting("sonnet", Layer.DEFAULT)
    assert settings["uid_base",] == Setting(None, Layer.DEFAULT)


def test_nothing_later_changes_nothing() -> None:
    found = effective(HIVE, BOB)
    assert found.agent == HIVE.agents[BOB]
    assert effective(HIVE, BOB, Override(), Override()) == found


def test_the_later_layer_wins() -> None:
    approved = Override(
        model="opus",
        bash=BashRules(allow=["git diff"]),
        environment={"LANG": "de_DE.UTF-8"},
        mcp={"github": McpServer(command="github-mcp-server")},
    )
    found = effective(HIVE, ALICE, approved, Override(model="fable"))
    assert found.settings["model",] == Setting("fable", Layer.OVERRIDE)
    assert found.settings["bash", "allow"] == Setting(["git diff"], Layer.APPROVED)
    assert found.settings["bash", "deny"] == Setting(["git push *"], Layer.DECLARED)
    assert found.settings["environment", "LANG"] == Setting("de_DE.UTF-8", Layer.APPROVED)
    assert found.settings["environment", "TZ"] == Setting("UTC", Layer.DECLARED)
    assert found.settings["packages",] == Setting(["jq"], Layer.DECLARED)
    assert found.agent.model == "fable"
    assert found.agent.bash == BashRules(allow=["git diff"], deny=["git push *"])
    assert found.agent.environment == {"LANG": "de_DE.UTF-8", "TZ": "UTC"}
    assert found.agent.mcp["github"].command == "github-mcp-server"
    assert found.agent.limits == HIVE.agents[ALICE].limits


def test_an_empty_list_is_a_value() -> None:
    found = effective(HIVE, ALICE, Override(packages=[], bash=BashRules(deny=[])))
    assert found.settings["packages",] == Setting([], Layer.APPROVED)
    assert found.agent.bash == BashRules(allow=["git status"], deny=[])


@pytest.mark.parametrize(
    "field",
    [
        "network",
        "binds",
        "limits",
        "wake_for_operator",
        "uid_base",
        "recipients",
        "extra_nix",
        "nix_daemon",
        "credentials",
    ],
)
def test_a_proposal_cannot_name_what_belongs_to_the_operator(field: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Override.model_validate({field: None})

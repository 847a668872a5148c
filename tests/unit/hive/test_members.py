"""The hive as it is declared and approved."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.layers import Layer, Setting
from hyperhive.hive.load import parse_hive
from hyperhive.hive.members import Approved, Members, Spawned, with_approved
from hyperhive.hive.models import AgentConfig, HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.override import Override
from hyperhive.hive.tables import BashRules, Limits, Network
from hyperhive.hive.uids import FIRST_BASE, SIZE, uid_range
from tests.unit.hive.proposals import overrides, toml_of

ALICE, BOB, CAROL = AgentName("alice"), AgentName("bob"), AgentName("carol")
DECLARED = parse_hive(
    {
        "hive": {
            "name": "lab",
            "model": "haiku",
            "spawn": {"limits": {"memory": "2G"}, "network": "none"},
        },
        "agents": {
            "alice": {
                "bash": {"allow": ["git status"], "deny": ["git push *"]},
                "credentials": {"API_KEY": "/run/secrets/key"},
                "environment": {"LANG": "C"},
                "limits": {"memory": "4G"},
            },
            "bob": {"extra_nix": True, "recipients": ["alice"], "role": "manager"},
        },
    },
    "hive.toml",
)
SPAWN = Spawned("Reads papers", 7)


def layer(agent_toml: str, **files: str) -> Approved:
    named = {name.replace("_", "."): text for name, text in files.items()}
    return Approved({"agent.toml": agent_toml, **named})


def spawn(approval: int = 7, agent_toml: str = "") -> Approved:
    return Approved({"agent.toml": agent_toml}, Spawned("Reads papers", approval))


def test_nothing_approved_is_what_is_declared() -> None:
    members = with_approved(DECLARED, {})
    assert members.hive is DECLARED
    assert members.spawned == []
    assert not members.problems
    assert members.effective(ALICE).settings["model",] == Setting("haiku", Layer.HIVE)


def test_what_was_approved_lies_over_what_is_declared() -> None:
    approved = {ALICE: layer('model = "opus"\nbash.allow = ["ls"]\nenvironment.TZ = "UTC"')}
    members = with_approved(DECLARED, approved)
    agent = members.hive.agents[ALICE]
    assert agent.model == "opus"
    assert agent.bash == BashRules(allow=["ls"], deny=["git push *"])
    assert agent.environment == {"LANG": "C", "TZ": "UTC"}
    assert agent.limits == DECLARED.agents[ALICE].limits
    assert members.hive.agents[BOB] is DECLARED.agents[BOB]
    assert members.hive.manager == BOB
    assert members.hive.model_of(ALICE) == "opus"


def test_each_value_says_where_it_comes_from() -> None:
    members = with_approved(DECLARED, {ALICE: layer('bash.allow = ["ls"]')})
    found = members.effective(ALICE, Override(model="fable")).settings
    assert found["model",] == Setting("fable", Layer.OVERRIDE)
    assert found["bash", "allow"] == Setting(["ls"], Layer.APPROVED)
    assert found["bash", "deny"] == Setting(["git push *"], Layer.DECLARED)
    assert found["conversation", "notes_kib"] == Setting(64, Layer.DEFAULT)


def test_a_spawned_agent_has_the_shape_of_the_hive() -> None:
    members = with_approved(DECLARED, {CAROL: spawn(agent_toml='packages = ["jq"]')})
    assert members.spawned == [CAROL]
    assert members.hive.agents[CAROL] == AgentConfig(
        description="Reads papers",
        limits=Limits(memory="2G"),
        network=Network.NONE,
        packages=["jq"],
    )
    found = members.effective(CAROL).settings
    assert found["description",] == Setting("Reads papers", Layer.APPROVED)
    assert found["limits", "memory"] == Setting("2G", Layer.HIVE)
    assert found["limits", "tasks"] == Setting(512, Layer.DEFAULT)
    assert found["network",] == Setting(Network.NONE, Layer.HIVE)
    assert found["packages",] == Setting(["jq"], Layer.APPROVED)
    assert found["model",] == Setting("haiku", Layer.HIVE)


def test_a_declared_agent_wins_over_a_spawned_one() -> None:
    members = with_approved(DECLARED, {ALICE: spawn(agent_toml='model = "opus"')})
    assert members.spawned == []
    assert members.hive.agents[ALICE].limits.memory == "4G"
    assert members.hive.agents[ALICE].model == "opus"
    assert members.hive.agents[ALICE].description == ""


def test_what_was_approved_of_an_agent_that_went_is_kept_and_means_nothing() -> None:
    members = with_approved(DECLARED, {CAROL: layer('model = "opus"')})
    assert CAROL not in members.hive.agents
    assert not members.problems
    with pytest.raises(KeyError):
        members.effective(CAROL)


@pytest.mark.parametrize(
    ("approved", "words"),
    [
        (layer('environment.API_KEY = "x"'), "environment.API_KEY: declared under credentials too"),
        (layer('network = "host"'), "network: belongs to the operator's declaration"),
        (layer("model ="), "not TOML"),
        (layer("model =", extra_nix="{ }"), "not TOML"),
        (Approved({"README.md": ""}), "there is no agent.toml"),
        (layer("#\ud800"), "not UTF-8"),
    ],
)
def test_a_layer_that_does_not_fit_is_left_out_of_its_agent_alone(
    approved: Approved, words: str
) -> None:
    members = with_approved(DECLARED, {ALICE: approved, BOB: layer('model = "opus"')})
    assert words in members.problems[ALICE].what
    assert members.problems[ALICE].what.startswith("alice: ")
    assert list(members.problems) == [ALICE]
    assert members.hive.agents[ALICE] is DECLARED.agents[ALICE]
    assert members.effective(ALICE).agent.model == "haiku"
    assert members.hive.agents[BOB].model == "opus"
    assert list(members.layers) == [BOB]


def test_an_extra_nix_that_may_not_be_any_more_takes_no_restriction_with_it() -> None:
    approved = layer('bash.deny = ["git *"]', extra_nix="{ }")
    members = with_approved(DECLARED, {ALICE: approved})
    for found in (members, members.replaced(BOB, layer(""))):
        assert "does not declare extra_nix" in found.problems[ALICE].what
        assert found.hive.agents[ALICE].bash.deny == ["git *"]
        assert found.effective(ALICE).agent.bash.deny == ["git *"]
        assert found.layers[ALICE].extra_nix is None
        assert "extra.nix" not in found.layers[ALICE].files
        assert found.approved[ALICE] is approved


def test_extra_nix_where_it_is_declared() -> None:
    members = with_approved(DECLARED, {BOB: layer("", extra_nix="{ }")})
    assert members.layers[BOB].extra_nix == "{ }"


@pytest.mark.parametrize(
    ("name", "approved", "words"),
    [
        ("manager", spawn(), "stands for the agent with that role"),
        ("all", spawn(), "reserved name"),
        ("Carol", spawn(), "not an agent's name"),
        ("carol", spawn(agent_toml="role = 'manager'"), "role: belongs to the operator"),
        ("carol", Approved({"agent.toml": ""}, Spawned("a\nb", 1)), "description"),
        ("carol", Approved({"agent.toml": "", "extra.nix": ""}, SPAWN), "extra_nix"),
    ],
)
def test_a_spawned_agent_that_cannot_be_is_left_out(
    name: str, approved: Approved, words: str
) -> None:
    members = with_approved(DECLARED, {AgentName(name): approved})
    assert words in members.problems[AgentName(name)].what
    assert members.spawned == []
    assert members.hive == DECLARED


def test_no_spawned_agent_has_the_uids_of_another() -> None:
    base = uid_range(CAROL).base
    taken = {"hive": {"name": "lab"}, "agents": {"alice": {"uid_base": base}}}
    members = with_approved(parse_hive(taken, "x"), {CAROL: spawn()})
    assert (
        f"the host uids {base} to {base + 65535}, which are alice's" in members.problems[CAROL].what
    )
    assert members.spawned == []


def test_of_two_spawned_agents_with_the_same_uids_the_older_stays() -> None:
    first, second = AgentName("a6"), AgentName("a314")
    assert uid_range(first) == uid_range(second)
    for ages in ((3, 5), (5, 3)):
        approved = {first: spawn(ages[0]), second: spawn(ages[1])}
        older = first if ages[0] < ages[1] else second
        members = with_approved(DECLARED, approved)
        assert members.spawned == [older]
        assert list(members.problems) == [each for each in (first, second) if each != older]


def test_replacing_is_the_same_as_beginning_anew() -> None:
    members = with_approved(DECLARED, {ALICE: layer('model = "opus"')})
    for name, approved in (
        (CAROL, spawn()),
        (ALICE, layer("network = 1")),
        (BOB, layer("", extra_nix="{ }")),
        (ALICE, layer('model = "fable"')),
        (CAROL, None),
        (ALICE, None),
        (ALICE, None),
    ):
        before = dict(members.approved)
        changed = members.replaced(name, approved)
        assert members.approved == before
        wanted = {other: each for other, each in before.items() if other != name}
        _same(changed, with_approved(DECLARED, wanted | ({name: approved} if approved else {})))
        members = changed
    assert members.hive.agents == DECLARED.agents | {BOB: members.hive.agents[BOB]}


def _same(found: Members, wanted: Members) -> None:
    assert found.approved == wanted.approved
    assert found.hive == wanted.hive
    assert found.layers == wanted.layers
    assert {name: error.what for name, error in found.problems.items()} == {
        name: error.what for name, error in wanted.problems.items()
    }


@given(st.dictionaries(st.sampled_from([ALICE, BOB, CAROL]), overrides()))
def test_what_runs_is_what_is_told_of(layers: dict[AgentName, Override]) -> None:
    approved = {
        name: Approved({"agent.toml": toml_of(each)}, SPAWN if name == CAROL else None)
        for name, each in layers.items()
    }
    members = with_approved(DECLARED, approved)
    assert not members.problems
    assert members.hive.agents.keys() == {ALICE, BOB} | layers.keys()
    for name, agent in members.hive.agents.items():
        told = members.effective(name)
        assert told.agent == agent.model_copy(update={"model": agent.model or "haiku"})
        for place, setting in told.settings.items():
            value: object = agent
            for part in place:
                value = value[part] if isinstance(value, dict) else getattr(value, str(part))
            assert setting.value == (value or "haiku" if place == ("model",) else value)
    # What no proposal may change is as it is declared.
    for name in (ALICE, BOB):
        for field in AgentConfig.model_fields.keys() - Override.model_fields.keys():
            assert getattr(members.hive.agents[name], field) == getattr(
                DECLARED.agents[name], field
            )


def test_a_thousand_agents_are_no_wait() -> None:
    agents = {f"a{number}": {"uid_base": FIRST_BASE + SIZE * number} for number in range(1000)}
    hive = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": agents})
    text = 'model = "opus"\npackages = ["jq"]\n[bash]\nallow = ["git status", "git diff *"]\n'
    approved = {name: layer(f'{text}[environment]\nME = "{name}"\n') for name in hive.agents}
    begun = time.process_time()
    members = with_approved(hive, approved)
    assert time.process_time() - begun < 5  # about 0.3
    assert len(members.layers) == 1000


def test_what_stays_is_not_read_again() -> None:
    members = with_approved(DECLARED, {ALICE: layer('model = "opus"'), BOB: layer("")})
    changed = members.replaced(BOB, layer('model = "opus"'))
    assert changed.layers[ALICE] is members.layers[ALICE]
    assert changed.layers[BOB].override.model == "opus"

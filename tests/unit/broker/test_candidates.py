"""What fits the hive, and what does not and why."""

from collections.abc import Mapping

import pytest

from hyperhive.broker.approvals import candidates, requests
from hyperhive.broker.approvals.candidates import NothingChangesError, UnknownAgentError
from hyperhive.errors import InputError
from hyperhive.hive.load import parse_hive
from hyperhive.hive.members import Approved, Members, Spawned, with_approved
from hyperhive.hive.names import AgentName
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from tests.unit.broker.approval_examples import example

ALICE, CAROL = AgentName("alice"), AgentName("carol")


def members(
    approved: Mapping[AgentName, Approved] | None = None, most: int | None = None
) -> Members:
    """Return alice, whose extra.nix is declared, bob, and a manager."""
    spawn = {} if most is None else {"spawn": {"most": most}}
    declared = parse_hive(
        {
            "hive": {"name": "lab", "model": "haiku", **spawn},
            "agents": {
                "boss": {"role": "manager"},
                "alice": {"extra_nix": True, "bash": {"allow": ["git status"]}},
                "bob": {},
            },
        },
        "test",
    )
    return with_approved(declared, approved or {})


def files(text: str, **more: str) -> dict[str, bytes]:
    return {"agent.toml": text.encode()} | {name: text.encode() for name, text in more.items()}


def refusal_of_spawn(hive: Members, name: str, text: str = "") -> InputError:
    with pytest.raises(InputError) as error:
        candidates.spawn_candidate(hive, name, "", files(text))
    return error.value


def test_a_change_says_what_it_changes_and_what_is_to_be_known_of_it() -> None:
    found = candidates.commit_candidate(
        members(), ALICE, files('model = "opus"\n[bash]\nallow = ["git status", "git *"]\n')
    )
    assert [change.setting for change in found.changes] == ["model", "bash.allow"]
    assert found.members.hive.agents[ALICE].model == "opus"
    assert len(found.warnings) == 1
    assert found.warnings[0].startswith("bash.allow: `git *`: ")


def test_an_extra_nix_is_warned_of() -> None:
    found = candidates.commit_candidate(members(), ALICE, {**files(""), "extra.nix": b"{ }\n"})
    assert found.warnings
    with pytest.raises(InputError, match=r"extra\.nix"):
        candidates.commit_candidate(
            members(), AgentName("bob"), {**files(""), "extra.nix": b"{ }\n"}
        )


@pytest.mark.parametrize(
    "text",
    [
        "network = 'host'",
        "binds = []",
        "role = 'manager'",
        "bash.allow = ['git status\u0000']",
        "=",
    ],
)
def test_what_may_not_be_proposed_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        candidates.commit_candidate(members(), ALICE, files(text))


def test_an_agent_that_is_not_there() -> None:
    with pytest.raises(UnknownAgentError) as error:
        candidates.member(members(), "dave")
    assert error.value.todo == "name one of: alice, bob, boss"


def test_what_runs_already_is_refused() -> None:
    text = 'model = "opus"\n'
    hive = members({ALICE: Approved({"agent.toml": text})})
    same = candidates.commit_candidate(hive, ALICE, files(text))
    with pytest.raises(NothingChangesError, match="alice runs with this already"):
        candidates.check_changes(hive, ALICE, same)
    noted = candidates.commit_candidate(hive, ALICE, {**files(text), "README.md": b"Why.\n"})
    candidates.check_changes(hive, ALICE, noted)
    nothing = "nothing changes in effect: was agent.toml edited and committed?"
    assert noted.warnings == [nothing]
    other = candidates.commit_candidate(hive, ALICE, files('model = "haiku"\n'))
    candidates.check_changes(hive, ALICE, other)
    assert nothing not in other.warnings
    nix = candidates.commit_candidate(hive, ALICE, {**files(text), "extra.nix": b"{ }\n"})
    assert nothing not in nix.warnings


def test_a_new_agent_has_what_it_was_given() -> None:
    found = candidates.spawn_candidate(
        members(), "carol", "Tests things", files('model = "opus"\n'), approval=3
    )
    assert found.before is None
    assert found.members.hive.agents[CAROL].description == "Tests things"
    assert found.members.hive.agents[CAROL].model == "opus"
    assert found.members.approved[CAROL].spawned == Spawned("Tests things", 3)


@pytest.mark.parametrize("name", ["operator", "system", "Carol", "", "a" * 10, "../bob", "car\nol"])
def test_a_name_that_cannot_be(name: str) -> None:
    refusal_of_spawn(members(), name)


def test_a_name_that_is_taken() -> None:
    assert "there is an agent bob already" in refusal_of_spawn(members(), "bob").what
    hive = members({CAROL: Approved({"agent.toml": ""}, Spawned("", 1))})
    assert "there is an agent carol already" in refusal_of_spawn(hive, "carol").what
    assert "stands for the manager" in refusal_of_spawn(members(), "manager").what


def test_a_hive_may_allow_no_new_agents_or_a_few() -> None:
    assert "nobody may ask" in refusal_of_spawn(members(most=0), "carol").what
    hive = members({CAROL: Approved({"agent.toml": ""}, Spawned("", 1))}, most=1)
    refusal = refusal_of_spawn(hive, "dave")
    assert refusal.what == "the hive has 1 of at most 1 spawned agents"
    assert "purges" in refusal.todo


def test_agents_that_are_to_come_count() -> None:
    toml = {"agent.toml": ""}
    waiting = [
        example(4, toml, kind=ApprovalKind.SPAWN, agent="carol", state=ApprovalState.APPROVED),
        example(5, toml, agent="bob", state=ApprovalState.APPROVED),
    ]
    hive = candidates.with_waiting(members(most=1), waiting)
    assert hive.spawned == ["carol"]
    assert "1 of at most 1" in refusal_of_spawn(hive, "dave").what


def test_two_agents_on_one_range_of_uids() -> None:
    declared = parse_hive(
        {
            "hive": {"name": "lab"},
            "agents": {"bob": {"uid_base": candidates_uid_base("carol")}},
        },
        "test",
    )
    refusal = refusal_of_spawn(with_approved(declared, {}), "carol")
    assert "which are bob's" in refusal.what


def candidates_uid_base(name: str) -> int:
    return members().hive.agents[ALICE].uid_range(AgentName(name)).base


@pytest.mark.parametrize("rule", ["git push *", "Bash(git push *)", "  Bash(git push *) "])
def test_a_rule_is_given_in_either_form(rule: str) -> None:
    assert requests.bash_rule(rule) == "git push *"


def test_a_rule_more_keeps_the_others() -> None:
    added = requests.files_with_rule(members(), ALICE, "git push *")
    found = candidates.commit_candidate(members(), ALICE, added)
    assert found.after.agent.bash.allow == ["git status", "git push *"]


def test_a_rule_more_keeps_what_was_approved() -> None:
    toml = '# mine\nmodel = "opus"\n'
    hive = members({ALICE: Approved({"agent.toml": toml, "README.md": "Alice.\n"})})
    added = requests.files_with_rule(hive, ALICE, "git push *")
    assert added["README.md"] == b"Alice.\n"
    assert added["agent.toml"].startswith(toml.encode())


def test_a_rule_that_is_allowed_already() -> None:
    with pytest.raises(InputError, match=r"alice may run that already: Bash\(git status\)"):
        requests.files_with_rule(members(), ALICE, "git status")


@pytest.mark.parametrize("rule", ["", "git push)", "a\nb"])
def test_what_is_no_rule(rule: str) -> None:
    with pytest.raises(InputError):
        candidates.commit_candidate(
            members(), ALICE, requests.files_with_rule(members(), ALICE, rule)
        )


def test_the_parent_of_a_commit() -> None:
    assert requests.parent_of(example(1)) is None
    assert requests.parent_of(example(2, parent=example(1).commit)) == example(1).commit


def test_a_description_has_a_limit() -> None:
    assert requests.described("  short \n") == "short"
    assert requests.described("") == ""
    with pytest.raises(InputError, match="the description has 4097 bytes"):
        requests.described("x" * 4097)

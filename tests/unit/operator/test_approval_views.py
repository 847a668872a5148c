"""What an approval changes, as the operator is shown it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhive.hive.load import parse_hive
from hyperhive.hive.members import Approved, Members, Spawned, with_approved
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.operator.approval_models import ApprovalDetail, Base
from hyperhive.operator.approval_views import Standing, compared, detail
from hyperhive.render.agent import Host
from hyperhive.store.approval_rows import Approval
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.wire.proposed_repositories import FILES as OWN

ALICE: Final = AgentName("alice")
HIVE: Final = parse_hive(
    {
        "hive": {"name": "lab", "model": "haiku"},
        "agents": {"boss": {"role": "manager"}, "alice": {"extra_nix": True}},
    },
    "test",
)
NOTHING: Final = Standing()
HOST: Final = Host(StatePaths.local(Path("/s")), Path("/s/deploy"))


def approval(files: dict[str, str], **other: Any) -> Approval:
    """A pending one about alice, but for what is given."""
    return replace(
        Approval(
            id=7, kind=ApprovalKind.APPLY_COMMIT, agent="alice", commit="9b1c0e2f" * 5,
            description="", files=files, objects={}, submitted_by="boss", extra_nix=False,
            created_at=1.5, state=ApprovalState.PENDING, decided_at=None, decided_by=None,
            reason="", began_at=None, finished_at=None, error="", log=[], supersedes=None,
            superseded_by=None, tagged=False,
        ),
        **other,
    )  # fmt: skip


def members(toml: str | None = None) -> Members:
    """The hive, with what was approved of alice."""
    layers = {} if toml is None else {ALICE: Approved({"agent.toml": toml})}
    return with_approved(HIVE, layers)


def shown(
    asked: Approval,
    hive: Members,
    earlier: Approval | None = None,
    base: Base = Base.RUNNING,
    standing: Standing = NOTHING,
) -> ApprovalDetail:
    """What is shown of an approval."""
    return detail(asked, compared(asked, base, hive, earlier), hive, standing, HOST)


def test_what_becomes_of_each_file_is_shown() -> None:
    files = {"agent.toml": 'model = "opus"\n', "README.md": "# Alice\n", "extra.nix": "{ }\n"}
    view = shown(approval(files), members('model = "sonnet"\n'))
    assert [(one.setting, one.was, one.becomes) for one in view.effects] == [
        ("model", "sonnet", "opus")
    ]
    assert '-model = "sonnet"\n+model = "opus"\n' in view.data_diff
    assert "+# Alice\n" in view.data_diff
    assert "extra.nix" not in view.data_diff
    assert view.extra_nix_diff.endswith("+{ }\n")
    assert '-    model = "sonnet";\n+    model = "opus";\n' in view.nix_diff


def test_only_the_agent_that_it_is_about_is_compared() -> None:
    view = shown(approval({"agent.toml": 'model = "opus"\n'}), members())
    assert {line[:3] for line in view.nix_diff.splitlines() if line[0] in "-+"} >= {"---", "+++"}
    assert "boss" not in view.nix_diff


@pytest.mark.parametrize(
    ("layer", "earlier", "words"),
    [
        (None, None, "what is deployed, alice as declared"),
        ("", approval({"agent.toml": ""}, id=3), "what is deployed, approval 3"),
        ("", approval({"agent.toml": "#"}, id=3), "what is deployed, what was approved before"),
        (
            "network = 'host'",
            None,
            "what is deployed, alice as declared, since what was approved no longer fits",
        ),
    ],
)
def test_what_a_pending_one_is_compared_with(
    layer: str | None, earlier: Approval | None, words: str
) -> None:
    asked = approval({"agent.toml": ""})
    assert compared(asked, Base.RUNNING, members(layer), earlier).words == words


def test_hyperhives_own_text_is_not_shown_as_a_change() -> None:
    toml = OWN["agent.toml"].replace('#model = "opus"', 'model = "opus"')
    assert toml != OWN["agent.toml"]
    view = shown(approval({**OWN, "agent.toml": toml}), members())
    lines = [line for line in view.data_diff.splitlines() if line[0] in "-+"][2:]
    assert lines == ['-#model = "opus"', '+model = "opus"']
    assert view.compared_with == (
        "what is deployed, alice as declared; README.md and agent.toml with what hyperhive writes"
        " there to begin with"
    )
    other = shown(approval({"agent.toml": 'model = "opus"\n'}), members())
    assert other.data_diff.endswith('@@ -0,0 +1 @@\n+model = "opus"\n')
    deployed = shown(approval(OWN), members('model = "opus"\n'))
    assert "+# Changes to this agent" in deployed.data_diff


def test_free_form_nix_that_was_approved_and_goes_is_said() -> None:
    layers = {ALICE: Approved({"agent.toml": "", "extra.nix": "{ }\n"})}
    view = shown(approval({"agent.toml": ""}), with_approved(HIVE, layers))
    assert view.warnings == ["extra.nix: takes back what was approved"]


def test_a_settled_one_is_compared_with_what_was_before_it() -> None:
    asked = approval({"agent.toml": 'model = "opus"'}, state=ApprovalState.DEPLOYED)
    before = approval({"agent.toml": 'model = "sonnet"'}, id=3, state=ApprovalState.DEPLOYED)
    view = shown(asked, members('model = "opus"'), before)
    assert view.compared_with == "approval 3, the last one deployed before it"
    assert [(one.was, one.becomes) for one in view.effects] == [("sonnet", "opus")]
    view = shown(asked, members('model = "opus"'))
    assert view.compared_with == "alice as declared (nothing was deployed before it)"
    assert [(one.was, one.becomes) for one in view.effects] == [("haiku", "opus")]


def test_an_agent_that_is_gone_is_said() -> None:
    asked = approval({"agent.toml": "x"}, agent="carol", state=ApprovalState.DENIED)
    view = shown(asked, members())
    assert (view.effects, view.nix_diff) == ([], "")
    assert view.problem == "the hive has no agent carol now; nothing can be compared"
    assert view.data_diff.endswith("+x\n\\ No newline at end of file\n")


def test_what_does_not_fit_is_said_and_not_shown_as_no_change() -> None:
    view = shown(approval({"agent.toml": "network = 'host'"}), members())
    assert view.effects == []
    assert "network" in view.problem
    known = shown(approval({"agent.toml": ""}), members(), standing=Standing("denied elsewhere"))
    assert known.problem == "denied elsewhere"


def test_a_spawned_agent_stays_one() -> None:
    layer = Approved({"agent.toml": ""}, Spawned("writes docs", 5))
    asked = approval({"agent.toml": 'model = "opus"'}, agent="carol")
    view = shown(asked, with_approved(HIVE, {AgentName("carol"): layer}))
    assert [one.setting for one in view.effects] == ["model"]
    assert (view.problem, "h-carol.conf" in view.nix_diff) == ("", False)


def test_what_it_does_to_the_agent_is_said_while_it_is_to_be_decided() -> None:
    asked = approval({"agent.toml": 'model = "opus"'})
    runs = Standing(model="sonnet", turn=True)
    view = shown(asked, members(), standing=runs)
    assert view.warnings == [
        "a turn of alice runs: it ends with the deploy, and its message comes again"
    ]
    assert "sonnet" in view.effects[0].masked_by
    view = shown(asked, members(), standing=Standing(turn=True, stopped=True))
    assert view.warnings == ["alice is stopped: it gets the settings, and stays stopped"]
    denied = replace(asked, state=ApprovalState.DENIED)
    assert shown(denied, members(), standing=runs).warnings == []


TEXTS = st.text(max_size=60) | st.sampled_from(['model = "\u202eopus"', "[bash]\nallow = ['\x07']"])
FILES = st.fixed_dictionaries(
    {"agent.toml": TEXTS}, optional={"extra.nix": TEXTS, "README.md": TEXTS}
)


@settings(deadline=None, max_examples=60)
@given(FILES, st.none() | FILES, st.sampled_from(ApprovalState), st.sampled_from(ApprovalKind))
def test_whatever_was_written_it_is_shown(
    files: dict[str, str], earlier: dict[str, str] | None, state: ApprovalState, kind: ApprovalKind
) -> None:
    name = "carol" if kind is ApprovalKind.SPAWN else "alice"
    asked = approval(files, state=state, kind=kind, agent=name)
    layers = {} if earlier is None else {ALICE: Approved(earlier)}
    before = None if earlier is None else approval(earlier, id=3)
    view = shown(asked, with_approved(HIVE, layers), before)
    assert view.files == files
    assert ApprovalDetail.model_validate_json(view.model_dump_json()) == view
    assert bool(view.data_diff or view.extra_nix_diff) == (
        files != (earlier or {}) or kind is ApprovalKind.SPAWN
    )

"""Approvals one by one: what each step does, refuses and tells."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlite_utils import Database

from hyperhive.hive.members import Approved
from hyperhive.store import approvals
from hyperhive.store.agents import declare
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.approvals import (
    ApprovalClosedError,
    EarlierApprovalError,
    NotYoursError,
    OtherCommitError,
    PendingApprovalError,
    UnknownApprovalError,
)
from hyperhive.store.database import Store
from hyperhive.store.transaction import Transaction
from tests.unit.store.approval_wishes import approved, ask, decide, deployed, finish, layers, wish
from tests.unit.store.conftest import Body
from tests.unit.store.operations import mail, told


def read(tx: Transaction, reader: str) -> list[dict[str, Any]]:
    return [json.loads(one["body"]) for one in mail(tx, reader, "notice")]


def test_what_is_asked_for_is_kept_as_it_was(tx: Transaction) -> None:
    one = ask(tx, wish(by="boss"), at=1.5)
    assert (one.id, one.state, one.created_at) == (1, ApprovalState.PENDING, 1.5)
    assert one.objects == wish().objects
    assert one.files == {"agent.toml": 'model = "a"\n'}
    assert (one.decided_by, one.reason, one.error, one.log, one.tagged) == (None, "", "", [], False)
    assert told(tx, "approval") == [
        {"id": 1, "kind": "apply_commit", "agent": "alice", "state": "pending", "by": "boss"}
    ]
    assert read(tx, "boss") == []


def test_the_same_wish_is_not_asked_for_twice(tx: Transaction) -> None:
    first = ask(tx)
    assert ask(tx, at=5) == first
    assert ask(tx, supersede=first.id, at=5) == first
    assert len(told(tx, "approval")) == 1
    decide(tx, first.id, yes=False)
    assert ask(tx, at=6).id != first.id, "one that was denied may be asked for again"


def test_another_wish_about_the_agent_has_to_name_the_one_that_waits(tx: Transaction) -> None:
    first = ask(tx)
    with pytest.raises(PendingApprovalError, match="approval 1 about alice is pending") as error:
        ask(tx, wish(letter="b"))
    assert "supersede=1" in error.value.todo
    assert ask(tx, wish(agent="bob", letter="b")).state is ApprovalState.PENDING
    second = ask(tx, wish(letter="b"), supersede=first.id, at=7)
    former = approvals.read(tx, first.id)
    assert (former.state, former.superseded_by) == (ApprovalState.SUPERSEDED, second.id)
    assert (second.state, second.supersedes) == (ApprovalState.PENDING, first.id)
    assert former.standing.startswith(f"approval 1 was superseded by approval {second.id} at ")


def test_the_operators_own_wish_is_superseded_by_nobody_else(tx: Transaction) -> None:
    first = ask(tx, wish(kind=ApprovalKind.ALLOW_RULE, by="operator"))
    with pytest.raises(PendingApprovalError) as error:
        ask(tx, wish(letter="b"))
    assert error.value.todo == "operator asked for it: wait until it is decided"
    with pytest.raises(NotYoursError, match="approval 1 is the operator's own"):
        ask(tx, wish(letter="b"), supersede=first.id)
    assert approvals.read(tx, first.id) == first
    assert ask(tx, wish(letter="b", by="operator"), supersede=first.id).supersedes == first.id


def test_the_operators_own_wish_supersedes_the_managers_who_is_told(tx: Transaction) -> None:
    ask(tx)
    ask(tx, wish(letter="b", kind=ApprovalKind.ALLOW_RULE, by="operator"), supersede=1, at=7)
    assert read(tx, "boss") == [
        {
            "event": "approval_resolved",
            "at": 7,
            "id": 1,
            "kind": "apply_commit",
            "agent": "alice",
            "state": "superseded",
            "by": "operator",
            "reason": "approval 2 takes its place",
        }
    ]


def test_only_a_pending_one_about_the_same_agent_can_be_superseded(tx: Transaction) -> None:
    ask(tx, wish("bob"))
    with pytest.raises(NotYoursError, match="approval 1 is about bob, not alice"):
        ask(tx, supersede=1)
    decide(tx, 1)
    with pytest.raises(ApprovalClosedError, match="approval 1 was approved by operator at 1970-"):
        ask(tx, wish("bob", "b"), supersede=1)
    with pytest.raises(UnknownApprovalError, match="there is no approval 9"):
        ask(tx, supersede=9)


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (lambda tx: decide(tx, 1), "was approved by operator at 1970-01-01 00:00:02 UTC"),
        (lambda tx: decide(tx, 1, yes=False, by="eve"), "was approved by operator"),
        (lambda tx: approvals.cancel(tx, 1, by="boss", reason="", reader="boss", now=3), "was app"),
    ],
)
def test_who_decides_second_is_told_who_was_first(
    tx: Transaction, second: Callable[[Transaction], object], words: str
) -> None:
    ask(tx)
    decide(tx, 1)
    before = approvals.read(tx, 1)
    with pytest.raises(ApprovalClosedError, match=words) as error:
        second(tx)
    assert error.value.approval == before == approvals.read(tx, 1)


def test_approve_after_deny_is_refused_with_the_reason_at_hand(tx: Transaction) -> None:
    ask(tx)
    decide(tx, 1, yes=False, by="ann", reason="too \ud800 broad")
    with pytest.raises(ApprovalClosedError, match="approval 1 was denied by ann at ") as error:
        decide(tx, 1)
    assert error.value.approval.reason == "too ? broad"
    (notice,) = read(tx, "boss")
    assert (notice["state"], notice["by"]) == ("denied", "ann")
    assert notice["reason"] == "too ? broad"


def test_of_two_operators_at_once_one_wins(with_store: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(ask)
        answers = await asyncio.gather(
            *(
                store.write(partial(decide, yes=yes, by=by), 1)
                for yes in (True, False)
                for by in ("ann", "ben")
            ),
            return_exceptions=True,
        )
        lost = [one for one in answers if isinstance(one, ApprovalClosedError)]
        (won,) = [one for one in answers if isinstance(one, approvals.Approval)]
        assert len(lost) == 3
        assert all(f"by {won.decided_by} at" in one.what for one in lost)
        assert await store.read(approvals.get, 1) == won

    with_store(body)


def test_the_commit_that_was_looked_at_is_the_one_that_is_approved(tx: Transaction) -> None:
    ask(tx)
    with pytest.raises(OtherCommitError, match=f"approval 1 is about commit {'a' * 40}, not bbb"):
        decide(tx, 1, commit="b" * 40)
    assert approvals.read(tx, 1).state is ApprovalState.PENDING
    assert decide(tx, 1, commit="a" * 40).state is ApprovalState.APPROVED


def test_only_who_asked_and_the_operator_may_cancel(tx: Transaction) -> None:
    ask(tx)
    with pytest.raises(NotYoursError, match="approval 1 was submitted by boss"):
        approvals.cancel(tx, 1, by="bob", reason="", reader="boss", now=2)
    mine = approvals.cancel(tx, 1, by="boss", reason="a mistake", reader="boss", now=2)
    assert (mine.state, mine.reason) == (ApprovalState.CANCELLED, "a mistake")
    assert read(tx, "boss") == [], "who did it knows"
    ask(tx, at=3)
    approvals.cancel(tx, 2, by="operator", reason="", reader="boss", now=4)
    assert [one["state"] for one in read(tx, "boss")] == ["cancelled"]


def test_a_deploy_begins_once_and_may_be_said_to_begin_again(tx: Transaction) -> None:
    ask(tx)
    with pytest.raises(ApprovalClosedError, match="approval 1 is pending"):
        approvals.begin(tx, 1, now=2)
    decide(tx, 1)
    begun = approvals.begin(tx, 1, now=3)
    assert (begun.state, begun.began_at) == (ApprovalState.BUILDING, 3)
    assert approvals.begin(tx, 1, now=4) == begun
    assert "and is being built" in begun.standing
    assert [one["state"] for one in told(tx, "approval")] == ["pending", "approved", "building"]


def test_approvals_about_one_agent_are_done_in_their_order(tx: Transaction) -> None:
    for letter in "ab":
        decide(tx, ask(tx, wish(letter=letter)).id)
    decide(tx, ask(tx, wish("bob")).id)
    tx.connection.execute("SAVEPOINT operation")
    with pytest.raises(EarlierApprovalError, match=r"approval 1 was approved .* before approval 2"):
        approvals.begin(tx, 2, now=3)
    tx.connection.execute("ROLLBACK TO operation")
    assert approvals.begin(tx, 3, now=3).agent == "bob"
    approvals.begin(tx, 1, now=3)
    finish(tx, 1, "it broke")
    assert approvals.begin(tx, 2, now=5).state is ApprovalState.BUILDING


def test_what_is_deployed_is_the_agents_and_is_told(tx: Transaction) -> None:
    done = deployed(tx)
    assert (done.state, done.finished_at) == (ApprovalState.DEPLOYED, 4)
    assert layers(tx) == {"alice": Approved({"agent.toml": 'model = "a"\n'})}
    assert read(tx, "boss")[-1] == {
        "event": "deployed", "at": 4, "id": 1, "agent": "alice", "kind": "apply_commit",
        "description": "give alice a", "commit": "a" * 40, "changes": [],
    }  # fmt: skip
    assert read(tx, "operator") == []
    with pytest.raises(ApprovalClosedError, match=r"approved by operator at .* and deployed at "):
        finish(tx, 1, "late")


def test_what_failed_changes_nothing_and_is_told_to_both(tx: Transaction) -> None:
    deployed(tx)
    id = approved(tx, wish(letter="b")).id
    failed = finish(tx, id, "no \ud800 such package", log=["é" * 4000] * 100, changes=["x"])
    assert (failed.error, len(failed.log)) == ("no ? such package", 100)
    assert layers(tx)["alice"].files == {"agent.toml": 'model = "a"\n'}
    (to_operator,) = read(tx, "operator")
    assert to_operator == read(tx, "boss")[-1]
    assert (to_operator["event"], to_operator["agent"]) == ("failed", "alice")
    assert to_operator["error"] == "no ? such package"
    assert all(len(one["body"].encode()) < 65536 for one in mail(tx, "boss", "notice"))


def test_the_operator_of_a_hive_without_a_manager_is_told_of_a_failure_once(
    tx: Transaction,
) -> None:
    finish(tx, approved(tx).id, "it broke", reader="operator")
    assert [one["event"] for one in read(tx, "operator")] == ["failed"]


def test_one_that_nothing_began_can_be_given_up(tx: Transaction) -> None:
    decide(tx, ask(tx).id)
    with pytest.raises(ApprovalClosedError, match="approval 1 was approved by operator at "):
        finish(tx, 1)
    assert finish(tx, 1, "nothing deploys here").state is ApprovalState.FAILED
    with pytest.raises(ApprovalClosedError, match="approval 2 is pending"):
        finish(tx, ask(tx).id, "too early")


def test_what_an_agent_runs_with_outlasts_its_declaration(tx: Transaction) -> None:
    deployed(tx)
    declare(tx, ["bob"], now=5)
    assert list(approvals.approved_layers(Database(tx.connection))) == ["alice"]


def test_a_repository_is_behind_until_it_has_the_state_as_it_is_now(tx: Transaction) -> None:
    ask(tx)
    decide(tx, 1, yes=False)
    approvals.mark_tagged(tx, 1, ApprovalState.PENDING)
    assert [one.id for one in approvals.untagged(tx)] == [1], "denied came after what was written"
    approvals.mark_tagged(tx, 1, ApprovalState.DENIED)
    assert approvals.untagged(tx) == []
    ask(tx)
    approvals.mark_tagged(tx, 2, ApprovalState.PENDING)
    assert approvals.untagged(tx) == []
    approvals.cancel(tx, 2, by="boss", reason="", reader="boss", now=2)
    assert [one.id for one in approvals.untagged(tx)] == [2], "an end is to be seen"
    approvals.mark_tagged(tx, 2, ApprovalState.CANCELLED)
    ask(tx)
    approvals.mark_tagged(tx, 3, ApprovalState.PENDING)
    decide(tx, 3)
    assert approvals.untagged(tx) == [], "a decision to do it is no end"
    approvals.begin(tx, 3, now=3)
    finish(tx, 3)
    assert [one.id for one in approvals.untagged(tx)] == [3]


def test_lists_have_pages_and_leave_out_what_nobody_asked_for(tx: Transaction) -> None:
    deployed(tx)
    for letter in "bc":
        approved(tx, wish("bob", letter)) if letter == "b" else ask(tx, wish("bob", letter))
    ask(tx, wish("alice", "d"))
    db = Database(tx.connection)

    def ids(open_only: bool, agent: str | None, after: int | None, limit: int = 9) -> list[int]:
        found = approvals.listed(db, open_only=open_only, agent=agent, after=after, limit=limit)
        return [one.id for one in found]

    assert ids(False, None, None) == [1, 2, 3, 4]
    assert ids(False, None, None, 2) == [3, 4], "the newest"
    assert ids(False, None, 1, 2) == [2, 3], "what follows"
    assert ids(True, None, None) == [2, 3, 4]
    assert ids(True, "alice", 0) == [4]
    assert ids(False, "alice", None) == [1, 4]
    assert [one.id for one in approvals.unfinished(db)] == [2]
    assert approvals.unfinished(db, "alice") == []


def test_what_was_wanted_last_and_what_runs(tx: Transaction) -> None:
    assert approvals.last_approved(tx, "alice") is None
    deployed(tx)
    finish(tx, approved(tx, wish(letter="b")).id, "it broke")
    decide(tx, ask(tx, wish(letter="c")).id, yes=False)
    ask(tx, wish(letter="d"))
    wanted, runs = approvals.last_approved(tx, "alice"), approvals.last_deployed(tx, "alice")
    assert wanted is not None
    assert runs is not None
    assert (wanted.id, runs.id) == (2, 1)
    assert approvals.last_deployed(tx, "alice", before=1) is None


@pytest.mark.parametrize(
    "operation",
    [
        partial(approvals.decide, approve=True, by="ann", reason="", commit=None, reader="boss"),
        partial(approvals.cancel, by="boss", reason="", reader="boss"),
        approvals.begin,
        partial(approvals.finish, error="", log=(), changes=(), reader="boss"),
    ],
)
def test_there_is_no_such_approval(tx: Transaction, operation: Callable[..., object]) -> None:
    with pytest.raises(UnknownApprovalError, match="there is no approval 7"):
        operation(tx, 7, now=1)

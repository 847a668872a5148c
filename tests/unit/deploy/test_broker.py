"""What the journal and the broker are told of each agent."""

import logging
from dataclasses import dataclass, field

import pytest

from hyperhive.deploy.broker import tell, wishes_of
from hyperhive.deploy.task import Outcome
from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from hyperhive.hive.names import parse_agent_name
from hyperhive.log_events import LogEvent
from hyperhive.operator.hosting_models import Container, DeploymentReport
from hyperhive.store.container_states import Wanted

ALICE = parse_agent_name("alice")


def container(agent: str, wanted: Wanted | None = None) -> Container:
    """What the broker says of a container."""
    return Container(
        agent=agent, declared=True, autostart=True, wanted=wanted, wanted_reason="",
        should_run=True, state=None, reason="", since=None, invocation=None,
    )  # fmt: skip


@dataclass
class FakeBroker:
    """Takes reports, or is gone."""

    gone: bool = False
    reports: list[tuple[str, DeploymentReport]] = field(default_factory=list)

    def containers(self) -> list[Container]:
        return []

    def report_deployment(self, agent: str, report: DeploymentReport) -> Container:
        if self.gone:
            raise NoBrokerError("no broker", "start one")
        self.reports.append((agent, report))
        return container(agent)


def told(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> tuple[list[str], dict[str, str]]:
    """What is logged of an outcome, and the fields of the first entry; to no broker."""
    with caplog.at_level(logging.INFO):
        tell(outcome, None)
    fields = caplog.records[0].__dict__["journal"] if caplog.records else {}
    return caplog.messages, fields


def test_changes_are_one_line(caplog: pytest.LogCaptureFixture) -> None:
    messages, fields = told(Outcome(ALICE, changes=["write its conf", "restart"]), caplog)
    assert messages == ["alice: write its conf; restart"]
    assert fields == {
        "MESSAGE_ID": LogEvent.AGENT_RECONCILED,
        "HYPERHIVE_AGENT": "alice",
        "HYPERHIVE_CHANGES": "write its conf; restart",
    }


def test_no_change_is_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    assert told(Outcome(ALICE), caplog)[0] == ["alice: unchanged"]


def test_a_former_agent_that_has_nothing_left_is_not_spoken_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert told(Outcome(ALICE, former=True), caplog)[0] == []


def test_a_failure_says_what_and_what_to_do_and_what_was_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outcome = Outcome(ALICE, changes=["stop"], error=HyperhiveError("it broke", "mend it"))
    messages, fields = told(outcome, caplog)
    assert messages == ["alice: it broke (mend it); before that: stop"]
    assert fields["MESSAGE_ID"] == LogEvent.AGENT_RECONCILE_FAILED
    assert caplog.records[0].levelno == logging.ERROR


def test_the_broker_is_told_what_was_done() -> None:
    broker = FakeBroker()
    tell(Outcome(ALICE), broker)
    tell(Outcome(ALICE, changes=["restart"]), broker)
    tell(Outcome(ALICE, error=HyperhiveError("x" * 2000)), broker)
    tell(Outcome(ALICE, former=True, changes=["remove its conf"]), broker)
    assert broker.reports == [
        ("alice", DeploymentReport(changes=["restart"])),
        ("alice", DeploymentReport(error="x" * 1000)),
        ("alice", DeploymentReport(changes=["remove its conf"], former=True)),
    ]


def test_a_broker_that_is_gone_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    tell(Outcome(ALICE, changes=["restart"]), FakeBroker(gone=True))
    assert caplog.messages == ["alice: the broker was not told: no broker"]


def test_wishes_are_taken_by_name() -> None:
    found = wishes_of([container("alice", Wanted.STOPPED), container("bob")])
    assert found == {"alice": Wanted.STOPPED, "bob": None}


@pytest.mark.parametrize("name", ["../../etc", "", "operator", "a/b", "h-alice-and-more"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(InputError):
        wishes_of([container(name, Wanted.PURGED)])

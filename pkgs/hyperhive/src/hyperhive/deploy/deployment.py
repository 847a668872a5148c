"""Does what the operator approved, or puts everything back.

Root trusts of the broker which approval is approved, and with which commit: nobody else knows. What
the commit holds it finds out itself, and what may be done with it from the declaration.

A deploy is a transaction. What there was is on the disk before anything is touched; what was done
is on the disk before the commit to the deploy repository, the one moment at which it has happened;
that is told before what was written down goes. So whoever comes next, the unit again or reconcile,
knows what is left to do (`recovery`).
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from hyperhive.deploy.approved import check_room, read_layers, write_layer
from hyperhive.deploy.broker import wishes_of
from hyperhive.deploy.commands import CommandError
from hyperhive.deploy.desired import Wishes
from hyperhive.deploy.hello import HELLO_SECONDS, wait_for_hello
from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import PatientBroker
from hyperhive.deploy.reconcile import Reconciliation
from hyperhive.deploy.recovery import (
    StuckError,
    announce,
    happened,
    put_right,
    take_back,
    with_more,
)
from hyperhive.deploy.rendering import commit_message
from hyperhive.deploy.repository import Repository
from hyperhive.deploy.run_log import RunLog
from hyperhive.deploy.task import Outcome, as_hyperhive_error
from hyperhive.deploy.transaction import Transaction, look, write_transaction
from hyperhive.errors import HyperhiveError, InputError, RefusedError
from hyperhive.hive.members import Approved, Spawned, with_approved
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.hive.proposal import EXTRA_NIX, parse_proposal
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.operator.approval_models import Deployable, DeployOutcome
from hyperhive.store.approval_states import UNFINISHED, ApprovalKind, ApprovalState
from hyperhive.store.container_rows import GONE
from hyperhive.wire.git_objects import ObjectsError, is_sha, read_objects, verified

logger: Final = logging.getLogger(__name__)

FIRST_SECONDS: Final = 20.0
"""How long the broker is waited for before anything has begun: it has just asked for this."""

_LEAST_SHA: Final = 12
"""Digits of a commit's id in a message of the journal."""


class FailedError(HyperhiveError):
    """An approval could not be deployed, and the broker knows."""

    exit_code = 4


@dataclass(frozen=True, slots=True)
class Deployment:
    """One approval, from the question what it is to the answer what became of it.

    Attributes:
        id: of the approval.
        declared: reads the hive as it is declared.
        host: the host.
        broker: the broker.
        hello_seconds: how long the agent's harness may take to say hello.
    """

    id: int
    declared: Callable[[], HiveConfig]
    host: Host
    broker: PatientBroker
    hello_seconds: float = HELLO_SECONDS

    def run(self) -> None:
        """Do it. Where it was done already and not told, it is told.

        Raises:
            InputError: there is no such approval, or it is not to be deployed; nothing is changed.
            FailedError: it could not be done; everything is put back.
            NoBrokerError: the broker does not answer; what is left to be said, the next run says.
            StuckError: not even putting files back could be done, and the broker was told so if it
                answers; the next run goes on.
        """
        with self.host.alone(), RunLog() as log:
            repository = Repository(self.host.paths.hive.deploy)
            repository.prepare()
            try:
                recovered = self._recovered(repository)
            except StuckError as stuck:
                self._tell_stuck(stuck, log)
                raise
            if recovered:
                return
            asked = self._approved()
            name = parse_agent_name(asked.agent)
            try:
                state = self.broker.tell(self.id, lambda broker: broker.begin_deploy(self.id))
            except RefusedError as error:
                if asked.kind is ApprovalKind.SPAWN and name in self.declared().agents:
                    self._fail_untouched(name, error, log)
                raise  # Another one comes first; the broker has it tried again.
            if state is not ApprovalState.BUILDING:
                raise _closed(self.id, state)
            try:
                layer = self._layer(asked, name)
                transaction = self._begin(asked, name, repository)
            except (HyperhiveError, OSError) as error:
                self._fail_untouched(name, as_hyperhive_error(error), log)
            try:
                transaction = self._apply(transaction, layer)
                write_transaction(self.host.paths, transaction)
                repository.record(transaction.subject)
            except (HyperhiveError, OSError) as error:
                # What failed may have come after the one moment.
                if not happened(transaction, repository):
                    try:
                        self._fail(transaction, as_hyperhive_error(error), log, repository)
                    except StuckError as stuck:
                        self._tell_stuck(stuck, log)
                        raise
            logger.info(
                "%s: approval %d is deployed: %s", name, self.id, "; ".join(transaction.changes),
                extra=fields(LogEvent.APPROVAL_DEPLOYED, agent=name, approval=self.id),
            )  # fmt: skip
            announce(transaction, self.host, self.broker)

    def _wishes(self) -> Wishes:
        return wishes_of(self.broker.ask(lambda broker: broker.containers()))

    def _recovered(self, repository: Repository) -> bool:
        """See to a deploy that was cut short; whether it was this one, and has happened.

        Raises:
            FailedError: it was this one, and had failed.
        """
        untold = put_right(self.host, repository, self._wishes)
        if untold is None:
            return False
        announce(untold, self.host, self.broker)
        if untold.id == self.id and untold.undone:
            raise FailedError(untold.error, f"see hyperhive show {self.id}")
        return untold.id == self.id

    def _approved(self) -> Deployable:
        """The approval, which is to be deployed.

        Raises:
            InputError: it is not, or what the broker says of it cannot be.
        """
        first = replace(self.broker, seconds=FIRST_SECONDS)
        asked = first.ask(lambda broker: broker.deployable(self.id))
        if asked.id != self.id or not is_sha(asked.commit):
            raise InputError(
                f"the broker answers for approval {self.id} with {asked.id} and the commit"
                f" {asked.commit[:40]!a}",
                "see the log of hyperhive.service",
            )
        parse_agent_name(asked.agent)
        if asked.state not in UNFINISHED:
            raise _closed(self.id, asked.state)
        return asked

    def _layer(self, asked: Deployable, name: AgentName) -> Approved:
        """What is approved of the agent once this is deployed.

        Raises:
            HyperhiveError: the commit is not what its id says, or not what may be deployed now.
        """
        try:
            commit = verified(asked.commit, read_objects(asked.objects))
        except ObjectsError as error:
            raise HyperhiveError(f"approval {self.id}: {error}", "propose it again") from None
        files = parse_proposal(commit.files, extra_nix=EXTRA_NIX in commit.files).files
        layers = read_layers(self.host.paths.hive.approved).approved
        declared = self.declared()
        before = layers.get(name)
        spawned = None if before is None else before.spawned
        if asked.kind is ApprovalKind.SPAWN:
            if name in declared.agents or spawned is not None:
                raise HyperhiveError(f"there is an agent {name} already", "choose another name")
            spawned = Spawned(asked.description, self.id)
        elif name not in declared.agents and spawned is None:
            raise HyperhiveError(f"the hive has no agent {name}", "see hyperhive agents")
        layer = Approved(files, spawned)
        members = with_approved(declared, {**layers, name: layer})
        if name in members.problems:
            raise members.problems[name]
        most = declared.hive.spawn.most
        if asked.kind is ApprovalKind.SPAWN and len(members.spawned) > most:
            raise HyperhiveError(
                f"the hive has its {most} spawned agents already",
                "purge one of them, or declare a larger hive.spawn.most",
            )
        if EXTRA_NIX in files:
            check_room(self.host.paths.hive.deploy, name)
        return layer

    def _begin(self, asked: Deployable, name: AgentName, repository: Repository) -> Transaction:
        """Write down what there is.

        Raises:
            HyperhiveError: the operator does not want the agent any more; or it cannot be done.
        """
        wanted = self._wishes().get(name)
        if wanted in GONE and asked.kind is not ApprovalKind.SPAWN:
            raise HyperhiveError(
                f"{name} is {wanted}", f"hyperhive agent start {name} makes it again"
            )
        repository.commit(commit_message(repository.changed()))
        transaction = Transaction(
            self.id, name, asked.commit, repository.head(), look(self.host, name, wanted)
        )
        write_transaction(self.host.paths, transaction)
        logger.info(
            "%s: deploying approval %d (%s)", name, self.id, asked.commit[:_LEAST_SHA],
            extra=fields(agent=name, approval=self.id),
        )  # fmt: skip
        return transaction

    def _apply(self, transaction: Transaction, layer: Approved) -> Transaction:
        """Have the agent run with what is approved, and see that it does.

        Raises:
            HyperhiveError: it does not.
            OSError: something cannot be written.
        """
        name, paths = transaction.agent, self.host.paths
        write_layer(paths.hive.approved / name, layer)
        run = Reconciliation(self.declared, self._wishes, name, self.host, builds_alone=True)
        outcomes: list[Outcome] = run.run(lambda _: None)
        [outcome] = outcomes
        if run.silence is not None:
            raise run.silence
        if outcome.error is not None:
            raise outcome.error
        if outcome.former:
            raise HyperhiveError(f"{name} was destroyed meanwhile", "propose it again")
        self.host.progress(f"waiting for {name} to say hello")
        wait_for_hello(
            name, self.host, self.broker, lambda: run.is_to_run(name), self.hello_seconds
        )
        now = self.broker.ask(lambda broker: broker.deployable(self.id))
        if (now.state, now.commit) != (ApprovalState.BUILDING, transaction.commit):
            raise HyperhiveError(
                f"approval {self.id} became {now.state} meanwhile", "propose it again"
            )
        return replace(transaction, changes=tuple(outcome.changes))

    def _fail_untouched(self, name: AgentName, error: HyperhiveError, log: RunLog) -> None:
        """Say that it failed before anything was touched.

        Raises:
            FailedError: always, unless the broker does not answer.
        """
        self._log(name, error)
        outcome = DeployOutcome(error=_in_a_line(error), log=list(log.lines))
        self.broker.tell(self.id, lambda broker: broker.end_deploy(self.id, outcome))
        raise FailedError(error.what, error.todo) from error

    def _fail(
        self, begun: Transaction, error: HyperhiveError, log: RunLog, repository: Repository
    ) -> None:
        """Put everything back, and say that it failed.

        Raises:
            FailedError: always, unless the broker does not answer or not all can be put back.
        """
        self._log(begun.agent, error)
        cause = error if isinstance(error, CommandError) else error.__cause__
        if isinstance(cause, CommandError):
            log.add_missing(cause.lines)
        failed = replace(begun, error=_in_a_line(error), log=log.lines)
        write_transaction(self.host.paths, failed)
        undone = take_back(failed, self.host, repository, self._wishes)
        assert undone is not None, "it says why it failed"
        announce(undone, self.host, self.broker)
        raise FailedError(error.what, error.todo) from error

    def _tell_stuck(self, stuck: StuckError, log: RunLog) -> None:
        """Say that it failed and that not everything could be put back, if the broker answers."""
        begun, error = stuck.transaction, stuck.what
        if begun.id == self.id:
            error = with_more(
                begun.error or "it was cut short", f"not everything is put back: {stuck.what}"
            )
        outcome = DeployOutcome(error=error[:900], log=list(log.lines))
        soon = replace(self.broker, seconds=FIRST_SECONDS)
        with suppress(HyperhiveError):
            soon.tell(self.id, lambda broker: broker.end_deploy(self.id, outcome))

    def _log(self, name: AgentName, error: HyperhiveError) -> None:
        logger.error(
            "%s: approval %d failed: %s", name, self.id, _in_a_line(error),
            extra=fields(LogEvent.APPROVAL_FAILED, agent=name, approval=self.id),
        )  # fmt: skip


def _closed(id: int, state: ApprovalState) -> InputError:
    return InputError(
        f"approval {id} is {state}: there is nothing to be done", "see hyperhive approvals --all"
    )


def _in_a_line(error: HyperhiveError) -> str:
    text = f"{error.what} ({error.todo})" if error.todo else error.what
    return " ".join(text.split())[:900]

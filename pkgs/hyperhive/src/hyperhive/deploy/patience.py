"""Asks a broker that may be away for a while: it restarts, and what was deployed has to be told."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from hyperhive.deploy.broker import Broker
from hyperhive.errors import HyperhiveError, InputError, RefusedError
from hyperhive.operator.approval_models import Approval, Deployable, DeployOutcome
from hyperhive.operator.models import Agent
from hyperhive.store.approval_states import UNFINISHED, ApprovalState

PATIENCE_SECONDS: Final = 300.0
"""How long a broker that does not answer is waited for while a deploy is under way."""

_PAUSE: Final = 0.5

T = TypeVar("T")


class DeployBroker(Broker, Protocol):
    """The part of `operator.client.OperatorClient` that doing an approval needs."""

    def agent(self, name: str) -> Agent:
        """One agent."""

    def deployable(self, id: int) -> Deployable:
        """What it takes to do an approval."""

    def begin_deploy(self, id: int) -> Approval:
        """Says that an approval is being done; saying it again changes nothing."""

    def end_deploy(self, id: int, outcome: DeployOutcome) -> Approval:
        """Says how doing an approval ended."""


ConnectBroker = Callable[[], AbstractContextManager[DeployBroker]]
"""Opens a connection to the broker; raises NoBrokerError where there is none."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time for whoever waits.

    Attributes:
        now: seconds of a clock that does not jump.
        pause: waits for so many seconds.
    """

    now: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class PatientBroker:
    """The broker, waited for.

    Attributes:
        seconds: how long.
    """

    connect: ConnectBroker
    clock: Clock = Clock()
    seconds: float = PATIENCE_SECONDS

    def ask(self, question: Callable[[DeployBroker], T]) -> T:
        """Ask something that changes nothing, until it is answered.

        Raises:
            InputError: the answer is that there is no such thing.
            HyperhiveError: nobody answered in time.
        """
        deadline = self.clock.now() + self.seconds
        while True:
            try:
                with self.connect() as broker:
                    return question(broker)
            except InputError:
                raise
            except HyperhiveError:
                if self.clock.now() >= deadline:
                    raise
            self.clock.pause(_PAUSE)

    def tell(self, id: int, message: Callable[[DeployBroker], Approval]) -> ApprovalState:
        """Say something of an approval until it is heard, or the approval is closed; its state.

        Raises:
            InputError: there is no such approval.
            RefusedError: the broker does not take it.
            HyperhiveError: nobody took it in time.
        """
        deadline = self.clock.now() + self.seconds
        while True:
            try:
                with self.connect() as broker:
                    return message(broker).state
            except InputError:
                raise
            except HyperhiveError as error:
                # It may have been heard, and the answer lost; or somebody else was first.
                state = self.ask(lambda broker: broker.deployable(id)).state
                if state not in UNFINISHED:
                    return state
                if isinstance(error, RefusedError) or self.clock.now() >= deadline:
                    raise
            self.clock.pause(_PAUSE)

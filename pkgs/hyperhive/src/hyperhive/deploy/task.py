"""An agent, what is to be done for it, and what became of it."""

from dataclasses import dataclass, field
from typing import Self

from hyperhive.deploy.plan import Place, Plan
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName


@dataclass(slots=True)
class Outcome:
    """What became of an agent.

    Attributes:
        former: whether it has no container any more.
        changes: what was done, or is to be done.
        error: what failed; None: nothing.
    """

    agent: AgentName
    former: bool = False
    changes: list[str] = field(default_factory=list)
    error: HyperhiveError | None = None

    @classmethod
    def of_both(cls, first: Self, second: Self) -> Self:
        """Of two runs, one after the other: what the second says holds."""
        changes = [*first.changes, *second.changes]
        return cls(second.agent, second.former, changes, second.error)


@dataclass(slots=True)
class Task:
    """An agent and what is to be done for it.

    Attributes:
        given_up: whether something failed that what is left to be done needs.
    """

    place: Place
    plan: Plan
    outcome: Outcome
    given_up: bool = False

    def fail(self, error: HyperhiveError, *, gives_up: bool = True) -> None:
        """Something failed; the first such thing is the outcome's error."""
        self.outcome.error = self.outcome.error or error
        self.given_up |= gives_up


def as_hyperhive_error(error: HyperhiveError | OSError) -> HyperhiveError:
    """An error for the reader."""
    if isinstance(error, HyperhiveError):
        return error
    where = f"{error.filename}: " if error.filename else ""
    return HyperhiveError(f"{where}{error.strerror or error}", "mend it, and run this again")

"""What is told at once, and what is told together: a crash loop is one thing, not a hundred.

The first event of a kind from an agent is told at once. Those that follow within a minute are held,
and told together at its end; while they go on, the time doubles, up to an hour. A time in which
nothing came ends the burst.
"""

from dataclasses import dataclass, replace
from typing import Final

from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.notices import Notice

FIRST_SECONDS: Final = 60.0
LONGEST_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Burst:
    """Events of one kind from one agent, the last of which was told a short time ago.

    Attributes:
        until: when those held since then are told.
        seconds: how long that is after the last time.
        held: they, as one notice.
    """

    event: NotifyEvent
    agent: str
    until: float
    seconds: float
    held: Notice | None = None

    def is_over(self, now: float) -> bool:
        """Whether its time is over; or the clock was set back, and the time means nothing."""
        return not self.until - self.seconds <= now < self.until


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the operator has been told.

    Attributes:
        after: the last event that was dealt with.
    """

    after: int
    bursts: tuple[Burst, ...] = ()

    def passed(self, event: int) -> "Progress":
        """The same after an event that nobody is told of."""
        return replace(self, after=event)

    def take(self, event: int, notice: Notice, now: float) -> tuple["Progress", Notice | None]:
        """The progress after an event, and what is to be told for that; None: it is held."""
        current = next((b for b in self.bursts if _key(b) == _key(notice)), None)
        others = tuple(burst for burst in self.bursts if burst is not current)
        if current is None or (current.held is None and current.is_over(now)):
            burst = Burst(notice.event, notice.agent, now + FIRST_SECONDS, FIRST_SECONDS)
            return Progress(event, (*others, burst)), notice
        count = 1 if current.held is None else current.held.count + 1
        burst = replace(current, held=replace(notice, count=count))
        return Progress(event, (*others, burst)), None

    def expire(self, now: float) -> tuple["Progress", Notice | None]:
        """The progress after a look at the clock, and what is to be told for that.

        Look again until it is nothing.
        """
        kept = tuple(b for b in self.bursts if b.held is not None or not b.is_over(now))
        due = min(
            (burst for burst in kept if burst.held is not None and burst.is_over(now)),
            key=lambda burst: burst.until,
            default=None,
        )
        if due is None:
            return replace(self, bursts=kept), None
        seconds = min(2 * due.seconds, LONGEST_SECONDS)
        told = replace(due, until=now + seconds, seconds=seconds, held=None)
        return replace(self, bursts=(*(b for b in kept if b is not due), told)), due.held

    @property
    def next_due(self) -> float | None:
        """When something held is to be told."""
        return min((b.until for b in self.bursts if b.held is not None), default=None)


def _key(of: Burst | Notice) -> tuple[NotifyEvent, str]:
    return of.event, of.agent

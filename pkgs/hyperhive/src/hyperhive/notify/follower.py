"""Follows the broker's events, and passes on those that the operator is told of."""

import logging
import queue
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.notices import Notice, needed_for, notice_of
from hyperhive.operator.approval_models import Approval
from hyperhive.operator.client import OperatorClient, connect
from hyperhive.operator.models import Event, Question

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 2.0
"""Seconds between two attempts to reach the broker."""

MOST_PASSED: Final = 1000
"""Events that nobody is told of, after which it is said how far this is: not to look at all of them
again after a restart."""

MOST_WAITING: Final = 100
"""Notices that wait for the program; then the broker is not read from."""

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Followed:
    """How far the broker's events have been followed, and what there was to tell; None: nothing."""

    event: int
    notice: Notice | None


class Follower:
    """Reads in a thread of its own; what it finds is taken out of `found` in another.

    Attributes:
        found: what was followed, in order; or the error that ended it, a bug.
    """

    def __init__(self, socket: Path, wanted: Collection[NotifyEvent], after: int | None) -> None:
        """Args: after: the last event that was dealt with; None: what has happened is not told."""
        self.found: queue.Queue[Followed | Exception] = queue.Queue(MOST_WAITING)
        self._socket = socket
        self._wanted = frozenset(wanted)
        self._after = after
        self._put_last = after
        self._pause = 0.0

    def run(self) -> None:
        """Follow the events for ever."""
        try:
            while True:
                self._follow()
        except Exception as error:  # noqa: BLE001 - the top of the thread
            self.found.put(error)

    def _follow(self) -> None:
        """Follow the events until the broker ends, and wait a while."""
        try:
            with connect(self._socket) as broker:
                after = self._begin(broker)
                for event in broker.follow(agent=None, after=after):
                    self._take(broker, event)
                    self._has_answered()
        except HyperhiveError as error:
            if self._pause == 0:
                logger.warning("the broker cannot be followed, and will be later: %s", error)
        self._pause = min(max(2 * self._pause, SHORTEST_PAUSE), LONGEST_PAUSE)
        time.sleep(self._pause)

    def _begin(self, broker: OperatorClient) -> int:
        """The event after which to go on."""
        newest = broker.events(agent=None, after=None, limit=1)
        last = newest[-1].id if newest else 0
        self._has_answered()
        if self._after is None:
            self._after = last
            self._put(None)
        elif self._after > last:
            # Another store than before: its events are counted anew.
            logger.warning("the broker's history is another one; what is in it is not told")
            self._after = last
            self._put(None)
        return self._after

    def _take(self, broker: OperatorClient, event: Event) -> None:
        why = needed_for(event)
        notice = None
        if why in self._wanted:
            notice = notice_of(why, event, _asked(broker, why, event))
        self._after = event.id
        if notice is not None or event.id >= (self._put_last or 0) + MOST_PASSED:
            self._put(notice)

    def _put(self, notice: Notice | None) -> None:
        assert self._after is not None
        self.found.put(Followed(self._after, notice))
        self._put_last = self._after

    def _has_answered(self) -> None:
        if self._pause:
            logger.info("the broker can be followed again")
        self._pause = 0.0


def _asked(
    broker: OperatorClient, why: NotifyEvent | None, event: Event
) -> Question | Approval | None:
    """What the event asks of the operator; None: nothing, or something that is gone."""
    try:
        match why:
            case NotifyEvent.QUESTION:
                return broker.question(event.data["id"])
            case NotifyEvent.APPROVAL:
                return broker.approval_row(event.data["id"])
    except InputError:
        pass
    return None

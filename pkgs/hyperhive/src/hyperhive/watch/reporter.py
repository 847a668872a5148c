"""Tells the broker, again and again until it has heard."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import AgentName
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.operator.client import connect
from hyperhive.operator.hosting_models import Container, ContainerReport, CrashReport
from hyperhive.systemd.unit_signals import Seen
from hyperhive.watch.changes import Change, Tracker
from hyperhive.watch.containers import agent_of, last_seen, unit_of
from hyperhive.watch.outbox import Outbox

LINES: Final = 20
"""Of a crashed container's journal."""

SETTLED_SECONDS: Final = 0.1
"""When the journal has what systemd and the container said at a crash: each goes its own way to
journald, and D-Bus is the shorter one."""

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
"""Seconds between two attempts to tell the broker something."""

LastLines = Callable[[str, int, str | None], list[str]]
"""Gives the last lines of a unit's run, as `systemd.journal_reader.last_lines` does."""

logger: Final = logging.getLogger(__name__)


class Reporter:
    """Takes what has changed, in one thread, and tells the broker, in another."""

    def __init__(self, socket: Path, last_lines: LastLines, clock: Callable[[], float]) -> None:
        """Args: socket: the operator's. clock: seconds since the epoch."""
        self._socket = socket
        self._last_lines = last_lines
        self._clock = clock
        self._outbox = Outbox()
        self._pause = 0.0

    def put(self, changes: Sequence[Change]) -> None:
        """Take what has changed."""
        for agent, report in _reports(changes, self._clock()):
            self._outbox.put(agent, report)

    def close(self) -> None:
        """Have `run` return."""
        self._outbox.close()

    def run(self, listing: Sequence[Seen], at: float) -> None:
        """Tell the broker what it does not know, until this is closed.

        Args:
            listing: the units as they were at the start. What changed before is found out by
                comparing them with what the broker knows.
            at: when that was: the broker takes no state that is older than what it was told.
        """
        containers = self._known()
        if containers is None:
            return
        known = [unit for unit in map(last_seen, containers) if unit]
        missed = _reports(Tracker(known).see_all(listing), at)
        for agent, report in reversed(missed):
            self._outbox.put_first(agent, report)
        while taken := self._outbox.take():
            if not self._tell(*taken):
                return

    def _known(self) -> list[Container] | None:
        """What the broker knows; None: this was closed before it said."""
        while True:
            try:
                with connect(self._socket) as broker:
                    containers = broker.containers()
            except HyperhiveError as error:
                if not self._wait(error):
                    return None
            else:
                self._has_answered()
                return containers

    def _tell(self, agent: AgentName, report: ContainerReport) -> bool:
        """Tell one thing, or put it back and wait a while; whether to go on."""
        report = self._with_lines(agent, report)
        try:
            with connect(self._socket) as broker:
                broker.report_container(agent, report)
        except InputError as error:
            # It would be no better the next time: a container that is none of the hive's.
            extra = fields(agent=agent)
            logger.warning("the broker wants no report of %s: %s", agent, error, extra=extra)
        except HyperhiveError as error:
            self._outbox.put_first(agent, report)
            return self._wait(error)
        self._has_answered()
        return True

    def _wait(self, error: HyperhiveError) -> bool:
        if self._pause == 0:
            logger.warning("the broker cannot be told, and will be later: %s", error)
        self._pause = min(max(2 * self._pause, SHORTEST_PAUSE), LONGEST_PAUSE)
        return self._outbox.pause(self._pause)

    def _has_answered(self) -> None:
        if self._pause:
            logger.info("the broker can be told again; %d more to tell", len(self._outbox))
        self._pause = 0.0

    def _with_lines(self, agent: AgentName, report: ContainerReport) -> ContainerReport:
        """The report with what the journal has of a crashed run."""
        if report.crash is None or report.crash.lines:
            return report
        self._outbox.pause(report.at + SETTLED_SECONDS - self._clock())
        unit = unit_of(agent)
        try:
            lines = self._last_lines(unit, LINES, report.invocation)
        except (HyperhiveError, OSError) as error:
            logger.warning("the journal of %s cannot be read: %s", unit, error)
            return report
        crash = report.crash.model_copy(update={"lines": lines})
        return report.model_copy(update={"crash": crash})


def _reports(changes: Sequence[Change], at: float) -> list[tuple[AgentName, ContainerReport]]:
    found = []
    for change in changes:
        agent = agent_of(change.unit)
        if agent is not None:
            found.append((agent, _report(agent, change, at)))
    return found


def _report(agent: AgentName, change: Change, at: float) -> ContainerReport:
    crash, end = None, change.crash
    if end:
        crash = CrashReport(result=end.result, status=end.status)
        event, level, said = LogEvent.CONTAINER_CRASHED, logging.WARNING, "crashed"
    else:
        event, level, said = LogEvent.CONTAINER_CHANGED, logging.INFO, change.state.value
    reason = f": {change.reason}" if change.reason else ""
    extra = fields(event, agent=agent)
    logger.log(level, "the container of %s: %s%s", agent, said, reason, extra=extra)
    return ContainerReport(
        state=change.state,
        reason=change.reason,
        at=at,
        invocation=change.invocation,
        crash=crash,
    )

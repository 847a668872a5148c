"""Reports that the broker has not taken yet."""

import threading
from collections import OrderedDict, deque

from hyperhive.hive.names import AgentName
from hyperhive.operator.hosting_models import ContainerReport


class Outbox:
    """Keeps reports in order for each agent, from one thread to another.

    Of states that nobody has been told of, only an agent's last one is kept; a crash is kept until
    it is taken. So it stays small however long the broker is away.
    """

    def __init__(self) -> None:
        self._filled = threading.Condition()
        self._waiting: OrderedDict[AgentName, deque[ContainerReport]] = OrderedDict()
        self._closed = False

    def __len__(self) -> int:
        with self._filled:
            return sum(map(len, self._waiting.values()))

    def put(self, agent: AgentName, report: ContainerReport) -> None:
        """Add what was seen last of an agent."""
        with self._filled:
            reports = self._waiting.setdefault(agent, deque())
            if reports and reports[-1].crash is None:
                reports.pop()
            reports.append(report)
            self._filled.notify()

    def put_first(self, agent: AgentName, report: ContainerReport) -> None:
        """Add what was seen of an agent before all that waits: back, or late.

        The agent's turn comes after that of the others, so that trouble with one keeps none back.
        """
        with self._filled:
            reports = self._waiting.setdefault(agent, deque())
            if not reports or report.crash is not None:
                reports.appendleft(report)
            self._waiting.move_to_end(agent)
            self._filled.notify()

    def take(self) -> tuple[AgentName, ContainerReport] | None:
        """Wait for a report, and take it out; None once this is closed."""
        with self._filled:
            self._filled.wait_for(lambda: self._closed or bool(self._waiting))
            if self._closed:
                return None
            agent, reports = next(iter(self._waiting.items()))
            report = reports.popleft()
            if not reports:
                del self._waiting[agent]
            return agent, report

    def pause(self, seconds: float) -> bool:
        """Wait for `seconds`, or until this is closed.

        Returns:
            Whether it is still open.
        """
        with self._filled:
            self._filled.wait_for(lambda: self._closed, seconds)
            return not self._closed

    def close(self) -> None:
        """Have `take` and `pause` return at once, now and from now on."""
        with self._filled:
            self._closed = True
            self._filled.notify_all()

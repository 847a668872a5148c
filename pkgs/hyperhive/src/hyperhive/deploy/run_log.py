"""The last lines of what a run logged, for whoever is told that it failed."""

import logging
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from hyperhive.logs import shortened, visible
from hyperhive.operator.approval_models import MOST_LOG_LINES

_MOST_IN_LINE: Final = 1000


class RunLog(logging.Handler):
    """Keeps the last lines while it is entered."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[str] = deque(maxlen=MOST_LOG_LINES)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines so far, the newest last."""
        return tuple(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        for line in record.getMessage().splitlines():
            self.add(line)

    def add_missing(self, lines: Sequence[str]) -> None:
        """Keep lines that may have been too many for the log, unless it has them."""
        if not set(lines[-1:]) <= set(self._lines):
            for line in lines:
                self.add(line)

    def add(self, line: str) -> None:
        """Keep a line."""
        self._lines.append(shortened(visible(line.replace("\n", " ")), _MOST_IN_LINE))

    def __enter__(self) -> "RunLog":
        self._logger = logging.getLogger("hyperhive.deploy")
        self._logger.addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._logger.removeHandler(self)

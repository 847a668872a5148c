"""Log lines on standard error, as the journal reads them."""

import logging
import sys
from typing import Final

_PRIORITIES: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}


def log_to_stderr(in_journal: bool) -> None:
    """Log from INFO on.

    Args:
        in_journal: standard error is the journal (JOURNAL_STREAM is set): begin each line with its
            priority in angle brackets (sd-daemon(3)), else with the time, which the journal has.
    """
    handler = logging.StreamHandler(sys.stderr)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(_JournalFormatter() if in_journal else plain)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _JournalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())

"""Where daemons log: standard error, with priorities where the journal reads it."""

import logging
import os
import sys
from typing import Final

_PRIORITIES: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}


def log_to_stderr(source: str) -> None:
    """Logs from INFO on.

    Where standard error is the journal (JOURNAL_STREAM is set), each line begins with its priority
    in angle brackets (sd-daemon(3)); elsewhere with the time, and `source`, which the journal has.
    """
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(_JournalFormatter("%(message)s"))
    else:
        form = f"%(asctime)s.%(msecs)03d {source} %(levelname).1s %(message)s"
        handler.setFormatter(logging.Formatter(form, datefmt="%H:%M:%S"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


class _JournalFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = f"<{_PRIORITIES.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())

"""Where daemons log: standard error, with priorities where the journal reads it."""

import logging
import os
import sys
from typing import Final

from hyperhive.log_events import LogEvent

_PRIORITIES: Final = {
    logging.CRITICAL: 2,
    logging.ERROR: 3,
    logging.WARNING: 4,
    logging.INFO: 6,
    logging.DEBUG: 7,
}

_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}


def fields(
    event: LogEvent | None = None,
    *,
    agent: str | None = None,
    turn: int | None = None,
    approval: int | None = None,
    **more: str | int,
) -> dict[str, dict[str, str]]:
    """The `extra` of a log call: fields of the entry in the journal.

    Args:
        event: its kind, as MESSAGE_ID.
        agent, turn, approval: HYPERHIVE_AGENT, HYPERHIVE_TURN, HYPERHIVE_APPROVAL.
        more: further fields, named in capitals.
    """
    named = {
        "MESSAGE_ID": event,
        "HYPERHIVE_AGENT": agent,
        "HYPERHIVE_TURN": turn,
        "HYPERHIVE_APPROVAL": approval,
        **more,
    }
    return {"journal": {name: str(value) for name, value in named.items() if value is not None}}


def visible(text: str) -> str:
    """The text with control characters as escapes (`\\x1b`); line ends and tabs stay.

    So nothing of it acts on a terminal, and no program takes it for binary data.
    """
    return text.translate(_CONTROLS)


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

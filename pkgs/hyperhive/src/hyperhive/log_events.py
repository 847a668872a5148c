"""Kinds of events in the journal, each with a MESSAGE_ID of its own (systemd.journal-fields(7)).

`hyperhive.catalog` has a text for each (journald's catalog format); a test holds both together.
"""

from enum import StrEnum


class LogEvent(StrEnum):
    """An event that is worth finding again: `journalctl MESSAGE_ID=…`."""

    BROKER_STARTED = "d46b0ce2c63d48c1b4e1925aebe93f71"
    BROKER_STOPPED = "226436f9078e471f838625c8872d7696"
    HARNESS_CONNECTED = "e35fa7916ff44f60870bb869c2e364d3"
    HARNESS_DISCONNECTED = "14952d44b119431da27bbfe3a5963e69"
    HARNESS_CRASHED = "f613c52a43cd4bc891ef3fe2aa5f1fe5"
    PEER_REFUSED = "e1775b85a9d04241aa957e30c55b242a"
    TURN_STARTED = "3af2014695c545d78ce6bd623ad5caa1"
    TURN_ENDED = "41be65ccc55c4042b86e867402b70f52"
    CONTAINER_CRASHED = "013cd1c437df406daaf78f0d6ff06148"
    CONTAINER_CHANGED = "09fac9f4c0064e2691c01fa8251a90fe"
    AGENT_RECONCILED = "5ad2a0c5dbb14823b1860c7ffa438cc4"
    AGENT_RECONCILE_FAILED = "cf067506846c43c2a3fe06119950943f"
    ROOT_MENDED = "8baf61572bed450f9ef25b773f5d47b3"
    STATE_REOWNED = "b501034cff7b46d99deed676c8f23c51"
    HISTORY_REMOVED = "3e8d2575a1e74d43910e03661987924b"
    LOOP_GUARD = "a0642a3c94e54776a737a8262b5e1f34"
    OPERATOR_ACTED = "1488071652d24512939429560f604b53"
    OPERATOR_NOT_TOLD = "c3eaf7ba65e34d4982b30217bab11865"

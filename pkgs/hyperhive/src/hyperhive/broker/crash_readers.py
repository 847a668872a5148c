"""Who is told that an agent's container or harness crashed."""

from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import OPERATOR


def crash_reader(hive: HiveConfig, agent: str) -> str:
    """The manager; the operator where the hive has none, or where it is the manager that crashed
    and can do nothing about it."""
    manager = hive.manager
    return OPERATOR if manager is None or manager == agent else manager

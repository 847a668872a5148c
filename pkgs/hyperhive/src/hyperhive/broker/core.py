"""What every part of the broker works on: the hive, its store, the bus and the clock."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from hyperhive.broker.bus import Bus
from hyperhive.broker.harnesses import Harnesses
from hyperhive.broker.housekeeping import Housekeeping
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.store.database import Store


def _fresh_session() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class Core:
    """The broker's common ground.

    Attributes:
        hive: the declared hive.
        paths: where its sockets and files are.
        clock: seconds since the epoch.
        housekeeping: removes history past its time.
        harnesses: those that are connected.
        fresh_session: a new session's UUID.
        nonce: unpredictable text for the marks around a message.
    """

    hive: HiveConfig
    paths: StatePaths
    store: Store
    bus: Bus
    clock: Callable[[], float]
    housekeeping: Housekeeping
    harnesses: Harnesses = field(default_factory=Harnesses)
    fresh_session: Callable[[], str] = _fresh_session
    nonce: Callable[[], str] = field(default=lambda: secrets.token_hex(8))

"""What every part of the broker works on: the hive, its store, the bus and the clock."""

import secrets
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyperhive.broker.bus import Bus
from hyperhive.broker.harnesses import Harnesses
from hyperhive.broker.housekeeping import Housekeeping
from hyperhive.broker.lifecycle import Lifecycle, Unmanaged
from hyperhive.hive.members import Members
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.paths import StatePaths
from hyperhive.store.database import Store

if TYPE_CHECKING:
    from hyperhive.broker.approvals.service import Approvals
    from hyperhive.broker.membership import Membership


def _fresh_session() -> str:
    return str(uuid.uuid4())


@dataclass(slots=True)
class Core:
    """The broker's common ground.

    Attributes:
        members: who is in the hive, as it is declared and as approvals have changed it. Others have
            `membership` change it.
        paths: where its sockets and files are.
        clock: seconds since the epoch.
        housekeeping: removes history past its time.
        harnesses: those that are connected.
        fresh_session: a new session's UUID.
        nonce: unpredictable text for the marks around a message.
        lifecycle: starts and stops agents; set once, by who has the broker run.
        membership: brings the hive in line with what is approved; set once, by the broker.
        approvals: takes and does what the operator approves; set once, by the broker. Who has the
            broker run has it `resume` once `lifecycle` is set.
    """

    members: Members
    paths: StatePaths
    store: Store
    bus: Bus
    clock: Callable[[], float]
    housekeeping: Housekeeping
    harnesses: Harnesses = field(default_factory=Harnesses)
    fresh_session: Callable[[], str] = _fresh_session
    nonce: Callable[[], str] = field(default=lambda: secrets.token_hex(8))
    lifecycle: Lifecycle = field(default_factory=Unmanaged)
    membership: "Membership" = field(init=False)
    approvals: "Approvals" = field(init=False)

    @property
    def hive(self) -> HiveConfig:
        """The hive as it is now. Ask for it anew each time: an approval may have changed it."""
        return self.members.hive

"""The system that each agent's container boots: which one, and since when."""

import re
from dataclasses import dataclass
from typing import Final

from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths

_STORE_PATH: Final = re.compile(r"/nix/store/([0-9a-z]{32})-.*")


@dataclass(frozen=True, slots=True)
class System:
    """What a profile holds.

    Attributes:
        path: in the Nix store.
        since: when it was put there, seconds since the epoch.
    """

    path: str
    since: float

    @property
    def hash(self) -> str:
        """The beginning of its hash, enough to tell it from others."""
        found = _STORE_PATH.fullmatch(self.path)
        return found[1][:8] if found else self.path


def system_of(host: HostPaths, agent: AgentName) -> System | None:
    """The system of an agent's container; None: there is none, or it cannot be seen."""
    profile = host.container(agent).profile
    try:
        # The profile leads to its newest generation, a link that was made when that was.
        generation = profile.parent / profile.readlink()
        return System(str(generation.readlink()), generation.lstat().st_mtime)
    except OSError:
        return None

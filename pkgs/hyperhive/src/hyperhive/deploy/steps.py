"""What can be done for an agent, each step small enough to be done again after a crash."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

from hyperhive.deploy.ownership import Owner
from hyperhive.errors import HyperhiveError
from hyperhive.hive.uids import UidRange


@dataclass(frozen=True, slots=True)
class MakeDirectory:
    """Make a directory, or set its own owner and permissions."""

    path: Path
    owner: Owner
    exists: bool

    @property
    def words(self) -> str:
        return f"{'own' if self.exists else 'make'} {self.path.name}/"


@dataclass(frozen=True, slots=True)
class OwnTree:
    """Give a tree to another range. The container is down."""

    path: Path
    uids: UidRange

    @property
    def words(self) -> str:
        return f"give {self.path.name}/ to uids {self.uids.base}…{self.uids.last}"


@dataclass(frozen=True, slots=True)
class OwnSockets:
    """Make the directory of sockets reachable for the agent's range."""

    words: ClassVar[str] = "own its sockets"
    owner: Owner


@dataclass(frozen=True, slots=True)
class WriteConf:
    """Write the container's conf."""

    words: ClassVar[str] = "write its conf"
    content: bytes


@dataclass(frozen=True, slots=True)
class WriteDropIn:
    """Write the settings of the container's unit."""

    words: ClassVar[str] = "write its unit's settings"
    content: bytes


@dataclass(frozen=True, slots=True)
class Build:
    """Build the system and put it into the profile.

    Attributes:
        needed: whether the steps after it need it; else the system that is there will do.
    """

    words: ClassVar[str] = "build its system"
    digest: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the container."""

    words: ClassVar[str] = "stop"


@dataclass(frozen=True, slots=True)
class Start:
    """Start the container, which is down."""

    words: ClassVar[str] = "start"
    shape: str


@dataclass(frozen=True, slots=True)
class Restart:
    """Stop the container and start it with what has changed."""

    words: ClassVar[str] = "restart"
    shape: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Note down what the container, which is down, starts with when the operator has it start."""

    words: ClassVar[str] = "note down what it starts with"
    shape: str


@dataclass(frozen=True, slots=True)
class NoteRun:
    """Note down of which run alone the record tells what it was started with: another may begin
    while settings are written, with some of the old and some of the new. "": of any run."""

    words: ClassVar[str] = "note down which run its record is of"
    run: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Have the running container take up its new system."""

    words: ClassVar[str] = "switch to its system"
    shape: str


@dataclass(frozen=True, slots=True)
class RemoveProfile:
    """Remove its profile, what else keeps its systems from being collected, and the record."""

    words: ClassVar[str] = "remove its systems"


@dataclass(frozen=True, slots=True)
class RemoveConf:
    """Remove the conf."""

    words: ClassVar[str] = "remove its conf"


@dataclass(frozen=True, slots=True)
class RemoveDropIn:
    """Remove the settings of the unit."""

    words: ClassVar[str] = "remove its unit's settings"


@dataclass(frozen=True, slots=True)
class RemoveSockets:
    """Remove the directory of sockets."""

    words: ClassVar[str] = "remove its sockets"


@dataclass(frozen=True, slots=True)
class ForgetFailure:
    """Have systemd forget that the unit failed, and with it the unit."""

    words: ClassVar[str] = "forget its unit's failure"


@dataclass(frozen=True, slots=True)
class RemoveTree:
    """Remove a directory and all that is in it."""

    path: Path

    @property
    def words(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nothing more can be done for this agent."""

    error: HyperhiveError

    @property
    def words(self) -> str:
        return f"fail: {self.error.what}"


Step: TypeAlias = (
    MakeDirectory | OwnTree | OwnSockets | WriteConf | WriteDropIn | Build | Stop | Start | Restart
    | Remember | NoteRun | Switch | RemoveProfile | RemoveConf | RemoveDropIn | RemoveSockets
    | ForgetFailure | RemoveTree | Refuse
)  # fmt: skip

BOOKKEEPING: Final = (Remember, NoteRun)
"""Steps that nobody but the next run knows of."""

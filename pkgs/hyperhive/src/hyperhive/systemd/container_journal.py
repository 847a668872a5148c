"""The journal that a container keeps in its own file system, read as nobody but the container.

Its files are the container's: it may put anything in their place, links to elsewhere, fifos, broken
or huge journals, and cut them short while they are read. So a process of its own reads them, as
the container's root, to whom nothing else on the host belongs. What happens to it happens to nobody
else.
"""

import json
import os
import re
import select
import signal
import stat
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import TextIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hyperhive.errors import HyperhiveError
from hyperhive.hive.uids import FIRST_BASE, LAST_BASE, SIZE
from hyperhive.systemd.journal import Entry, Origin, Wish, entry_of
from hyperhive.systemd.journal_reader import Matches, history, of_unit, open_journal
from hyperhive.wire.records import RecordError, from_json, to_json

if TYPE_CHECKING:
    from systemd.journal import Reader

PATIENCE_SECONDS: Final = 30.0
"""How long the reading process may say nothing before it has said all that is there."""
MOST_LINE: Final = 1 << 20
"""Bytes of one entry between the two processes."""

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_LEFT_OUT: Final = "the container's own journal is left out"
_ONLY_ROOT: Final = "only root can read it: use sudo"
_JOURNALS: Final = ("var", "log", "journal")


class NoContainerJournalError(HyperhiveError):
    """The container's own journal cannot be read. Where it is not there yet, it may come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container's journal is.

    Attributes:
        directory: a descriptor of it.
        base: the first uid of the container, its root's.
    """

    directory: int
    base: int


def find(root: Path) -> Place:
    """The journal of the container whose file system is at `root`. No link is followed.

    Raises:
        NoContainerJournalError: there is none, or none that this user may read.
    """
    try:
        top = os.open(root, _DIRECTORY)
        try:
            directory = _descend(top, [*_JOURNALS, _machine_id(top)])
        finally:
            os.close(top)
    except FileNotFoundError:
        raise NoContainerJournalError("the container has no journal yet") from None
    except OSError as error:
        why = _ONLY_ROOT if isinstance(error, PermissionError) else error.strerror
        raise NoContainerJournalError(f"{_LEFT_OUT}: {why}") from None
    try:
        return Place(directory, _base(directory))
    except NoContainerJournalError:
        os.close(directory)
        raise


def of_turn(turn: int | None) -> Matches:
    """What a container's journal has of a turn; of everything without one."""
    if turn is None:
        return []
    return [[f"HYPERHIVE_TURN={turn}"], *of_unit(f"hyperhive-turn-{turn}.service")]


class ContainerJournal:
    """A process that reads a container's journal.

    Attributes:
        descriptor: where its entries come; ready to be read when there are some.
        problem: why there will be no more of them; "" while there may be.
    """

    def __init__(self, place: Place, wish: Wish) -> None:
        """Takes the descriptor of `place` over.

        Raises:
            OSError: no process can be started.
        """
        self.descriptor, told = os.pipe()
        self.problem = ""
        self._rest = b""
        self._complete = False
        sys.stdout.flush()  # or the child would have a copy
        self._process = os.fork()
        if self._process == 0:
            os.close(self.descriptor)
            _be_reader(place, wish, told)
        os.close(told)
        os.close(place.directory)

    def close(self) -> None:
        """End the process."""
        os.close(self.descriptor)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def history(self) -> Iterator[Entry]:
        """The entries that are there, oldest first."""
        while not self._complete and not self.problem:
            if select.select([self.descriptor], [], [], PATIENCE_SECONDS)[0]:
                yield from self.read()
            else:
                self.problem = "the container's journal takes too long to read"

    def read(self) -> list[Entry]:
        """The entries that have come; call it when `descriptor` is ready."""
        chunk = os.read(self.descriptor, 1 << 16)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk or len(self._rest) > MOST_LINE:
            self.problem = "the container's journal cannot be read any further"
        return [entry for line in lines if (entry := self._entry(line)) is not None]

    def _entry(self, line: bytes) -> Entry | None:
        try:
            said = json.loads(line)
            if said == _END:
                self._complete = True
                return None
            if isinstance(said, str):
                self.problem = said
                return None
            # Whatever became of the process, it does not speak for the host.
            return replace(from_json(Entry, said), origin=Origin.CONTAINER)
        except (ValueError, RecordError):
            self.problem = "the container's journal cannot be read any further"
            return None


_END: Final = ["end"]


def _base(directory: int) -> int:
    """The first uid of the range that a container's directory belongs to.

    Raises:
        NoContainerJournalError: it belongs to none, or this user may not read what is in it.
    """
    base = os.fstat(directory).st_uid // SIZE * SIZE
    if not FIRST_BASE <= base <= LAST_BASE:
        raise NoContainerJournalError(f"{_LEFT_OUT}: it does not belong to a range of uids")
    if os.geteuid() != 0 and not os.access("system.journal", os.R_OK, dir_fd=directory):
        raise NoContainerJournalError(f"{_LEFT_OUT}: {_ONLY_ROOT}")
    return base


def _machine_id(top: int) -> str:
    """The container's id, which it wrote itself.

    Raises:
        OSError: it has none.
    """
    etc = _descend(top, ["etc"])
    try:
        descriptor = os.open("machine-id", _FILE, dir_fd=etc)
    finally:
        os.close(etc)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "its machine-id is no file")
        text = os.read(descriptor, 64).strip().decode("ascii", "replace")
    finally:
        os.close(descriptor)
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise OSError(0, "it has no machine-id")
    return text


def _descend(top: int, names: Sequence[str]) -> int:
    here = os.dup(top)
    try:
        for name in names:
            below = os.open(name, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
    except OSError:
        os.close(here)
        raise
    return here


def _be_reader(place: Place, wish: Wish, told: int) -> None:
    """The rest of the reading process's life."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who reads from here
        if os.geteuid() == 0:
            _become(place.base)
        with os.fdopen(told, "w", encoding="utf-8") as out:
            try:
                with open_journal(of_turn(wish.turn), path=place.directory) as reader:
                    _tell(reader, wish, out)
            except (OSError, HyperhiveError) as error:
                print(json.dumps(f"the container's journal cannot be read: {error}"), file=out)
        status = 0
    except BrokenPipeError:
        pass
    except BaseException:  # noqa: BLE001 - the top of a process
        traceback.print_exc()
    finally:
        os._exit(status)


def _become(uid: int) -> None:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def _tell(reader: "Reader", wish: Wish, out: TextIOBase) -> None:
    for raw in history(reader, wish):
        _write(raw, out)
    print(json.dumps(_END), file=out, flush=True)
    if not wish.follow:
        return
    poll = select.poll()
    poll.register(reader.fileno(), reader.get_events())
    poll.register(out.fileno(), 0)  # that nobody reads any more is always told
    while True:
        ready = dict(poll.poll(reader.get_timeout_ms()))
        if out.fileno() in ready:
            return
        reader.process()
        for raw in reader:
            _write(raw, out)
        out.flush()


def _write(raw: Mapping[str, Any], out: TextIOBase) -> None:
    print(json.dumps(to_json(entry_of(raw, Origin.CONTAINER))), file=out)

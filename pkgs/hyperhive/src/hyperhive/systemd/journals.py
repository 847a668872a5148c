"""The host's journal and a container's own as one, in the order of time."""

import heapq
import select
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol, Self

from hyperhive.systemd.container_journal import ContainerJournal, NoContainerJournalError, find
from hyperhive.systemd.journal import Entry, Origin, Wish, entry_of
from hyperhive.systemd.journal_reader import Matches, history, open_journal

LOOK_SECONDS: Final = 2.0
"""How often to look for the journal of a container that has none, and at the others in any case."""


class Source(Protocol):
    """A journal that is read to its end and then followed."""

    def history(self) -> Iterator[Entry]:
        """The entries that are there, oldest first."""

    def descriptors(self) -> Sequence[int]:
        """What is ready to be read when more entries have come."""

    def more(self) -> Iterator[Entry]:
        """The entries that have come; none if there are none."""


def entries(sources: Sequence[Source], *, follow: bool) -> Iterator[Entry]:
    """All entries of the sources in the order of time, then, to `follow`, those that come."""
    yield from heapq.merge(*(one.history() for one in sources), key=lambda entry: entry.at)
    while follow:
        select.select([fd for one in sources for fd in one.descriptors()], [], [], LOOK_SECONDS)
        for one in sources:
            yield from one.more()


class HostJournal:
    """This machine's journal. Use it in a `with` block.

    Args:
        matches: which entries.
        console: the unit whose output is a container's own.

    Raises:
        HyperhiveError, OSError: see `open_journal`.
    """

    def __init__(self, matches: Matches, wish: Wish, console: str = "") -> None:
        self._reader = open_journal(matches)
        self._wish = wish
        self._console = console

    def __enter__(self) -> Self:
        """Nothing more; see the class."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal."""
        self._reader.close()

    def history(self) -> Iterator[Entry]:
        """See `Source`."""
        for raw in history(self._reader, self._wish):
            yield entry_of(raw, Origin.HOST, console=self._console)

    def descriptors(self) -> Sequence[int]:
        """See `Source`."""
        return [self._reader.fileno()]

    def more(self) -> Iterator[Entry]:
        """See `Source`."""
        self._reader.process()
        for raw in self._reader:
            yield entry_of(raw, Origin.HOST, console=self._console)


class InnerJournal:
    """The journal in a container's file system, whenever there is one. Use it in a `with` block.

    Args:
        root: the container's file system.
        note: is told, in a line, why entries are missing.
    """

    def __init__(self, root: Path, wish: Wish, note: Callable[[str], None]) -> None:
        self._root = root
        self._wish = wish
        self._note = note
        self._noted: set[str] = set()
        self._journal: ContainerJournal | None = None
        self._look_at = 0.0

    def __enter__(self) -> Self:
        """Nothing more; see the class."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal."""
        self._close()

    def history(self) -> Iterator[Entry]:
        """See `Source`."""
        self._look()
        if self._journal is not None:
            yield from self._seen(self._journal.history())
            self._check(self._journal)

    def descriptors(self) -> Sequence[int]:
        """See `Source`."""
        return [] if self._journal is None else [self._journal.descriptor]

    def more(self) -> Iterator[Entry]:
        """See `Source`."""
        if self._journal is None and time.monotonic() >= self._look_at:
            self._look()
        if self._journal is not None and select.select(self.descriptors(), [], [], 0)[0]:
            yield from self._seen(iter(self._journal.read()))
            self._check(self._journal)

    def _look(self) -> None:
        self._look_at = time.monotonic() + LOOK_SECONDS
        try:
            self._journal = ContainerJournal(find(self._root), self._wish)
        except NoContainerJournalError as error:
            self._say(error.what)

    def _seen(self, found: Iterator[Entry]) -> Iterator[Entry]:
        for entry in found:
            # Where another process has to go on: after what there was, however much it is.
            self._wish = replace(self._wish, since=entry.at + 1, lines=None)
            yield entry

    def _check(self, journal: ContainerJournal) -> None:
        if journal.problem:
            self._say(journal.problem)
            self._close()

    def _close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _say(self, problem: str) -> None:
        if problem not in self._noted:
            self._noted.add(problem)
            self._note(problem)

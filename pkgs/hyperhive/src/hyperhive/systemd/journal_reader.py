"""Reading the journal of this machine."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName, container_name
from hyperhive.logs import shortened
from hyperhive.systemd.journal import Wish, text_of

if TYPE_CHECKING:
    from systemd.journal import Reader

MOST_CHARACTERS: Final = 1000
"""How much of a line `last_lines` gives."""

HIVE_UNITS: Final = (
    "hyperhive.service",
    "hyperhive.socket",
    "hyperhive-catalog.service",
    "hyperhive-containers.target",
    "hyperhive-firewall.service",
    "hyperhive-notify.service",
    "hyperhive-reconcile.service",
    "hyperhive-resolver.path",
    "hyperhive-resolver.service",
    "hyperhive-vacuum.service",
    "hyperhive-vacuum.timer",
    "hyperhive-watch.service",
)
"""The hive's own units on a host. Those of `hyperhive-deploy@.service` are found by their slice."""

BROKER_USER: Final = "hyperhive"
_DEPLOY_SLICE: Final = r"system-hyperhive\x2ddeploy.slice"
_MOST_BYTES: Final = 64 << 10
"""How much of a field is read (sd_journal_set_data_threshold(3))."""
_SYSTEM_JOURNALS: Final = ("/var/log/journal", "/run/log/journal")

Matches = Sequence[Sequence[str]]
"""`FIELD=value` terms: all of a group (one of those of the same field), of any of the groups."""


def open_journal(matches: Matches = (), **where: Any) -> "Reader":
    """A reader of the entries that match; of this machine's journal, or of what `where` names.

    Args:
        where: arguments of `systemd.journal.Reader`.

    Raises:
        HyperhiveError: systemd's Python module is not installed.
        OSError: the journal cannot be opened.
    """
    try:
        from systemd.journal import DEFAULT_CONVERTERS, Reader
    except ImportError:
        raise HyperhiveError(
            "the journal cannot be read: the Python package systemd-python is missing",
            "install hyperhive with it: hyperhive[systemd]",
        ) from None
    # Nothing is converted to numbers, dates or ids: an entry may hold anything in their place, and
    # not every converter stands that.
    reader = Reader(converters=dict.fromkeys(DEFAULT_CONVERTERS, _as_it_is), **where)
    reader.data_threshold = _MOST_BYTES
    for group in matches:
        reader.add_disjunction()
        for term in group:
            reader.add_match(term)
    return reader


def of_unit(unit: str, invocation: str | None = None) -> Matches:
    """What a unit wrote, and what systemd wrote about it; of one of its runs, or of all."""
    of_it, about_it = [f"_SYSTEMD_UNIT={unit}"], [f"UNIT={unit}", "_PID=1"]
    if invocation is not None:
        of_it.append(f"_SYSTEMD_INVOCATION_ID={invocation}")
        about_it.append(f"INVOCATION_ID={invocation}")
    return of_it, about_it


def of_hive() -> Matches:
    """What the hive's own units wrote, and what systemd wrote about them."""
    return [*chain.from_iterable(map(of_unit, HIVE_UNITS)), [f"_SYSTEMD_SLICE={_DEPLOY_SLICE}"]]


def of_agent(name: AgentName, unit: str, turn: int | None) -> Matches:
    """What the host's journal has of an agent, or of one of its turns.

    Args:
        unit: the unit of its container.
    """
    # Anybody may write any field; what systemd's underscored ones say is true.
    said_by = [f"_UID={uid}" for uid in _hive_uids()]
    of_it = [f"HYPERHIVE_AGENT={name}", *said_by]
    if turn is not None:
        return [[*of_it, f"HYPERHIVE_TURN={turn}"]]
    before = f"hyperhive-root@{container_name(name)}.service"
    own = (unit, before, f"hyperhive-deploy@{name}.service")
    return [of_it, *chain.from_iterable(map(of_unit, own))]


def last_lines(unit: str, lines: int, invocation: str | None = None) -> list[str]:
    """The last lines that a unit wrote and that systemd wrote about it, oldest first.

    Of one of its runs, if `invocation` says of which.

    A line is cut where it is longer than `MOST_CHARACTERS`, and holds nothing that would act on a
    terminal. Nothing is found where this user may not read the journal.

    Raises:
        HyperhiveError: systemd's Python module is not installed.
        OSError: the journal cannot be read.
    """
    found: deque[str] = deque()
    with open_journal(of_unit(unit, invocation)) as reader:
        reader.seek_tail()
        while len(found) < lines and (entry := reader.get_previous()):
            found.extendleft(reversed(text_of(entry).split("\n")))
    return [shortened(line, MOST_CHARACTERS) for line in list(found)[-lines:]]


def history(reader: "Reader", wish: Wish) -> Iterator[dict[str, Any]]:
    """The entries that are there, oldest first. The reader then stands before those that come."""
    if wish.since is not None:
        reader.seek_realtime(wish.since)
        yield from reader if wish.lines is None else deque(reader, maxlen=wish.lines)
    elif wish.lines is None:
        yield from reader
    else:
        # Back first and then forward to the end. From its tail a journal goes nowhere, also when
        # entries have come there (sd_journal_next(3)), so one without entries is begun again.
        reader.seek_tail()
        oldest = reader.get_previous(wish.lines) if wish.lines else {}
        if oldest:
            yield oldest
        elif not wish.lines and reader.get_previous():
            pass
        else:
            reader.seek_head()
        yield from reader


def has_journal() -> bool:
    """Whether this machine keeps a journal."""
    return any(Path(top).is_dir() for top in _SYSTEM_JOURNALS)


def can_read_journal() -> bool:
    """Whether this user may read what system units wrote (members of `systemd-journal` may)."""
    try:
        directories = [
            Path(entry)
            for top in map(Path, _SYSTEM_JOURNALS)
            if top.is_dir()
            for entry in os.scandir(top)
            # Links lead to the journals of containers.
            if entry.is_dir(follow_symlinks=False)
        ]
    except PermissionError:
        return False
    closed = [one for one in directories if not os.access(one, os.X_OK)]
    files = [file for one in directories if os.path.lexists(file := one / "system.journal")]
    return not (closed or files) or any(os.access(file, os.R_OK) for file in files)


def _hive_uids() -> list[int]:
    import pwd  # not at the start: only who reads journals needs it

    try:
        return [0, pwd.getpwnam(BROKER_USER).pw_uid]
    except KeyError:
        return [0]


def _as_it_is(value: Any) -> Any:
    return value

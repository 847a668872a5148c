"""The hive's units on the host, as `systemctl show` has them (systemd.unit(5)).

Asked of the program and not over D-Bus: systemd's Python bindings need not be there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from hyperhive.doctor.ask import Unknown, said
from hyperhive.hive.models import HiveConfig
from hyperhive.systemd.unit_status import RESTARTING

BROKER: Final = "hyperhive.service"
NOTIFY: Final = "hyperhive-notify.service"

HOST_UNITS: Final = (
    "hyperhive.socket",
    BROKER,
    "hyperhive-watch.service",
    "hyperhive-reconcile.service",
    "hyperhive-containers.target",
    "hyperhive-firewall.service",
    "hyperhive-resolver.path",
    "hyperhive-resolver.service",
    "hyperhive-vacuum.timer",
    "hyperhive-vacuum.service",
    "hyperhive-catalog.service",
)
"""Units that every host with a hive has, in the order in which a reader wants them."""

IN_MEMORY: Final = "hyperhive*"
"""Any unit of the hive's that systemd has in memory: whatever runs, has failed, or is to run."""

_NOW_AND_THEN: Final = frozenset({
    "hyperhive-reconcile.service",
    "hyperhive-resolver.service",
    "hyperhive-vacuum.service",
})  # fmt: skip
"""Those of them that do something and end: they are mostly inactive."""

_PROPERTIES: Final = (
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "MainPID",
    "StateChangeTimestamp",
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit.

    Attributes:
        load, active, sub, result: systemd's words; `load` is `not-found` where there is no file.
        main_pid: 0: no process.
        since: when it came into this state, seconds since the epoch; None: at no time in this boot.
    """

    name: str
    load: str
    active: str
    sub: str
    result: str
    main_pid: int
    since: float | None

    @property
    def exists(self) -> bool:
        """Whether systemd has a file of it."""
        return self.load != "not-found"

    @property
    def fails(self) -> bool:
        """Whether it has failed, or does so again and again."""
        return self.active == "failed" or self.restarts

    @property
    def restarts(self) -> bool:
        """Whether it has ended just now, and systemd is about to start it again."""
        return self.sub in RESTARTING

    @property
    def rests(self) -> bool:
        """Whether it does not run, and is none of those that do something and end."""
        return self.active == "inactive" and self.name not in _NOW_AND_THEN


def units_of(hive: HiveConfig) -> tuple[str, ...]:
    """Units that the host of a hive has, in the order in which a reader wants them."""
    dashboard = hive.hive.dashboard
    names = list(HOST_UNITS)
    if dashboard.port is not None:
        place = re.sub(r"[.:]", "-", f"{dashboard.bind}:{dashboard.port}")
        names.insert(1, f"hyperhive-dashboard-{place}.socket")
    if hive.hive.notify.command:
        names.insert(names.index("hyperhive-watch.service") + 1, NOTIFY)
    return tuple(names)


def in_order(known: Mapping[str, Unit], names: Sequence[str]) -> tuple[Unit, ...]:
    """The hive's own units: those of the names, in their order, then others that systemd knows.

    Instances of a template come into memory with what they are for: one is shown while it does
    something, or has failed.
    """
    more = [
        unit
        for name, unit in sorted(known.items())
        if name.startswith("hyperhive") and name not in names
        if (unit.exists and "@" not in name) or unit.active != "inactive"
    ]
    return (*(known[name] for name in names if name in known), *more)


def units(names: Iterable[str]) -> dict[str, Unit] | Unknown:
    """Units by name; Unknown where systemd does not answer.

    Args:
        names: of units; or patterns (glob(7)), which stand for units that are in memory.
    """
    words = [f"--property={','.join(_PROPERTIES)}", "--timestamp=unix", "--", *names]
    output = said("systemctl", "show", *words)
    return output if isinstance(output, Unknown) else parse_units(output)


def parse_units(text: str) -> dict[str, Unit]:
    """Units in the output of `systemctl show`: a block of lines each, with blank lines between."""
    found = {}
    for block in text.split("\n\n"):
        lines = (line.partition("=") for line in block.splitlines())
        values = {name: value for name, _, value in lines}
        if "Id" in values:
            unit = _unit(values)
            found[unit.name] = unit
    return found


def _unit(values: dict[str, str]) -> Unit:
    pid = values.get("MainPID", "")
    since = values.get("StateChangeTimestamp", "").removeprefix("@")
    return Unit(
        name=values["Id"],
        load=values.get("LoadState", ""),
        active=values.get("ActiveState", ""),
        sub=values.get("SubState", ""),
        result=values.get("Result", ""),
        main_pid=int(pid) if pid.isdecimal() else 0,
        since=float(since) if since.isdecimal() else None,
    )

"""The hive's units on the host, as `systemctl show` has them (systemd.unit(5)).

Asked of the program and not over D-Bus: systemd's Python bindings need not be there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hyperhive.doctor.ask import Unknown, said

BROKER: Final = "hyperhive.service"

HOST_UNITS: Final = (
    "hyperhive.socket",
    BROKER,
    "hyperhive-watch.service",
    "hyperhive-vacuum.timer",
    "hyperhive-reconcile.service",
    "hyperhive-resolver.path",
    "hyperhive-resolver.service",
    "hyperhive-firewall.service",
)
"""Units that a host with a hive has, in the order in which a reader wants them."""

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


def units(names: Iterable[str]) -> dict[str, Unit] | Unknown:
    """Units by name; Unknown where systemd does not answer."""
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

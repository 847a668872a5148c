"""systemd's D-Bus names, and what its properties of a unit say (org.freedesktop.systemd1(5))."""

from collections.abc import Mapping
from typing import Any, Final

from hyperhive.systemd.unit_status import UnitStatus

SYSTEMD: Final = "org.freedesktop.systemd1"
MANAGER_PATH: Final = "/org/freedesktop/systemd1"
MANAGER: Final = f"{SYSTEMD}.Manager"
UNIT: Final = f"{SYSTEMD}.Unit"
SERVICE: Final = f"{SYSTEMD}.Service"
JOB: Final = f"{SYSTEMD}.Job"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"

_UNIT_PATH: Final = f"{MANAGER_PATH}/unit/"


def unit_status(name: str, properties: Mapping[str, Any]) -> UnitStatus:
    """A unit of systemd's properties of it, those of its type included."""
    return UnitStatus(
        name=name,
        load=str(properties.get("LoadState", "loaded")),
        active=str(properties.get("ActiveState", "inactive")),
        sub=str(properties.get("SubState", "dead")),
        result=str(properties.get("Result", "success")),
        exit_code=int(properties.get("ExecMainCode", 0)),
        exit_status=int(properties.get("ExecMainStatus", 0)),
        invocation=bytes(properties.get("InvocationID", b"")).hex(),
        main_pid=int(properties.get("MainPID", 0)),
        restarts=int(properties.get("NRestarts", 0)),
        job=job_of(properties) != 0,
    )


def job_of(properties: Mapping[str, Any]) -> int:
    """The id of a unit's job; 0: it has none."""
    return int(properties.get("Job", (0, "/"))[0])


def unit_path(beginning: str) -> str:
    """The path of a unit's object, or how the paths of units begin whose names begin so.

    Bytes other than letters and digits are written as `_` and two hexadecimal digits, and so is a
    digit at the beginning (sd_bus_path_encode(3)).
    """
    escaped = [
        f"_{byte:02x}" if not chr(byte).isascii() or not chr(byte).isalnum() else chr(byte)
        for byte in beginning.encode()
    ]
    if beginning[:1].isdecimal():
        escaped[0] = f"_{ord(beginning[0]):02x}"
    return _UNIT_PATH + "".join(escaped)


def unit_name(path: str) -> str:
    """The name of the unit whose object has this path; see `unit_path`.

    Raises:
        ValueError: it is no such path.
    """
    escaped = path.removeprefix(_UNIT_PATH)
    if escaped == path:
        raise ValueError(f"not a unit's path: {path}")
    first, *others = escaped.split("_")
    encoded = first.encode() + b"".join(
        bytes.fromhex(other[:2]) + other[2:].encode() for other in others
    )
    return encoded.decode()

"""Units as NixOS writes them to disk, from what the modules say of them (`host.units`)."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

SECTIONS: Final = {
    "serviceConfig": "Service",
    "socketConfig": "Socket",
    "timerConfig": "Timer",
    "pathConfig": "Path",
}
"""The section of each type of unit, by the option that fills it."""

_DEPENDENCIES: Final = {
    "requires": "Requires",
    "wants": "Wants",
    "bindsTo": "BindsTo",
    "partOf": "PartOf",
    "conflicts": "Conflicts",
    "after": "After",
    "before": "Before",
    "documentation": "Documentation",
}


def unit_text(unit: Mapping[str, Any]) -> str:
    """Return the text of one unit.

    Args:
        unit: a member of what the questions `host.units` and `agent.units` of eval.nix answer.
    """
    head: dict[str, Any] = {}
    if unit["description"]:
        head["Description"] = unit["description"]
    for option, setting in _DEPENDENCIES.items():
        if unit[option]:
            head[setting] = " ".join(unit[option])
    if unit["startLimitIntervalSec"] is not None:
        head["StartLimitIntervalSec"] = unit["startLimitIntervalSec"]
    # NixOS itself has put the above into unitConfig; the stand-in for it has not.
    lines = ["[Unit]", *_settings(head | unit["unitConfig"])]

    # A target has none.
    for option, section in ((o, s) for o, s in SECTIONS.items() if o in unit):
        lines += ["", f"[{section}]"]
        for name, value in sorted(_environment(unit).items()):
            # systemd reads a quoted word as C does, and so as JSON does.
            lines.append(f"Environment={json.dumps(f'{name}={value}')}")
        lines += _settings(unit[option])
    lines += [f"ListenStream={place}" for place in unit.get("listenStreams", ())]
    if unit["wantedBy"]:
        lines += ["", "[Install]", f"WantedBy={' '.join(unit['wantedBy'])}"]
    return "\n".join(lines) + "\n"


def network_text(network: Mapping[str, Any]) -> str:
    """Return the text of one file for systemd-networkd.

    Args:
        network: a member of what the question `host.networks` of eval.nix answers.
    """
    match, link = _settings(network["matchConfig"]), _settings(network["linkConfig"])
    return "\n".join(["[Match]", *match, "", "[Link]", *link]) + "\n"


def _environment(unit: Mapping[str, Any]) -> dict[str, str]:
    environment = {n: v for n, v in unit.get("environment", {}).items() if v is not None}
    if unit.get("path") and "PATH" not in environment:
        places = [f"{package}/{place}" for place in ("bin", "sbin") for package in unit["path"]]
        environment["PATH"] = ":".join(places)
    return environment


def _settings(section: Mapping[str, Any]) -> Iterable[str]:
    """Lines of a section: a list is a line for each, and `true` is spelled out."""
    for name, value in section.items():
        for each in value if isinstance(value, list) else [value]:
            yield f"{name}={str(each).lower() if isinstance(each, bool) else each}"

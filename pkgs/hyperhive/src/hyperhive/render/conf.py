"""Values in `/etc/nixos-containers/NAME.conf`, the definition of one NixOS container.

Three readers take the file: systemd (`EnvironmentFile=`, systemd.exec(5)), the start script of
`container@.service`, which expands EXTRA_NSPAWN_FLAGS unquoted, and `nixos-container`, which looks
for `FLAKE=` and the addresses line by line and knows no quotes. So plain values are written bare,
and what any of the three would read differently is refused instead of escaped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hyperhive.errors import InputError

_BARE: Final = re.compile(r"[A-Za-z0-9/._+:=,-]*")
# Word splitting and globbing of the shell; quotes, escapes and expansions of both readers; nspawn's
# separator.
_SPLIT_OR_EXPANDED: Final = re.compile(r"[\s*?\[\]\\\"'`$:]")


@dataclass(frozen=True, slots=True)
class NspawnFlag:
    """One option of systemd-nspawn(1).

    Attributes:
        option: its name with dashes, `--bind`.
        values: the parts that nspawn separates by colons.
        field: what gave the values, in the words of the declared hive; named in errors.
    """

    option: str
    values: tuple[str, ...]
    field: str


def conf_value(value: object, field: str) -> str:
    """Return `value` as a bare value of the file.

    Raises:
        InputError: a character that one of the three readers treats specially; `field` is named.
    """
    text = str(value)
    if not _BARE.fullmatch(text):
        raise InputError(
            f"{field}: {text!r} cannot stand in a container's conf file",
            "use letters, digits and / . _ + : = , - only",
        )
    return text


def nspawn_flags(flags: Sequence[NspawnFlag]) -> str:
    """Return `flags` as one double-quoted value of the file.

    Raises:
        InputError: a value that the start script's shell would split or expand, or nspawn take
            apart at a colon; the flag's field is named.
    """
    return '"' + " ".join(_flag(flag) for flag in flags) + '"'


def _flag(flag: NspawnFlag) -> str:
    for value in flag.values:
        if _SPLIT_OR_EXPANDED.search(value) or not value.isprintable():
            raise InputError(
                f"{flag.field}: {value!r} has a character that systemd-nspawn's start script "
                "cannot take",
                "choose a path without blanks, colons, quotes, $, backslashes and * ? [ ]",
            )
    return f"{flag.option}={':'.join(flag.values)}"

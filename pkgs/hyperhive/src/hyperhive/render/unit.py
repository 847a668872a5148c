"""Values in systemd unit files (systemd.syntax(7), systemd.unit(5) "Specifiers")."""

import re
from typing import Final

from hyperhive.errors import InputError

_RESOURCE: Final = re.compile(r"infinity|[0-9]+(\.[0-9]+)?[KMGTPE%]?")


def unit_text(text: str, field: str) -> str:
    """Return `text` as the rest of a line whose setting expands specifiers (Description=).

    Raises:
        InputError: a character that ends or continues the line; `field` is named.
    """
    _refuse_control(text, field)
    if text.endswith("\\"):
        raise InputError(
            f"{field}: {text!r} ends with a backslash, which continues a line of a unit file",
            "take the backslash off",
        )
    return text.replace("%", "%%")


def unit_word(text: str, field: str) -> str:
    """Return `text` as one word of a setting that takes several and expands specifiers.

    Raises:
        InputError: a character that no word of a unit file can hold; `field` is named.
    """
    _refuse_control(text, field)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def unit_resource(value: str | int, field: str) -> str:
    """Return a size, share or count (`4G`, `200%`, `512`, `infinity`; systemd.resource-control(5)).

    These settings expand no specifiers, so a percent sign stays as it is.

    Raises:
        InputError: the value is none of these; `field` is named.
    """
    text = str(value)
    if not _RESOURCE.fullmatch(text):
        raise InputError(
            f"{field}: {text!r} is not a size, a share or a count",
            'write for example "4G", "50%" or "infinity"',
        )
    return text


def _refuse_control(text: str, field: str) -> None:
    if not text.isprintable():
        raise InputError(
            f"{field}: {text!r} has a character that cannot stand on a line of a unit file",
            "remove control characters and line breaks",
        )

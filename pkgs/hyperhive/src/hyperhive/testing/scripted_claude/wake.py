"""The wake prompt, read as a model would read it: which message woke this turn."""

import re
from typing import Final, NamedTuple

GREETING: Final = "You have a message in the hive."
"""First line of every wake prompt."""

_OPENING: Final = re.compile(r"^<message ([0-9a-f]+)>$", re.MULTILINE)
_DELIVERY: Final = re.compile(r"delivery (\d+)")


class Wake(NamedTuple):
    """The message that a turn is about.

    Attributes:
        attempt: 1 for a first delivery; the number the prompt names for a repeated one.
    """

    id: int
    sender: str
    body: str
    attempt: int = 1


def parse_wake(prompt: str) -> Wake | None:
    """The message in a wake prompt; None if the prompt is something else (`/compact`)."""
    lines = prompt.splitlines()
    if not lines or lines[0] != GREETING:
        return None
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            break
        headers[name.strip()] = value.strip()
    body = _body(prompt)
    if body is None or not headers.get("id", "").isdecimal() or "from" not in headers:
        return None
    delivery = _DELIVERY.search(headers.get("repeat", ""))
    attempt = int(delivery[1]) if delivery else 1
    return Wake(int(headers["id"]), headers["from"], body, attempt)


def _body(prompt: str) -> str | None:
    opening = _OPENING.search(prompt)
    if opening is None:
        return None
    closing = prompt.find(f"\n</message {opening[1]}>", opening.end())
    return None if closing < 0 else prompt[opening.end() + 1 : closing]

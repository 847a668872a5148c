"""Names of agents and hives.

An agent's name is part of paths, of a unit, of a network interface (`ve-h-NAME`, at most 15
characters for the kernel) and of a container's host name, so its alphabet is small.
"""

import re
from typing import Final, NewType

from hyperhive.errors import InputError

AgentName = NewType("AgentName", str)
"""A name that `parse_agent_name` has accepted."""

AGENT_NAME_PATTERN: Final = r"^[a-z]([a-z0-9-]{0,7}[a-z0-9])?$"
"""At most 9 characters: nixos-container allows 11, and `h-` takes two. A host name may not end in
a hyphen, so neither may this one."""

HIVE_NAME_PATTERN: Final = r"^[a-z][a-z0-9-]{0,30}$"

OPERATOR: Final = "operator"
"""Stands for the human as sender and recipient."""
MANAGER: Final = "manager"
"""Stands for the agent whose role is manager, whatever that agent is called."""
HIVE_SERVER: Final = "hyperhive"
"""The MCP server through which an agent reaches the hive."""
RESERVED: Final = frozenset({OPERATOR, "system", "all"})
"""Names that mean something else in messages. `manager` is not among them: the agent whose role is
manager may bear it."""


def parse_agent_name(text: str) -> AgentName:
    """Return `text` as the name of an agent.

    Raises:
        InputError: it is not one, or it is reserved.
    """
    if text in RESERVED:
        raise InputError(
            f'"{text}" is a reserved name',
            f"name the agent otherwise: not {', '.join(sorted(RESERVED))}",
        )
    if not _fits(AGENT_NAME_PATTERN, text):
        raise InputError(
            f"{text[:40]!a} is not an agent's name",
            "use at most 9 characters: a lower-case letter first, then letters, digits and"
            " hyphens, no hyphen last",
        )
    return AgentName(text)


def parse_hive_name(text: str) -> str:
    """Return `text` as the name of a hive.

    Raises:
        InputError: it is not one.
    """
    if not _fits(HIVE_NAME_PATTERN, text):
        raise InputError(
            f"{text[:40]!a} is not a hive's name",
            "use at most 31 characters: a lower-case letter first, then letters, digits and"
            " hyphens",
        )
    return text


def container_name(name: AgentName) -> str:
    """Name of the agent's container; its unit is `container@NAME.service`."""
    return f"h-{name}"


def _fits(pattern: str, text: str) -> bool:
    # fullmatch: with match, `$` would accept a trailing newline.
    return re.fullmatch(pattern, text) is not None

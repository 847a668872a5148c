"""systemd's notation for resource limits."""

import re
from decimal import Decimal
from typing import Final

from hyperhive.errors import InputError

MEMORY_PATTERN: Final = r"^([0-9]+(\.[0-9]+)?[KMGTPE]?|[0-9]+(\.[0-9]{1,2})?%|infinity)$"
CPU_PATTERN: Final = r"^[0-9]+(\.[0-9]{1,2})?%$"
LEAST_MEMORY: Final = 64 * 2**20
"""Bytes under which a container does not even boot."""
USEFUL_MEMORY: Final = 512 * 2**20
"""Bytes under which a turn is likely to be killed: claude alone takes about 230 MB."""

_FACTORS: Final = {unit: 1024**power for power, unit in enumerate("KMGTPE", start=1)}
_MOST_DIGITS: Final = 20


def parse_memory(text: str) -> str:
    """Return `text` if it is a value of systemd's MemoryMax= (systemd.resource-control(5)).

    Raises:
        InputError: it is not, or nothing could run under it.
    """
    todo = "write it as systemd does: 4G, 512M, 50% of the host's, or infinity"
    if re.fullmatch(MEMORY_PATTERN, text) is None or len(text) > _MOST_DIGITS:
        raise InputError("not an amount of memory", todo)
    if text.endswith("%") and not 0 < Decimal(text[:-1]) <= 100:
        raise InputError("not between 0 and 100 percent", todo)
    size = memory_bytes(text)
    if size is not None and size < LEAST_MEMORY:
        raise InputError(f"{size} bytes, less than a container needs to boot", "use 1G or more")
    return text


def memory_bytes(text: str) -> int | None:
    """The bytes that a valid amount of memory means; None for a percentage or infinity."""
    if text == "infinity" or text.endswith("%"):
        return None
    factor = _FACTORS.get(text[-1])
    return int(Decimal(text[:-1]) * factor) if factor else int(Decimal(text))


def parse_cpu(text: str) -> str:
    """Return `text` if it is a value of systemd's CPUQuota=.

    Raises:
        InputError: it is not.
    """
    todo = "write a percentage of one processor: 50%, or 200% for two processors"
    if re.fullmatch(CPU_PATTERN, text) is None or len(text) > _MOST_DIGITS:
        raise InputError("not a share of processor time", todo)
    if Decimal(text[:-1]) < 1:
        raise InputError("less than one percent", todo)
    return text

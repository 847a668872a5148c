"""Who git says has made a commit."""

from typing import Final

HYPERHIVE: Final = "hyperhive"
"""Author of the commits that hyperhive itself makes."""


def email(name: str, hive: str) -> str:
    """The address of an agent or of hyperhive; no mail gets there (.internal is nobody's)."""
    return f"{name}@{hive}.hive.internal"

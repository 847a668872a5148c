"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How good something is."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well as it should; or it could not be looked at."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        what: what was found, in one line.
        mend: what to do about it; "" where nothing is to be done.
    """

    level: Level
    what: str
    mend: str = ""


def ok(what: str) -> Finding:
    """Something is as it should be."""
    return Finding(Level.OK, what)


def warn(what: str, mend: str) -> Finding:
    """Something could be better."""
    return Finding(Level.WARN, what, mend)


def fail(what: str, mend: str) -> Finding:
    """Something is wrong."""
    return Finding(Level.FAIL, what, mend)

"""Errors that a reader can act on: one line of what happened, one line of what to do.

One class per kind of mend; the exit code of the command line follows from the class.
"""

from typing import ClassVar


class HyperhiveError(Exception):
    """Something failed that is not a bug.

    Attributes:
        what: one line, what happened and where.
        todo: one line, what the reader can do about it ("" where nothing is to be done).
        exit_code: the exit status of a command that ends with this error.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, todo: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.todo = todo


class InputError(HyperhiveError):
    """What was given (a file, an argument, a request) is not valid."""

    exit_code = 2


class RefusedError(HyperhiveError):
    """The broker heard it, and will not do it as things are."""


class NoBrokerError(HyperhiveError):
    """No broker answers on the operator socket."""

    exit_code = 3

"""The token that a request to the dashboard's port shows: its holder is the operator."""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from hyperhive.errors import InputError

RANDOM_BYTES: Final = 32

LEAST: Final = 24
"""Characters of a token that somebody else made: what is shorter can be guessed."""

_TOKEN: Final = re.compile(r"[!-~]+")
"""What a header can carry without a question: visible ASCII (RFC 9110, 5.5)."""


def operator_token(own: Path, given: Path | None) -> str:
    """The token: the contents of the file `given`, or of `own`, which is made if it is not there.

    Whoever calls holds the lock of the store: nobody else makes `own` at the same moment.

    Raises:
        InputError: the file cannot be read, others can read it, or it holds no token.
    """
    path = given or own
    try:
        if given is None and not own.exists():
            _make(own)
        return _read(path)
    except OSError as error:
        raise InputError(
            f"{path}: the dashboard's token cannot be read: {error.strerror}",
            f"let the broker's user read it, or remove it: {path}",
        ) from None


def _make(path: Path) -> None:
    """Writes a new token so that the file is whole whenever it is there."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(beside, flags, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(RANDOM_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _read(path: Path) -> str:
    with path.open(encoding="ascii", errors="replace") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_IMODE(mode) & stat.S_IRWXO:
            raise InputError(
                f"{path}: everyone on this machine can reach the dashboard's token",
                f"chmod o= {path}, and change the token",
            )
        token = file.read(4096).strip()
    if not _TOKEN.fullmatch(token) or len(token) < LEAST:
        raise InputError(
            f"{path}: no token of {LEAST} visible characters or more",
            "write one: openssl rand -hex 32",
        )
    return token

"""Runs every program that is asked about the host: quickly, in plain English, or not at all."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SECONDS: Final = 10.0
"""How long a program may take to answer."""

_PASSED: Final = ("PATH", "HOME", "NIX_REMOTE", "NIX_CONF_DIR", "NIX_SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that could not be found out.

    Attributes:
        why: in a few words.
        denied: whether root could find it out.
    """

    why: str
    denied: bool = False


def not_seen(error: OSError) -> Unknown:
    """What a file that cannot be read leaves unknown."""
    return Unknown(error.strerror or str(error), isinstance(error, PermissionError))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a program said."""

    status: int
    output: str
    error: str


def ask(*argv: str) -> Answer | Unknown:
    """Runs a program; Unknown where there is none, or it does not answer."""
    return _run(argv, _environment(os.environ))


def said(*argv: str) -> str | Unknown:
    """What a program says that succeeds."""
    match ask(*argv):
        case Unknown() as unknown:
            return unknown
        case Answer(status=0, output=output):
            return output
        case Answer(status, _, error):
            lines = error.strip().splitlines()
            reason = lines[-1] if lines else f"status {status}"
            return Unknown(f"{argv[0]}: {reason}")


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    passed = {name: ours[name] for name in _PASSED if name in ours}
    return {**passed, "LC_ALL": "C.UTF-8", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}


def _run(argv: Sequence[str], environment: Mapping[str, str]) -> Answer | Unknown:
    try:
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
        )
    except FileNotFoundError:
        return Unknown(f"there is no {argv[0]}")
    except OSError as error:
        return Unknown(f"{argv[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Unknown(f"{argv[0]} did not answer in {SECONDS:g} s")
    return Answer(done.returncode, done.stdout, done.stderr)

"""Paths of the host that a declared hive names: what may be bound into a container, and where.

nixos-containers hands these to systemd-nspawn through a variable that its start script expands
unquoted, in `--bind=SOURCE:TARGET` form. So they may hold neither spaces nor globs nor colons.
"""

import re
from pathlib import PurePosixPath
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.paths import DECLARED_HIVE, HOST_RUN, HOST_STATE

PATH_PATTERN: Final = r"^/[A-Za-z0-9/._+@=-]*$"
NIX_DAEMON: Final = PurePosixPath("/nix/var/nix/daemon-socket")
"""Where the socket of the host's Nix daemon is, and nothing else."""

_STORE: Final = PurePosixPath("/nix/store")
_HIVE_OWN: Final = tuple(
    PurePosixPath(path) for path in (HOST_STATE, HOST_RUN, DECLARED_HIVE.parent)
)
_KERNEL: Final = tuple(PurePosixPath(path) for path in ("/proc", "/sys", "/dev"))
_TAKEN: Final = tuple(
    PurePosixPath(path)
    for path in (
        "/nix", "/run", "/state", "/claude", "/agents", "/applied", "/etc", "/proc", "/sys",
        "/dev", "/tmp", "/var/tmp", "/var/lib", "/var/log", "/var/empty", "/boot", "/bin",
        "/sbin", "/lib", "/lib64", "/usr", "/root",
    )
)  # fmt: skip
"""Trees of a container that are NixOS's, nspawn's or hyperhive's."""


def parse_path(text: str) -> str:
    """Return `text` if it is an absolute path in its plain form.

    Raises:
        InputError: it is relative, not normal, or holds a character that a bind cannot carry.
    """
    if not text.startswith("/"):
        raise InputError("not an absolute path", "begin it with /")
    odd = next((char for char in text if not re.fullmatch(PATH_PATTERN, f"/{char}")), None)
    if odd is not None:
        raise InputError(
            f"holds {odd!a}, which a bind cannot carry",
            "use letters, digits and / . _ + @ = - only (a link on the host can lead elsewhere)",
        )
    if any(part in {".", "..", ""} for part in text.split("/")[1:]) and text != "/":
        raise InputError(
            "not in its plain form", "write it without `.`, `..`, `//` and a slash at the end"
        )
    return text


def parse_credential_path(text: str) -> str:
    """Return `text` if a secret may be read from that file.

    Raises:
        InputError: it is no plain absolute path, or it is in the world-readable store.
    """
    path = PurePosixPath(parse_path(text))
    if path.is_relative_to(_STORE):
        raise InputError(
            "in the Nix store, which everyone on the host can read",
            "keep the secret outside of it, for example under /run/secrets",
        )
    return text


def parse_bind_source(text: str) -> str:
    """Return `text` if that path of the host may be shown to an agent.

    Raises:
        InputError: it is no plain absolute path, or it would show the hive's own state.
    """
    path = PurePosixPath(parse_path(text))
    for own in _HIVE_OWN:
        if _overlap(path, own):
            raise InputError(
                f"would show the agent {own}, which is the hive's own",
                "bind a directory outside of it, for example under /srv",
            )
    if any(path.is_relative_to(tree) for tree in _KERNEL):
        raise InputError("part of the kernel's own trees", "bind ordinary files, not /proc or /dev")
    return text


def shows_nix_daemon(source: str) -> bool:
    """Whether who sees that path of the host can connect to its Nix daemon."""
    return _overlap(PurePosixPath(source), NIX_DAEMON)


def parse_bind_target(text: str) -> str:
    """Return `text` if something may be bound there in a container.

    Raises:
        InputError: it is no plain absolute path, or it would hide a part of the container.
    """
    path = PurePosixPath(parse_path(text))
    for tree in _TAKEN:
        if _overlap(path, tree):
            raise InputError(
                f"would cover {tree} of the container", "choose another place, for example /srv/x"
            )
    return text


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)

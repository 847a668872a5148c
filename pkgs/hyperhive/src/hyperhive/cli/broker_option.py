"""Which broker a command talks to: `--state DIR`, else this machine's."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from hyperhive.hive.paths import DECLARED_HIVE, StatePaths

STATE_VARIABLE: Final = "HYPERHIVE_STATE"


state_option: Final = click.option(
    "--state",
    type=click.Path(path_type=Path),
    envvar=STATE_VARIABLE,
    help="State directory of a hive started with `hyperhive up --state`.",
)


def default_local_state() -> Path:
    """Where `hyperhive up` keeps a hive: $XDG_STATE_HOME/hyperhive (XDG Base Directory)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "hyperhive"


def operator_socket(state: Path | None) -> Path:
    """The operator socket of the state directory, or of this machine's one hive."""
    if state is not None:
        return StatePaths.local(state).operator_socket
    host = StatePaths.host_default().operator_socket
    local = StatePaths.local(default_local_state()).operator_socket
    return chosen_socket(host, local, DECLARED_HIVE)


def chosen_socket(host: Path, local: Path, declared: Path) -> Path:
    """The socket of the host's hive, or that of the user's own: the one that is there, the host's
    first; where it is closed to this user, or neither is there, what the user has or may mean.

    Args:
        declared: the declaration of the host's hive.
    """
    try:
        host.stat()
    except PermissionError:
        return local if local.exists() else host
    except OSError:
        return host if declared.exists() and not local.exists() else local
    return host


def broker_command(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command `--state` and `--json`; it gets `broker: OperatorClient`, `as_json: bool`."""

    @state_option
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @functools.wraps(command)
    def wrapped(state: Path | None, **arguments: Any) -> None:
        from hyperhive.operator.client import connect

        with connect(operator_socket(state)) as broker:
            command(broker=broker, **arguments)

    return wrapped

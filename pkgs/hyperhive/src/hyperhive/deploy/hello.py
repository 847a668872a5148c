"""Waits until an agent's harness says hello with the settings of the system that was built."""

import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from hyperhive.deploy.host import Host
from hyperhive.deploy.patience import PatientBroker
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import AgentName

HELLO_SECONDS: Final = 120.0
"""How long a harness may take."""
SETTINGS: Final = Path("etc/hyperhive/agent.json")
"""The harness's settings in a system."""

_PAUSE: Final = 0.2
_MOST_BYTES: Final = 16 << 20
_DOWN: Final = ("inactive", "failed")


def settings_digest(system: Path) -> str:
    """The digest of the harness's settings in a system, as the harness computes it.

    Raises:
        HyperhiveError: the system has none.
    """
    path = system / SETTINGS
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _no_settings(path, "it is no file")
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise _no_settings(path, error.strerror or str(error)) from None
    if len(content) > _MOST_BYTES:
        raise _no_settings(path, "it is too large")
    return sha256(content).hexdigest()


def wait_for_hello(
    name: AgentName,
    host: Host,
    broker: PatientBroker,
    is_to_run: Callable[[], bool],
    seconds: float,
) -> None:
    """Wait until an agent runs with its new settings; one that is not to run is not waited for.

    Time in which the broker does not answer does not count: a harness connects to it again.

    Args:
        is_to_run: whether the operator wants it to run now.

    Raises:
        HyperhiveError: it does not; or the broker stays away.
    """
    container = host.place(name).container
    digest = settings_digest(container.profile.resolve())
    clock = broker.clock
    deadline = clock.now() + seconds
    with host.units() as units:
        while True:
            active = units.status(container.unit).active
            if active in _DOWN:
                if not is_to_run():
                    return
                how = "failed" if active == "failed" else "stopped"
                raise HyperhiveError(
                    f"the container of {name} {how} with its new settings",
                    f"see hyperhive logs {name}",
                )
            asked = clock.now()
            said = _settings(name, broker)
            if said == digest:
                return
            deadline += max(0.0, clock.now() - asked - _PAUSE)
            if clock.now() >= deadline:
                other = "other settings" if said else "nothing"
                raise HyperhiveError(
                    f"the harness of {name} did not say hello with its new settings within"
                    f" {seconds:g} s: it said {other}",
                    f"see hyperhive logs {name}",
                )
            clock.pause(_PAUSE)


def _settings(name: AgentName, broker: PatientBroker) -> str | None:
    try:
        return broker.ask(lambda one: one.agent(name)).settings
    except InputError:
        return None  # The broker does not know it yet.


def _no_settings(path: Path, why: str) -> HyperhiveError:
    return HyperhiveError(f"{path}, its harness's settings: {why}", "look at its extra.nix")

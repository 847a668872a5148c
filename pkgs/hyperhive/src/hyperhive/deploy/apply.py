"""Does the steps of a plan."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from hyperhive.deploy import steps
from hyperhive.deploy.builder import build_system, set_profile, switch_system
from hyperhive.deploy.marked_files import remove_file, write_file
from hyperhive.deploy.ownership import make_directory, own_tree
from hyperhive.deploy.plan import Place
from hyperhive.deploy.record import Record
from hyperhive.deploy.removal import remove_tree
from hyperhive.deploy.sockets import own_sockets, remove_sockets
from hyperhive.deploy.starting import Units
from hyperhive.deploy.steps import Step
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields

logger: Final = logging.getLogger(__name__)

_DOWN: Final = ("inactive", "failed")


class Hand:
    """Does steps for one agent.

    Args:
        name: the agent.
        place: where it is.
        source: the directory of its flake.
        units: systemd.
        progress: told what takes long.
    """

    def __init__(
        self,
        name: AgentName,
        place: Place,
        source: Path,
        units: Units,
        progress: Callable[[str], None],
    ) -> None:
        self._name = name
        self._place = place
        self._source = source
        self._units = units
        self._progress = progress

    def apply(self, step: Step) -> bool:
        """Do a step; say whether it changed anything.

        After a start or restart the container is down and ready: starting it is the caller's.

        Raises:
            HyperhiveError: it cannot be done; the steps after it must not be.
            OSError: the same.
        """
        agent, container = self._place.agent, self._place.container
        match step:
            case steps.MakeDirectory(path, owner):
                make_directory(path, owner)
            case steps.OwnTree(path):
                self._own_tree(step, may_run=path == agent.config)
            case steps.OwnSockets(owner):
                own_sockets(agent.sockets, owner)
            case steps.WriteConf(content):
                write_file(container.conf, content)
            case steps.WriteDropIn(content):
                write_file(container.drop_in, content)
            case steps.Build(digest):
                return self._build(digest)
            case steps.Stop():
                self._units.stop(container.unit)
            case steps.Start(shape) | steps.Restart(shape):
                self._make_ready(shape)
            case steps.Remember(shape):
                # Somebody may have had it start before all of it was there.
                if self._units.status(container.unit).active in _DOWN:
                    self._remember(shape)
            case steps.NoteRun(run):
                replace(Record.read(container.record), run=run).write(container.record)
            case steps.Switch():
                return self._switch()
            case steps.RemoveProfile():
                remove_tree(container.profiles)
                remove_tree(container.gcroots)
                remove_file(container.record)
            case steps.RemoveConf():
                remove_file(container.conf)
            case steps.RemoveDropIn():
                remove_file(container.drop_in)
                with suppress(OSError):  # It is not there, or holds settings of the operator's.
                    container.drop_in.parent.rmdir()
            case steps.RemoveSockets():
                remove_sockets(agent.sockets)
            case steps.ForgetFailure():
                self._units.reset_failed(container.unit)
            case steps.RemoveTree(path):
                remove_tree(path)
            case steps.Refuse(error):
                raise error
        return True

    def _own_tree(self, step: steps.OwnTree, *, may_run: bool) -> None:
        self._progress(f"giving the files of {self._name} to their new range")
        begun = time.monotonic()
        done = own_tree(step.path, step.uids, (lambda: None) if may_run else self._still_down)
        seconds = time.monotonic() - begun
        logger.info(
            "%s: gave %s to uids %d…%d: %d of %d entries in %.1f s",
            self._name, step.path, step.uids.base, step.uids.last, done.changed, done.seen, seconds,
            extra=fields(LogEvent.STATE_REOWNED, agent=self._name),
        )  # fmt: skip

    def _still_down(self) -> None:
        if self._units.status(self._place.container.unit).active not in _DOWN:
            raise HyperhiveError(
                f"the container of {self._name} was started while its files changed hands",
                "run hyperhive reconcile again",
            )

    def _build(self, digest: str) -> bool:
        profile, path = self._place.container.profile, self._place.container.record
        self._progress(f"building the system of {self._name}")
        system = build_system(self._source, self._name)
        record = Record.read(path)
        changed = not profile.exists() or profile.resolve() != system.resolve()
        if changed:
            set_profile(profile, system, self._name)
        replace(record, digest=digest, system=str(profile.resolve())).write(path)
        return changed

    def _make_ready(self, shape: str) -> None:
        container = self._place.container
        if self._units.status(container.unit).active not in _DOWN:
            self._units.stop(container.unit)
        self._remember(shape)

    def _remember(self, shape: str) -> None:
        """While it is down: it will start with this, whoever starts it."""
        container = self._place.container
        record = Record.read(container.record)
        running = str(container.profile.resolve())
        replace(record, shape=shape, run="", running=running).write(container.record)

    def _switch(self) -> bool:
        container = self._place.container
        record = Record.read(container.record)
        running = str(container.profile.resolve())
        if record.running == running:
            return False  # What was built is what it was.
        self._progress(f"switching {self._name} to its new system")
        # What it runs is not known from here on, until all of it has been taken up.
        replace(record, running="").write(container.record)
        switch_system(container.name, self._name)
        replace(record, running=running).write(container.record)
        return True

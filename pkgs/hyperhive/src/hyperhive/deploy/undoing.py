"""Puts back what a deploy changed: rendered files, profile, record, and the container with them.

Each part may be done over and over, so a run that is cut short is completed by the next one. The
container comes last. It is brought back by a plan as any other, but towards what was written down
before the deploy, not towards what is declared now; and nothing is built. Whoever is root in there
has no say in it: it is stopped and started from outside, never asked to switch; and if it does not
come up, that keeps nothing else back.
"""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from hyperhive.deploy.approved import NAMES
from hyperhive.deploy.desired import Desired, DesiredAgent, FormerAgent, Run, Wishes
from hyperhive.deploy.host import CONTAINERS, Host
from hyperhive.deploy.marked_files import remove_file, sync_directory, write_file
from hyperhive.deploy.observe import observe, observe_former
from hyperhive.deploy.plan import Plan, plan
from hyperhive.deploy.record import NO_RECORD, Record
from hyperhive.deploy.removal import remove_tree
from hyperhive.deploy.rendering import belongs_to
from hyperhive.deploy.repository import Repository
from hyperhive.deploy.steps import Build, Restart, Switch
from hyperhive.deploy.task import Outcome, Task, as_hyperhive_error
from hyperhive.deploy.transaction import Links, Transaction, directories, links_of
from hyperhive.deploy.work import Work
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.proposal import EXTRA_NIX
from hyperhive.hive.uids import UidRange
from hyperhive.render.manifest import MANIFEST, Manifest, manifest_bytes, parse_manifest
from hyperhive.render.write import STAGING
from hyperhive.store.container_rows import GONE
from hyperhive.store.container_states import Wanted

_TOP: Final = ("flake.nix", "hive.json")
"""Files of the tree that are of no one agent."""
_HALF: Final = ".{}.new"
"""What a file is called until it is renamed into its place."""


def undo(
    transaction: Transaction,
    host: Host,
    repository: Repository,
    ask: Callable[[], Wishes],
) -> HyperhiveError | None:
    """Put everything back as it was before a deploy.

    Args:
        ask: says what the operator wants. If it raises HyperhiveError, what was wanted then holds.

    Returns:
        What kept the container from being as it was: all else is. The next reconcile tries again.

    Raises:
        HyperhiveError: not even files can be; what is left is for another time.
        OSError: the same.
    """
    name, before = transaction.agent, transaction.before
    container = host.place(name).container
    restore_tree(transaction, host.paths.hive.deploy, repository)
    for path in (container.conf, container.drop_in):
        _remove_half(path)
    try:
        wanted = ask().get(name)
    except HyperhiveError:
        wanted = before.wanted
    trouble: HyperhiveError | None = None
    if before.conf is None:
        if wanted not in GONE:
            try:
                _retire(host, transaction, ask)
            except (HyperhiveError, OSError) as error:
                trouble = as_hyperhive_error(error)
        restore_profile(container.profiles, before.links)
        _restore_record(container.record, before.record)
        return trouble
    restore_profile(container.profiles, before.links)
    _restore_record(container.record, before.record)
    if wanted not in GONE:
        try:
            _bring(host, _as_it_was(host, transaction, wanted), ask)
        except (HyperhiveError, OSError) as error:
            trouble = as_hyperhive_error(error)
            # So that the next reconcile has it take up its system.
            replace(Record.read(container.record), running="").write(container.record)
    return trouble


def _retire(host: Host, transaction: Transaction, ask: Callable[[], Wishes]) -> None:
    """Remove the container that the deploy made, and its directories."""
    name, had = transaction.agent, transaction.before.had
    _bring(host, FormerAgent(name, declared="sockets" in had, purge=False), ask)
    for what, path in directories(host, name).items():
        if what not in had:
            remove_tree(path)
    with suppress(OSError):  # It is not there, or holds settings of the operator's.
        host.place(name).container.drop_in.parent.rmdir()


def restore_tree(transaction: Transaction, deploy: Path, repository: Repository) -> None:
    """Put back the files of the deploy directory that the deploy may have written.

    Others may have been written meanwhile, for other agents: so the manifest, which knows of all,
    is not put back, but what it says of these files is. It is the last: until then it has them all.
    """
    name, file = transaction.agent, deploy / MANIFEST
    shutil.rmtree(deploy / STAGING, ignore_errors=True)
    approved = [f"approved/{name}/{file}" for file in NAMES]
    for path in approved:
        _remove_half(deploy / path)
    now = parse_manifest(file.read_bytes(), str(file)) if file.exists() else Manifest()
    text = repository.text(MANIFEST, transaction.head)
    then = parse_manifest(text.encode(), f"{MANIFEST} of {deploy}") if text else Manifest()
    known = {path for path in now.paths() | then.paths() if _may_be_written(name, path)}
    if transaction.before.extra:
        known.add(f"agents/{name}/{EXTRA_NIX}")
    repository.restore([*known, *approved], transaction.head)
    merged = _merged(name, now, then)
    if merged == Manifest() and not text:
        remove_file(file)
    elif merged != now:
        write_file(file, manifest_bytes(merged))


def _merged(name: AgentName, now: Manifest, then: Manifest) -> Manifest:
    def of_others(files: Mapping[str, str]) -> dict[str, str]:
        return {path: known for path, known in files.items() if not _may_be_written(name, path)}

    def of_these(files: Mapping[str, str]) -> dict[str, str]:
        return {path: known for path, known in files.items() if _may_be_written(name, path)}

    return Manifest(
        {**of_others(now.files), **of_these(then.files)},
        {**of_others(now.replaced), **of_these(then.replaced)},
    )


def _may_be_written(name: AgentName, path: str) -> bool:
    return path in _TOP or belongs_to(name, path)


def restore_profile(profiles: Path, before: Links) -> None:
    """Make a profile lead to where it led, with the generations that there were."""
    if not before and not profiles.exists():
        return
    profiles.mkdir(mode=0o755, parents=True, exist_ok=True)
    # The profile is the shortest name and comes last: what it leads to is there.
    for name in sorted(before, key=len, reverse=True):
        target = before[name]
        if target is not None:
            _link(profiles / name, target)
    for name in links_of(profiles).keys() - before.keys():
        (profiles / name).unlink()
    sync_directory(profiles)


def _link(path: Path, target: str) -> None:
    with suppress(FileNotFoundError):
        if path.is_symlink() and str(path.readlink()) == target:
            return
    half = path.with_name(_HALF.format(path.name))
    half.unlink(missing_ok=True)
    half.symlink_to(target)
    half.replace(path)


def _restore_record(path: Path, content: bytes | None) -> None:
    """Put a record back, but for what the container runs with: that may have changed since."""
    if content is None:
        remove_file(path)
        return
    now, then = Record.read(path), Record.parse(content)
    if now == NO_RECORD:  # It was removed with its container, which runs no more.
        then = replace(then, shape="", run="", running="")
    else:
        then = replace(then, shape=now.shape, run=now.run, running=now.running)
    if now != then:
        then.write(path)


def _as_it_was(host: Host, transaction: Transaction, wanted: Wanted | None) -> DesiredAgent:
    name, before = transaction.agent, transaction.before
    assert before.conf is not None
    assert before.uids is not None, f"{name} had a container and no files"
    container = container_name(name)
    rendered = host.paths.hive.deploy / "containers" / f"{container}.service.d" / "hyperhive.conf"
    if wanted is before.wanted:
        run = Run.UP if before.up else Run.DOWN
    else:
        run = Run.UP if wanted is Wanted.RUNNING else Run.DOWN
    return DesiredAgent(
        name=name,
        uids=UidRange(before.uids),
        config_uids=UidRange(before.config_uids if before.config_uids is not None else before.uids),
        conf=before.conf,
        # A boot takes it away, so there may have been none.
        drop_in=before.drop_in if before.drop_in is not None else rendered.read_bytes(),
        digest=(NO_RECORD if before.record is None else Record.parse(before.record)).digest,
        run=run,
    )


def _bring(host: Host, desired: Desired, ask: Callable[[], Wishes]) -> None:
    """Have the container be as desired, with the system that is there."""
    place = host.place(desired.name)
    with host.units() as bus:
        units = {unit.name: unit for unit in bus.list(CONTAINERS)}
    look = observe_former if isinstance(desired, FormerAgent) else observe
    seen = look(place, units)
    todo = plan(desired, seen, place)
    runs_it = seen.record.running == seen.system
    late = tuple(
        Restart(step.shape) if isinstance(step, Switch) else step
        for step in todo.late
        if not isinstance(step, Build) and not (isinstance(step, Switch) and runs_it)
    )
    task = Task(place, Plan(todo.early, late), Outcome(desired.name))
    Work(host, partial(_is_still_to_run, ask)).do([task], lambda _: None)
    if task.outcome.error is not None:
        raise task.outcome.error


def _is_still_to_run(ask: Callable[[], Wishes], task: Task) -> bool:
    try:
        return ask().get(task.outcome.agent) in (None, Wanted.RUNNING)
    except HyperhiveError:
        return True


def _remove_half(path: Path) -> None:
    path.with_name(_HALF.format(path.name)).unlink(missing_ok=True)

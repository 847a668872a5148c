"""What was approved and deployed, as root keeps it: a directory an agent, in the deploy repository.

Root wrote it there itself, from a commit that it had verified. The broker has the same in its
store; nothing here is read from there.
"""

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hyperhive.deploy.marked_files import remove_file, sync_directory, write_file
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.members import Approved, Spawned
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.hive.proposal import EXTRA_NIX
from hyperhive.render.compare import NotRegularError, read_regular
from hyperhive.render.manifest import MANIFEST, parse_manifest
from hyperhive.wire.git_objects import ALLOWED

SPAWNED: Final = "spawn.json"
"""How an agent came to be that the hive does not declare."""
NAMES: Final = (*ALLOWED, SPAWNED)
"""The files of a directory."""

_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Layers:
    """What is there.

    Attributes:
        approved: by agent.
        problems: why that of an agent cannot be read.
    """

    approved: Mapping[AgentName, Approved]
    problems: Mapping[AgentName, HyperhiveError]


def read_layers(directory: Path) -> Layers:
    """What was approved of each agent.

    Raises:
        OSError: the directory cannot be read.
    """
    approved: dict[AgentName, Approved] = {}
    problems: dict[AgentName, HyperhiveError] = {}
    for name in _agents(directory):
        try:
            layer = read_layer(directory / name)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            problems[name] = HyperhiveError(
                f"{name}: what was approved cannot be read: {why}",
                f"put {directory / name} back as its git repository has it",
            )
        else:
            if layer is not None:
                approved[name] = layer
    return Layers(approved, problems)


def read_layer(directory: Path) -> Approved | None:
    """What was approved of one agent; None: nothing was.

    Raises:
        OSError: a file cannot be read.
        ValueError: one does not hold what it should.
    """
    texts = {}
    for name in NAMES:
        try:
            texts[name] = _text(directory / name)
        except FileNotFoundError:
            continue
    spawned = texts.pop(SPAWNED, None)
    if not texts and spawned is None:
        return None
    return Approved(texts, None if spawned is None else _spawned(spawned))


def write_layer(directory: Path, layer: Approved) -> None:
    """Make the directory hold this, and nothing of what it held before.

    Raises:
        OSError: it cannot be written.
    """
    texts = dict(layer.files)
    if layer.spawned is not None:
        texts[SPAWNED] = json.dumps(asdict(layer.spawned), indent=2, sort_keys=True) + "\n"
    for name in NAMES:
        if name in texts:
            write_file(directory / name, texts[name].encode())
        else:
            remove_file(directory / name)
    sync_directory(directory.parent)


def _agents(directory: Path) -> list[AgentName]:
    try:
        entries = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
    except FileNotFoundError:
        return []
    names = []
    for entry in entries:
        try:
            names.append(parse_agent_name(entry))
        except InputError:
            continue  # Somebody else's.
    return names


def _text(file: Path) -> str:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{file.name} is no file")
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{file.name} is too large")
    return content.decode()


def _spawned(text: str) -> Spawned:
    match json.loads(text):
        case {"description": str(description), "approval": int(approval)}:
            return Spawned(description, approval)
        case _:
            raise ValueError(f"{SPAWNED} does not say how the agent came to be")


def check_room(deploy: Path, name: AgentName) -> None:
    """See that no extra.nix of the operator's own is where a proposal's is to go.

    Args:
        deploy: the deploy directory.

    Raises:
        HyperhiveError: there is one.
    """
    path = f"agents/{name}/{EXTRA_NIX}"
    try:
        content = read_regular(deploy, path)
        manifest = parse_manifest(read_regular(deploy, MANIFEST), MANIFEST)
        own = not manifest.wrote(path, content)
    except FileNotFoundError:
        own = (deploy / path).exists()
    except NotRegularError:
        own = True
    if own:
        raise HyperhiveError(
            f"{name} has an extra.nix of your own: {deploy / path}",
            "move it away first, then have the change proposed again",
        )

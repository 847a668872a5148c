"""A deploy that is under way, written down before anything is touched, and gone when it is told.

It says what the host had before of the agent that it is about: whoever comes next under
reconcile's lock puts that back, or, where the deploy had happened, tells the broker so.
"""

import base64
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hyperhive.deploy.host import CONTAINERS, Host
from hyperhive.deploy.marked_files import remove_file, write_file
from hyperhive.deploy.observe import observe_former
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName, parse_agent_name
from hyperhive.hive.paths import HostPaths
from hyperhive.hive.proposal import EXTRA_NIX
from hyperhive.hive.uids import AGENT_UID
from hyperhive.store.container_states import Wanted

PROFILE: Final = ("system", ".system")
"""What names in the directory of an agent's profile begin with that Nix makes there."""

Links = Mapping[str, str | None]
"""The entries of such a directory: where each link leads to; None: it is no link."""


@dataclass(frozen=True, slots=True)
class Before:
    """What the host had of an agent.

    Attributes:
        up: whether its container ran.
        wanted: what the operator wanted of it.
        conf, drop_in, record: the contents of files; None: there were none.
        links: the profile with its generations.
        uids, config_uids: bases of the ranges that its files, and proposals about it, belonged to.
        had: which of its directories were there (`directories`).
        extra: whether it had an extra.nix.
    """

    up: bool
    wanted: Wanted | None
    conf: bytes | None
    drop_in: bytes | None
    record: bytes | None
    links: Links
    uids: int | None
    config_uids: int | None
    had: frozenset[str]
    extra: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """A deploy that is under way.

    Attributes:
        id, commit: of the approval, and the commit that is deployed.
        head: the newest commit of the deploy repository before.
        error: why it failed; "": it has not.
        log: the last lines of what was said when it failed.
        undone: whether it has failed and all that root can put back is; only the broker
            has to be told.
        changes: what was done, a few words each.
    """

    id: int
    agent: AgentName
    commit: str
    head: str
    before: Before
    error: str = ""
    log: tuple[str, ...] = ()
    undone: bool = False
    changes: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        """The first line of the message of its commit to the deploy repository."""
        return f"{self.agent}: deploy #{self.id} ({self.commit})"


def read_transaction(host: HostPaths) -> Transaction | None:
    """The deploy that is under way; None: there is none.

    Raises:
        HyperhiveError: it cannot be read.
    """
    path = host.transaction
    try:
        return _of_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise HyperhiveError(
            f"{path}, a deploy that was cut short, cannot be read: {error}",
            f"look at `git -C {host.hive.deploy} log`, and remove the file when all is as it says",
        ) from None


def write_transaction(host: HostPaths, transaction: Transaction) -> None:
    """Write a transaction down, durably."""
    content = json.dumps(_to_json(transaction), indent=2, sort_keys=True)
    write_file(host.transaction, content.encode() + b"\n")


def remove_transaction(host: HostPaths) -> None:
    """All is done."""
    remove_file(host.transaction)


def count_interruption(host: HostPaths, id: int) -> int:
    """Count that a deploy was cut short; how often that happened to the same approval in a row."""
    path = host.records / "interrupted.json"
    times = 0
    with suppress(FileNotFoundError, ValueError, TypeError):
        known, before = json.loads(path.read_bytes())
        times = before if known == id else 0
    write_file(path, json.dumps([id, times + 1]).encode())
    return times + 1


def directories(host: Host, name: AgentName) -> dict[str, Path]:
    """The directories of an agent that a deploy may make, by what they are."""
    place = host.place(name)
    return {
        "home": place.agent.home,
        "proposed": place.agent.proposed,
        "sockets": place.agent.sockets,
        "root": place.container.root,
        "profiles": place.container.profiles,
        "gcroots": place.container.gcroots,
    }


def look(host: Host, name: AgentName, wanted: Wanted | None) -> Before:
    """What the host has of an agent now.

    Raises:
        HyperhiveError: something in the way was not made by hyperhive.
        OSError: something cannot be read.
    """
    place = host.place(name)
    with host.units() as bus:
        units = {unit.name: unit for unit in bus.list(CONTAINERS)}
    now = observe_former(place, units)
    made = {what for what, path in directories(host, name).items() if os.path.lexists(path)}
    return Before(
        up=now.up,
        wanted=wanted,
        conf=now.conf,
        drop_in=now.drop_in,
        record=_content(place.container.record),
        links=links_of(place.container.profiles),
        uids=None if now.state is None else now.state.uid - AGENT_UID,
        config_uids=None if now.config is None else now.config.uid - AGENT_UID,
        had=frozenset(made),
        extra=os.path.lexists(host.paths.agent_source(name) / EXTRA_NIX),
    )


def links_of(profiles: Path) -> dict[str, str | None]:
    """The entries of Nix's in the directory of a profile."""
    try:
        entries = sorted(profiles.iterdir())
    except FileNotFoundError:
        return {}
    return {
        entry.name: str(entry.readlink()) if entry.is_symlink() else None
        for entry in entries
        if entry.name.startswith(PROFILE)
    }


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None


def _to_json(transaction: Transaction) -> dict[str, Any]:
    before = transaction.before
    return {
        "id": transaction.id,
        "agent": transaction.agent,
        "commit": transaction.commit,
        "head": transaction.head,
        "error": transaction.error,
        "log": transaction.log,
        "undone": transaction.undone,
        "changes": transaction.changes,
        "before": {
            "up": before.up,
            "wanted": before.wanted,
            "conf": _encoded(before.conf),
            "drop_in": _encoded(before.drop_in),
            "record": _encoded(before.record),
            "links": dict(before.links),
            "uids": before.uids,
            "config_uids": before.config_uids,
            "had": sorted(before.had),
            "extra": before.extra,
        },
    }


def _of_json(values: dict[str, Any]) -> Transaction:
    before = values["before"]
    return Transaction(
        id=int(values["id"]),
        agent=parse_agent_name(values["agent"]),
        commit=str(values["commit"]),
        head=str(values["head"]),
        error=str(values["error"]),
        log=tuple(values["log"]),
        undone=bool(values["undone"]),
        changes=tuple(values["changes"]),
        before=Before(
            up=bool(before["up"]),
            wanted=None if before["wanted"] is None else Wanted(before["wanted"]),
            conf=_decoded(before["conf"]),
            drop_in=_decoded(before["drop_in"]),
            record=_decoded(before["record"]),
            links=dict(before["links"]),
            uids=before["uids"],
            config_uids=before["config_uids"],
            had=frozenset(before["had"]),
            extra=bool(before["extra"]),
        ),
    )


def _encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)

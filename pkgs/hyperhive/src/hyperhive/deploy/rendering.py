"""Renders the hive into the deploy directory. A file that somebody changed stops its agent only."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hyperhive.deploy.record import source_digest
from hyperhive.errors import HyperhiveError
from hyperhive.hive.members import Members
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.paths import HostPaths
from hyperhive.hive.proposal import EXTRA_NIX
from hyperhive.render.agent import Host
from hyperhive.render.compare import BLOCKING, Belongs, Extent, State, Tree, compare, nothing
from hyperhive.render.tree import render_agent, render_hive, render_top
from hyperhive.render.write import write_tree


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered tree beside the deploy directory.

    Attributes:
        tree: its files.
        extent, belongs: what it is of the directory.
        directory: the deploy directory.
        blocked: paths that were not written by a render, or changed since.
        obsolete: paths that an earlier render wrote and that are to go.
    """

    tree: Tree
    extent: Extent
    belongs: Belongs
    directory: Path
    blocked: tuple[str, ...]
    obsolete: frozenset[str]

    @classmethod
    def of(cls, members: Members, scope: AgentName | None, host: HostPaths) -> "Rendering":
        """Render the hive, or the agent `scope` and what is of all agents, and compare.

        An extra.nix that was approved is a part of the tree as any other file.

        Raises:
            InputError: a value cannot stand where it belongs.
            HyperhiveError: the deploy directory cannot be read.
        """
        hive, target = members.hive, Host(host.hive, host.hive.deploy)
        tree: dict[str, bytes]
        extent, belongs = Extent.WHOLE, nothing
        if scope is None:
            tree = render_hive(hive, target)
        else:
            extent, belongs = Extent.PART, partial(belongs_to, scope)
            tree = render_top(hive)
            if scope in hive.agents:
                tree |= render_agent(hive, scope, target)
        for name, layer in members.layers.items():
            if layer.extra_nix is not None and scope in (None, name):
                tree[f"agents/{name}/{EXTRA_NIX}"] = layer.extra_nix.encode()
        comparison = compare(tree, target.deploy, extent, belongs)
        return cls(
            tree,
            extent,
            belongs,
            target.deploy,
            tuple(comparison.paths(*BLOCKING)),
            frozenset(comparison.paths(State.OBSOLETE)),
        )

    def blocking(self, name: AgentName) -> HyperhiveError | None:
        """Why the files of an agent cannot be written, if so."""
        paths = [path for path in self.blocked if belongs_to(name, path)]
        return _by_hand(self.directory, paths) if paths else None

    def blocking_all(self) -> HyperhiveError | None:
        """Why files of all agents cannot be written, or those of former ones removed, if so."""
        paths = [path for path in self.blocked if path not in self.tree or _owner(path) == path]
        return _by_hand(self.directory, paths) if paths else None

    def write(self, untouched: Container[AgentName] = ()) -> None:
        """Write what can be written, and nothing of some agents.

        Raises:
            HyperhiveError: the directory cannot be written.
        """
        stuck = {_owner(path) for path in self.blocked}
        stuck |= {
            owner for owner in map(_owner, {*self.tree, *self.obsolete}) if owner in untouched
        }
        if not stuck:
            write_tree(self.tree, self.directory, self.extent, self.belongs)
            return
        free = {path: text for path, text in self.tree.items() if _owner(path) not in stuck}
        write_tree(free, self.directory, Extent.PART)

    def digest(self, name: AgentName) -> str:
        """The digest of what an agent's system is built from: what is rendered, and what the
        operator put beside it (extra.nix, flake.lock).

        Raises:
            OSError: a file beside it cannot be read.
        """
        top = f"agents/{name}/"
        files = {path: content for path, content in self.tree.items() if path.startswith(top)}
        source = self.directory / "agents" / name
        if source.is_dir():
            for file in sorted(source.rglob("*")):
                path = file.relative_to(self.directory).as_posix()
                if path in files or path in self.obsolete:
                    continue
                if file.is_file() and not file.is_symlink():
                    files[path] = file.read_bytes()
        return source_digest(files)


def _owner(path: str) -> str:
    """Whose a path of the tree is: `agents/alice`, `containers/h-alice`, or a file of all."""
    first, *rest = path.split("/")
    if not rest:
        return path
    return rest[0].removeprefix("h-").split(".")[0] if first == "containers" else rest[0]


def commit_message(paths: Iterable[str]) -> str:
    """What a commit of changes to paths of the deploy directory is called, by whose they are."""
    owners = sorted({_owner(path) for path in paths if "/" in path})
    return f"render: {', '.join(owners or ['hive'])}"


def belongs_to(name: AgentName, path: str) -> bool:
    """Whether a path of the tree belongs to an agent."""
    return path.startswith((f"agents/{name}/", f"containers/{container_name(name)}."))


def _by_hand(directory: Path, paths: list[str]) -> HyperhiveError:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return HyperhiveError(
        f"{directory / paths[0]}{more} was changed by hand",
        "declare lasting changes, or put them into extra.nix; delete the file, and run this again",
    )

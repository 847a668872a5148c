"""Renders the hive into the deploy directory. A file that somebody changed stops its agent only."""

from dataclasses import dataclass
from pathlib import Path

from hyperhive.deploy.record import source_digest
from hyperhive.errors import HyperhiveError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.paths import HostPaths
from hyperhive.render.agent import Host
from hyperhive.render.compare import BLOCKING, Extent, Tree, compare
from hyperhive.render.tree import render_agent, render_hive
from hyperhive.render.write import write_tree


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered tree beside the deploy directory.

    Attributes:
        tree: its files.
        extent: what it is of the directory.
        directory: the deploy directory.
        blocked: paths that were not written by a render, or changed since.
    """

    tree: Tree
    extent: Extent
    directory: Path
    blocked: tuple[str, ...]

    @classmethod
    def of(cls, hive: HiveConfig, scope: AgentName | None, host: HostPaths) -> "Rendering":
        """Render the hive, or the agent `scope` alone, and compare.

        Raises:
            InputError: a value cannot stand where it belongs.
            HyperhiveError: the deploy directory cannot be read.
        """
        target = Host(host.hive, host.hive.deploy)
        tree: Tree = {}
        extent = Extent.PART
        if scope is None:
            tree, extent = render_hive(hive, target), Extent.WHOLE
        elif scope in hive.agents:
            tree = render_agent(hive, scope, target)
        comparison = compare(tree, target.deploy, extent)
        return cls(tree, extent, target.deploy, tuple(comparison.paths(*BLOCKING)))

    def blocking(self, name: AgentName) -> HyperhiveError | None:
        """Why the files of an agent cannot be written, if so."""
        paths = [path for path in self.blocked if _belongs(path, name)]
        return _by_hand(self.directory, paths) if paths else None

    def blocking_all(self) -> HyperhiveError | None:
        """Why files of all agents cannot be written, or those of former ones removed, if so."""
        paths = [path for path in self.blocked if path not in self.tree or _owner(path) == path]
        return _by_hand(self.directory, paths) if paths else None

    def write(self) -> None:
        """Write what can be written.

        Raises:
            HyperhiveError: the directory cannot be written.
        """
        if not self.blocked:
            write_tree(self.tree, self.directory, self.extent)
            return
        stuck = {_owner(path) for path in self.blocked}
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
                if path not in files and file.is_file() and not file.is_symlink():
                    files[path] = file.read_bytes()
        return source_digest(files)


def _owner(path: str) -> str:
    """Whose a path of the tree is: `agents/alice`, `containers/h-alice`, or a file of all."""
    first, *rest = path.split("/")
    if not rest:
        return path
    return rest[0].removeprefix("h-").split(".")[0] if first == "containers" else rest[0]


def _belongs(path: str, name: AgentName) -> bool:
    return path.startswith((f"agents/{name}/", f"containers/{container_name(name)}."))


def _by_hand(directory: Path, paths: list[str]) -> HyperhiveError:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return HyperhiveError(
        f"{directory / paths[0]}{more} was changed by hand",
        "declare lasting changes, or put them into extra.nix; delete the file, and run this again",
    )

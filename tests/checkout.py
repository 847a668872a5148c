"""The files of the checkout, and which module of the package imports which, for tests of both."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.tools import ROOT, program

SOURCE: Final = ROOT / "pkgs" / "hyperhive" / "src"
PACKAGE: Final = "hyperhive"


def project_files(*suffixes: str) -> list[Path]:
    """Return the files of the project that end with one of `suffixes`, or all of them.

    Files that git ignores are no part of it; files not yet added are.
    """
    git = program("git", "apt-get install git, and test in a clone")
    # Root may test another user's clone.
    command = [str(git), "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
    listed = subprocess.run(
        [*command, "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = [ROOT / name for name in sorted(set(listed.split("\0"))) if name]
    return [file for file in files if file.is_file() and file.name.endswith(suffixes or ("",))]


@dataclass(frozen=True)
class Import:
    """One import statement's target.

    Attributes:
        importer: the module that imports, dotted.
        target: the module that is imported, dotted; of the package, the very module.
        line: where.
        at_start: whether importing the importer runs it (not in a function, not for types only).
    """

    importer: str
    target: str
    line: int
    at_start: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.target}"


def package_modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    modules = {}
    for file in sorted((SOURCE / PACKAGE).rglob("*.py")):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return modules


def imports_of(module: str, file: Path, modules: dict[str, Path]) -> Iterator[Import]:
    """Yield every import in `file`, wherever in it."""
    tree = ast.parse(file.read_text(), str(file))
    later = {
        id(inner)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef) or _for_types_only(outer)
        for inner in ast.walk(outer)
    }
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        at_start = id(node) not in later
        if isinstance(node, ast.Import):
            for name in node.names:
                yield Import(module, name.name, node.lineno, at_start)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for name in node.names:
                submodule = f"{base}.{name.name}"
                target = submodule if submodule in modules else base
                yield Import(module, target, node.lineno, at_start)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)

"""Writes the locked requirements of both ends of the supported range; `make lock` runs it.

For each end there is one file with the project's own dependencies, its test tools and its build
backend, and one more for each extra with what that extra adds. "lowest" holds the direct
dependencies at the lower bounds of pyproject.toml and everything else at its newest; "newest" holds
the newest of everything, and the linters. Hashes let any mirror of the package index serve them.
"""

import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parent.parent / "pkgs" / "hyperhive"
LOCKS: Final = PROJECT / "locks"

PYTHON: Final = "3.11"
"""The oldest supported Python; what is resolved for it is what every later one installs too."""

RESOLUTION: Final = {"newest": "highest", "lowest": "lowest-direct"}
GROUP: Final = {"newest": "dev", "lowest": "test"}

BUILT_HERE: Final = frozenset({"systemd"})
"""Extras that tell what they need only by being built from source; they need no other package."""

HEADER: Final = "# Written by `make lock` from pyproject.toml: edit that, not this.\n"


def main() -> int:
    """Write every lock file and say which."""
    pyproject = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    with tempfile.TemporaryDirectory() as directory:
        uv = _install_uv(Path(directory))
        for end in RESOLUTION:
            base = LOCKS / f"{end}.txt"
            base.write_text(HEADER + _compile(uv, end, _base_requirements(pyproject, end)))
            print(f"wrote {base}")
            for extra, requirements in pyproject["project"]["optional-dependencies"].items():
                flags = ["--constraint", str(base)]
                if extra in BUILT_HERE:
                    flags.append("--no-deps")
                added = _without(_compile(uv, end, requirements, *flags), base.read_text())
                path = LOCKS / f"{end}-{extra}.txt"
                path.write_text(HEADER + added)
                print(f"wrote {path}")
    return 0


def _install_uv(directory: Path) -> Path:
    """Install uv, which resolves, in an environment of its own; return its path."""
    venv.create(directory, with_pip=True)
    pip = [str(directory / "bin" / "python"), "-I", "-m", "pip", "install", "--quiet", "uv"]
    subprocess.run(pip, check=True)
    return directory / "bin" / "uv"


def _base_requirements(pyproject: dict[str, Any], end: str) -> list[str]:
    """Return what a virtual environment of this end starts from."""
    return [
        *pyproject["project"]["dependencies"],
        *pyproject["build-system"]["requires"],
        *group(pyproject["dependency-groups"], GROUP[end]),
    ]


def group(groups: dict[str, list[Any]], name: str) -> list[str]:
    """Return the requirements of a dependency group, those of included groups among them."""
    found: list[str] = []
    for entry in groups[name]:
        if isinstance(entry, str):
            found.append(entry)
        else:
            found += group(groups, entry["include-group"])
    return found


def _compile(uv: Path, end: str, requirements: list[str], *flags: str) -> str:
    """Return the pinned requirements with their hashes."""
    command = [str(uv), "pip", "compile", "-", "--quiet", "--no-cache", "--generate-hashes"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", *flags]
    command += ["--python-version", PYTHON, "--python-platform", "linux"]
    command += ["--resolution", RESOLUTION[end]]
    text = "\n".join(requirements)
    done = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
    return done.stdout


def _without(pinned: str, base: str) -> str:
    """Return the pinned requirements less those that the base pins already."""
    in_base = set(base.splitlines())
    kept: list[str] = []
    keep = False
    for line in pinned.splitlines(keepends=True):
        if not line.startswith(" "):
            keep = line.rstrip("\n") not in in_base
        if keep:
            kept.append(line)
    return "".join(kept)


if __name__ == "__main__":
    sys.exit(main())

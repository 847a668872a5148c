"""Makes one virtual environment from a lock, with the project in it; scripts/setup runs it.

What is there already and made from the same inputs is left alone: a record in the environment
says what it was made from. The record is written after each step, so an environment whose making
was interrupted is made anew. Standard library only: it runs before anything is installed.
"""

import argparse
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final = ROOT / "pkgs" / "hyperhive"
LOCKS: Final = PROJECT / "locks"

RECORD: Final = "made-from.json"


class SetupError(Exception):
    """The environment cannot be made; the text is one line for the reader."""


class Environment:
    """A virtual environment and the record of what it was made from.

    Attributes:
        path: its directory.
        end: which end of the supported range its lock is of, "newest" or "lowest".
        log: where the output of a step that failed stays.
        record: what was put in, by name, as digests of what it was made from.
    """

    def __init__(self, path: Path, end: str) -> None:
        self.path = path
        self.end = end
        self.log = path.with_suffix(".log")
        self.record: dict[str, str] = {}
        # Without a readable record there is nothing, or something half made.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
            self.record = json.loads((path / RECORD).read_text())

    def make(self, extras: list[str]) -> None:
        """Bring the environment up to date with its lock, the extras and the project.

        Extras that it has already are kept.

        Raises:
            SetupError: a step failed.
        """
        base = self._base()
        wanted = {name for name in self.record if name not in ("base", "project")} | set(extras)
        if self.record.get("base") != base or not self._runs():
            self._say(f"making it with Python {sys.version.split()[0]}, about half a minute")
            self.record = {}
            self._create()
            self._install(self.end, *self._locked(self.end))
            self._write("base", base)
        for extra in sorted(wanted):
            lock = f"{self.end}-{extra}"
            digest = _digest(LOCKS / f"{lock}.txt")
            if self.record.get(extra) != digest:
                self._say(f"installing the extra {extra}")
                self._install(lock, *self._locked(lock))
                self._write(extra, digest)
        # The version in __init__.py and the commands in pyproject.toml become part of what is
        # installed; every other change of the source is seen without installing again.
        project = _digest(PROJECT / "pyproject.toml", PROJECT / "src" / "hyperhive" / "__init__.py")
        if self.record.get("project") != project:
            editable = ["--no-deps", "--no-build-isolation", "--editable", str(PROJECT)]
            self._install("hyperhive", *editable)
            self._write("project", project)

    def _base(self) -> str:
        """Return the digest of what the environment stands on, its place and its Python."""
        place = f"{self.path}\n{sys.executable}\n{sys.version}\n"
        return _digest(LOCKS / f"{self.end}.txt", Path(__file__), prefix=place)

    def _runs(self) -> bool:
        """Say whether the environment's Python starts and has pip."""
        command = [str(self.path / "bin" / "python"), "-I", "-c", "import pip"]
        try:
            return subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            return False

    def _create(self) -> None:
        """Make an empty environment in place of whatever is there."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)
        command = [sys.executable, "-I", "-m", "venv", str(self.path)]
        ensurepip = importlib.util.find_spec("ensurepip")
        if ensurepip is None or ensurepip.origin is None:
            # Debian without python3-venv: _install uses the pip of this Python.
            command.insert(-1, "--without-pip")
        _run(command, "the virtual environment could not be made", self.log)

    def _locked(self, lock: str) -> list[str]:
        return ["--no-deps", "--require-hashes", "--requirement", str(LOCKS / f"{lock}.txt")]

    def _install(self, what: str, *arguments: str) -> None:
        """Run pip's install in the environment."""
        python = self.path / "bin" / "python"
        if (self.path / "bin" / "pip").exists():
            pip = [str(python), "-I", "-m", "pip"]
        else:
            pip = [sys.executable, "-m", "pip", "--python", str(python)]
        flags = ["--no-input", "--disable-pip-version-check", "--retries", "2"]
        failed = f"pip could not install {what} (is there a network, and a package index for pip?)"
        _run([*pip, "install", *flags, *arguments], failed, self.log)

    def _write(self, name: str, digest: str) -> None:
        self.record[name] = digest
        (self.path / RECORD).write_text(json.dumps(self.record, indent=2) + "\n")

    def _say(self, what: str) -> None:
        print(f"setup: {self.path.name}: {what}", file=sys.stderr, flush=True)


def _run(command: list[str], failed: str, log: Path) -> None:
    """Run a command quietly; what it prints stays in `log` only if it fails.

    Raises:
        SetupError: it failed; the text says so with the command's own words on it.
    """
    # Neither a caller's Python path nor its wish for a user installation may reach the environment.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["PIP_USER"] = "0"
    with log.open("w") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
    if done.returncode == 0:
        log.unlink()
        return
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    words = (errors or lines or ["nothing"])[-1]
    raise SetupError(f"{failed}; it said: {words} (all of it: {log.name})")


def _digest(*files: Path, prefix: str = "") -> str:
    """Return one digest of a text and some files."""
    digest = hashlib.sha256(prefix.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Make the environment that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", help="of the environment, in the top of the checkout")
    parser.add_argument("end", choices=["newest", "lowest"])
    parser.add_argument("extras", nargs="*")
    arguments = parser.parse_args()
    # Two commands at once would install over each other; the second waits, then finds it done.
    lock = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        Environment(ROOT / arguments.directory, arguments.end).make(arguments.extras)
    except (SetupError, OSError) as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    finally:
        os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main())

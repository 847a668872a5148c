"""What reconciling remembers of an agent: what was built for it, and what its container runs with.

A record is written before what it tells of could be lost: the digest only after the profile holds
what was built, and what a container starts with while it is down. So after a crash at any point the
next run sees what is left to do.
"""

import json
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from hyperhive.deploy.marked_files import write_file

_LIVE: Final = frozenset({
    # Applied to a running unit when systemd reads it again, or of no meaning while it runs.
    "CPUQuota", "Description", "MemoryMax", "Restart", "RestartMaxDelaySec", "RestartSec",
    "RestartSteps", "StartLimitBurst", "StartLimitIntervalSec", "TasksMax",
    # Read when a system is built, and by nothing.
    "AUTO_START", "FLAKE",
})  # fmt: skip
"""Settings of a drop-in or a conf that change nothing in a container that runs."""


@dataclass(frozen=True, slots=True)
class Record:
    """An agent's record.

    Attributes:
        digest: of the sources of `system`; "" for one that somebody else put into the profile.
        system: the store path that was built from them.
        shape: digest of the settings that the running container was started with.
        run: InvocationID of the run of which alone that is true, since settings were written after
            its start; "": of whatever run there is. See systemd.exec(5), INVOCATION_ID.
        running: the system that it runs; "": not known, since switching to one failed.
    """

    digest: str = ""
    system: str = ""
    shape: str = ""
    run: str = ""
    running: str = ""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The record at `path`; an empty one where there is none that can be read."""
        try:
            return cls.parse(path.read_bytes())
        except FileNotFoundError:
            return cls()

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """The record that a file holds; an empty one where it holds none."""
        try:
            values = json.loads(content)
        except ValueError:
            return cls()
        if not isinstance(values, dict):
            return cls()
        return cls(**{field.name: str(values.get(field.name, "")) for field in fields(cls)})

    def write(self, path: Path) -> None:
        """Keep the record at `path`."""
        write_file(path, (json.dumps(asdict(self), indent=2) + "\n").encode())


NO_RECORD: Final = Record()


def source_digest(files: dict[str, bytes]) -> str:
    """The digest of a directory's files by path."""
    total = sha256()
    for path, content in sorted(files.items()):
        for part in (path.encode(errors="surrogateescape"), content):
            total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def shape_digest(conf: bytes, drop_in: bytes) -> str:
    """The digest of those settings that a container takes up only when it starts."""
    lines = [
        line
        for line in (conf + b"\n" + drop_in).decode(errors="surrogateescape").splitlines()
        if line.strip() and not line.startswith("#") and line.split("=")[0] not in _LIVE
    ]
    return source_digest({"": "\n".join(lines).encode(errors="surrogateescape")})

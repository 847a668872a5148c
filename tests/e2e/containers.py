"""nixos-containers in the testbed: the template unit, its scripts, the directories they use."""

from pathlib import Path
from typing import Final

from tests.e2e.testbed import Testbed

SOURCE: Final = Path(__file__).with_name("nixos_containers")
STORE: Final = Path("/nix/store")
SCRIPTS: Final = STORE / "nixos-containers"
"""In the store, since a container runs one of them and sees the store."""
TEMPLATE: Final = "container@.service"


def install(testbed: Testbed) -> None:
    """Put the template and its scripts into the testbed."""
    for directory in (
        SCRIPTS,
        "/etc/nixos-containers",
        "/nix/var/nix/daemon-socket",
        "/nix/var/nix/db",
        "/nix/var/nix/gcroots/per-container",
        "/nix/var/nix/profiles/per-container",
    ):
        testbed.path(directory).mkdir(parents=True, exist_ok=True)
    for file in SOURCE.iterdir():
        if file.name != TEMPLATE:
            copy = testbed.path(SCRIPTS / file.name)
            copy.write_text(file.read_text())
            copy.chmod(0o755)
    testbed.unit(TEMPLATE, (SOURCE / TEMPLATE).read_text())

"""Builds an agent's system with Nix, and makes it the one that the container boots.

What is built may have been proposed by an agent, and root evaluates it. A flake is evaluated
purely unless --impure says otherwise: no file outside of it, no environment, no program. Yet pure
evaluation fetches, as root, what is named with its hash: `fetchurl` of file:///etc/shadow,
`fetchGit` of any repository on the host. Restricted evaluation refuses these as well. Nothing is
built in order to go on evaluating, and the flake has no say in Nix's settings. Tried with Nix 2.8
and 2.26, of an extra.nix was refused

- readFile, readDir, path, import, hashFile, filterSource and links that lead out: in both modes;
- getEnv is "", pathExists is false, exec and currentTime are not there: in both modes;
- fetchurl without a hash, fetchGit, fetchTree, getFlake of what is not locked: in both modes;
- fetchurl with a hash, fetchGit with a revision: in restricted mode alone;
- readFile of a derivation: with allow-import-from-derivation = false alone.

Restricted evaluation lets the flake's own inputs be: `path:`, which the host's module gives, in
both versions; `git+file:` and `http:` in 2.26, though not in 2.8. There `allowed-uris` of nix.conf
can name them, which the operator writes.
"""

import json
import os
from pathlib import Path
from typing import Final

from hyperhive.deploy.commands import CommandError, run
from hyperhive.errors import HyperhiveError
from hyperhive.logs import shortened

BUILD_SECONDS: Final = 30 * 60.0
PROFILE_SECONDS: Final = 60.0
SWITCH_SECONDS: Final = 10 * 60.0
RESTRICTIONS: Final = (
    "--no-write-lock-file",
    "--no-accept-flake-config",
    "--option", "allow-import-from-derivation", "false",
    "--option", "restrict-eval", "true",
)  # fmt: skip
"""What keeps the evaluation of a flake to itself."""
FLAKES: Final = ("--extra-experimental-features", "nix-command flakes")
MOST_FROM_INSIDE: Final = 200
"""Lines of a switch in the host's log: a container's root says what they are."""

_MOST_IN_ERROR: Final = 500
_SWITCH: Final = "/nix/var/nix/profiles/system/bin/switch-to-configuration"


def build_system(source: Path, agent: str) -> Path:
    """Build the system of the flake at `source` and return its store path.

    Raises:
        HyperhiveError: it does not evaluate or build.
    """
    reference = f'path:{source}#nixosConfigurations."container".config.system.build.toplevel'
    output = run(
        ["nix", "build", "--no-link", "--json", *RESTRICTIONS, *FLAKES, reference],
        agent=agent,
        seconds=BUILD_SECONDS,
        todo=f"see journalctl HYPERHIVE_AGENT={agent}; the agent stays as it was",
    )
    match _decoded(output):
        case [{"outputs": {"out": str(path)}}] if path.startswith("/"):
            return Path(path)
        case _:
            raise HyperhiveError(f"nix build printed {output[:200]!r}, not one path", "see its log")


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def set_profile(profile: Path, system: Path, agent: str) -> None:
    """Make `system` the newest generation of a profile.

    Raises:
        HyperhiveError: Nix cannot.
    """
    profile.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    run(
        ["nix-env", "--profile", os.fspath(profile), "--set", os.fspath(system)],
        agent=agent,
        seconds=PROFILE_SECONDS,
        todo=f"look at {profile.parent}",
    )


def switch_system(container: str, agent: str) -> None:
    """Have a running container take up its profile's newest generation.

    A unit inside the container does it, as the container's own root. The reload of its unit on the
    host would enter without the user namespace (NixOS/nixpkgs#57083). So what it says is for
    that root to choose, and so is how long anything inside keeps the pipe that it was given.

    Raises:
        HyperhiveError: something in the container failed to start or stop, or it took too long.
    """
    argv = [
        "systemd-run",
        f"--machine={container}",
        "--wait",
        "--pipe",
        "--quiet",
        "--collect",
        "--",
        _SWITCH,
        "test",
    ]
    try:
        run(argv, agent=agent, seconds=SWITCH_SECONDS, todo="", most_logged=MOST_FROM_INSIDE)
    except CommandError as error:
        said = "; ".join(line.strip() for line in error.lines[-3:] if line.strip())
        raise HyperhiveError(
            f"{agent} did not take up its new system: "
            f"{shortened(said or error.what, _MOST_IN_ERROR)}",
            f"see hyperhive logs {agent}; hyperhive agent restart {agent} starts it anew",
        ) from error

"""A container's system, as a derivation of NixOS would be: a path in the store with `init` in it.

Programs come from this machine's /usr and a base of /etc from its /etc, since there is no nixpkgs
here to build them from; what the project's module for agents declares is in it as NixOS would have
it: files of /etc, units, temporary files, the user. Standard library only: it runs in a builder.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYSTEMD: Final = "/usr/lib/systemd/systemd"

# What programs of the machine's /usr expect in /etc.
_BASE: Final = (
    "dbus-1",
    "ld.so.cache",
    "login.defs",
    "nsswitch.conf",
    "pam.conf",
    "pam.d",
    "security",
)
# They need devices or the machine's kernel, or are no part of such a container on NixOS.
_MASKED: Final = (
    "console-getty.service",
    "e2scrub_reap.service",
    "getty.target",
    "systemd-ask-password-console.path",
    "systemd-ask-password-wall.path",
    "systemd-logind.service",
    "systemd-modules-load.service",
    "systemd-networkd-wait-online.service",
    "systemd-random-seed.service",
    "systemd-sysusers.service",
    "systemd-sysctl.service",
    "systemd-timesyncd.service",
    "systemd-udev-trigger.service",
    "systemd-udevd.service",
    "systemd-update-utmp.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-user-sessions.service",
)
_INIT: Final = """\
# What the first process of the container sources, with this file's path as $1.
system=$(readlink -f "${1%/init}")
"$system/activate" || echo "the system could not be activated" >&2
exec SYSTEMD --show-status=no
"""
# Like NixOS: files of an earlier system that this one has not are removed, others are left alone.
_ACTIVATE: Final = """\
#!/bin/bash -e
system=$(dirname "$(readlink -f "$0")")
for link in bin lib lib64 sbin; do
    ln -sfn "usr/$link" "/$link"
done
mkdir -p /etc /root /tmp /var/empty /var/log/journal
if [[ -e /etc/.from-system ]]; then
    while read -r file; do
        [[ -e $system/etc/$file || -h $system/etc/$file ]] || rm -f "/etc/$file"
    done </etc/.from-system
fi
cp --recursive --no-dereference --remove-destination "$system/etc/." /etc/
chmod 0600 /etc/shadow  # in the store everybody reads everything
(cd "$system/etc" && find . -not -type d) >/etc/.from-system
ln -sfn "$system" /run/current-system
"""
_SWITCH: Final = """\
#!/bin/bash -e
# switch-to-configuration test: this system in the place of the one that runs.
system=$(dirname "$(dirname "$(readlink -f "$0")")")
former=$(readlink -f /run/current-system)
[[ $1 = test ]] || { echo "only \\`test' is possible in a container" >&2; exit 2; }
"$system/activate"
systemctl daemon-reload
systemd-tmpfiles --create --remove || true
for unit in "$system"/restarts/*; do
    name=${unit##*/}
    if ! cmp --quiet "$unit" "$former/restarts/$name"; then
        echo "restarting $name"
        systemctl restart "$name"
    fi
done
"""


@dataclass(frozen=True, slots=True)
class System:
    """What a system consists of.

    Attributes:
        name: of the container, `h-alice`.
        files: of /etc by their paths below it; a value that begins with `-> ` is a link's target.
        units: texts of units by their names.
        wanted: which units multi-user.target wants.
        restarts: units that are restarted when one of these texts has changed.
        tmpfiles: lines of tmpfiles.d.
        users: lines of passwd.
        groups: lines of group.
    """

    name: str
    files: Mapping[str, str]
    units: Mapping[str, str]
    wanted: Sequence[str]
    restarts: Mapping[str, Sequence[str]]
    tmpfiles: Sequence[str]
    users: Sequence[str]
    groups: Sequence[str]


def write_system(system: System, path: Path, machine: Path = Path("/etc")) -> None:
    """Make `path` a system.

    Args:
        machine: the /etc that programs of /usr are used to.
    """
    _write_etc(system, path / "etc", machine)
    (path / "restarts").mkdir()
    for unit, texts in system.restarts.items():
        (path / "restarts" / unit).write_text("\n".join(texts))
    (path / "system").write_text("x86_64-linux")
    (path / "sw").symlink_to("/usr")  # where NixOS has the programs of everybody's PATH
    (path / "bin").mkdir()
    programs = {"init": _INIT, "activate": _ACTIVATE, "bin/switch-to-configuration": _SWITCH}
    for name, text in programs.items():
        (path / name).write_text(text.replace("SYSTEMD", SYSTEMD))
        (path / name).chmod(0o755)


def _write_etc(system: System, etc: Path, machine: Path) -> None:
    etc.mkdir(parents=True)
    for name in _BASE:
        if (machine / name).is_dir():
            shutil.copytree(machine / name, etc / name, symlinks=True)
        elif (machine / name).exists():
            shutil.copy(machine / name, etc / name)
    own = [line for line in (machine / "passwd").read_text().splitlines() if _of_system(line)]
    (etc / "passwd").write_text("\n".join([*own, *system.users]) + "\n")
    names = [line.split(":")[0] for line in [*own, *system.users]]
    (etc / "shadow").write_text("".join(f"{name}:!:::::::\n" for name in names))
    own = [line for line in (machine / "group").read_text().splitlines() if _of_system(line)]
    (etc / "group").write_text("\n".join([*own, *system.groups]) + "\n")

    units = etc / "systemd/system"
    (units / "multi-user.target.wants").mkdir(parents=True)
    (units / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    for name in _MASKED:
        (units / name).symlink_to(os.devnull)
    for name, text in system.units.items():
        (units / name).write_text(text)
    for name in system.wanted:
        (units / "multi-user.target.wants" / name).symlink_to(f"../{name}")
    (etc / "tmpfiles.d").mkdir()
    (etc / "tmpfiles.d/nixos.conf").write_text("".join(f"{line}\n" for line in system.tmpfiles))
    (etc / "hostname").write_text(f"{system.name}\n")
    for name, text in system.files.items():
        file = etc / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            file.symlink_to(text.removeprefix("-> "))
        else:
            file.write_text(text)


def _of_system(line: str) -> bool:
    """Say whether a line of passwd or group is about a user or group of the system itself."""
    number = line.split(":")[2]
    return number.isdigit() and (int(number) < 1000 or int(number) == 65534)

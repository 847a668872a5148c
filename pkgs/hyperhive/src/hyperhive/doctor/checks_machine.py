"""Checks of what the host's kernel, systemd and Nix can do."""

import time
from collections.abc import Iterator
from typing import Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import HostFacts, unknown
from hyperhive.doctor.finding import Finding, fail, ok, warn
from hyperhive.doctor.units import Unit, in_order, units_of

LEAST_SYSTEMD: Final = 252
"""With older ones nobody has tried what follows from uid ranges of containers."""
PAUSING_SYSTEMD: Final = 254
"""The first with RestartSteps= and RestartMaxDelaySec= (systemd.service(5))."""

LEAST_NIX: Final = (2, 18)
"""What a current nixpkgs needs."""

LIMITING: Final = {"memory": "limits.memory", "cpu": "limits.cpu", "pids": "limits.tasks"}
"""Controllers, and what is only declared where they are missing."""

LITTLE_DISK: Final = 2**30
NO_DISK: Final = 100 * 2**20
"""Bytes from which on the store soon, or already, cannot be written."""

SLACK_SECONDS: Final = 60.0
"""How far clocks may be apart."""


def systemd(facts: HostFacts) -> Iterator[Finding]:
    """Its version."""
    match facts.systemd:
        case Unknown() as why:
            yield fail(f"systemd: {why.why}", "agents' containers need a host that runs systemd")
        case version if version < LEAST_SYSTEMD:
            yield fail(
                f"systemd {version}: uid ranges of containers are not dependable before"
                f" {LEAST_SYSTEMD}",
                f"use a release with systemd {LEAST_SYSTEMD} or newer",
            )
        case version if version < PAUSING_SYSTEMD:
            yield warn(
                f"systemd {version}: a container that crashes again and again is restarted every"
                " second, without growing pauses",
                f"use a release with systemd {PAUSING_SYSTEMD} or newer",
            )
        case version:
            yield ok(f"systemd {version}")


def user_namespaces(facts: HostFacts) -> Iterator[Finding]:
    """Whether the kernel makes any."""
    match facts.max_user_namespaces:
        case Unknown() as why:
            yield fail(
                f"user namespaces: {why.why}", "use a kernel with CONFIG_USER_NS, as NixOS has"
            )
        case 0:
            yield fail(
                "user namespaces are switched off",
                'set boot.kernel.sysctl."user.max_user_namespaces" to 15000, say',
            )
        case most:
            yield ok(f"user namespaces: up to {most}")


def cgroups(facts: HostFacts) -> Iterator[Finding]:
    """One tree of version 2, with what limits need."""
    if not facts.cgroups.unified:
        yield fail(
            "control groups are not those of version 2 alone: no limit of an agent's is certain",
            "boot without systemd.unified_cgroup_hierarchy=0",
        )
        return
    missing = [name for name in LIMITING if name not in facts.cgroups.controllers]
    if missing:
        limits = ", ".join(LIMITING[name] for name in missing)
        yield warn(
            f"control groups lack {', '.join(missing)}: {limits} are declared, not enforced",
            "leave out cgroup_disable= when booting",
        )
    else:
        yield ok("control groups of version 2")


def nix(facts: HostFacts) -> Iterator[Finding]:
    """Its version, flakes, and its daemon."""
    match facts.nix.version:
        case Unknown() as why:
            yield fail(f"nix: {why.why}", "agents' systems are built with Nix: install it")
            return
        case version if version < LEAST_NIX:
            least = ".".join(map(str, LEAST_NIX))
            yield fail(
                f"nix {'.'.join(map(str, version))}: nixpkgs needs {least}",
                "set nix.package to a newer one",
            )
        case version:
            yield ok(f"nix {'.'.join(map(str, version))}")
    match facts.nix.flakes:
        case True:
            yield ok("nix evaluates flakes")
        case False:
            yield fail("nix cannot evaluate flakes", "set nix.package to one that can")
        case why:
            yield unknown("whether nix evaluates flakes", why)
    match facts.nix.daemon:
        case True:
            yield ok("nix-daemon answers")
        case False:
            yield fail(
                "nobody answers on nix-daemon's socket: no agent's system can be built",
                "systemctl start nix-daemon.socket",
            )
        case why:
            yield unknown("nix-daemon", why)


def polkit(facts: HostFacts) -> Iterator[Finding]:
    """The broker may start the units that it must, and no other."""
    match facts.permitted:
        case Unknown() as why:
            yield from _rule(facts, why)
        case permitted:
            must = {unit: allowed for unit, allowed in permitted.items() if is_granted(unit)}
            refused = sorted(unit for unit, allowed in must.items() if not allowed)
            excess = sorted(
                unit for unit, allowed in permitted.items() if allowed and not is_granted(unit)
            )
            for unit in refused:
                yield fail(
                    f"polkit does not let the broker start {unit}",
                    "use the module services.hyperhive, which has the rule for it",
                )
            for unit in excess:
                yield fail(
                    f"polkit lets the broker start {unit}, which is none of its business",
                    "look for a rule for the user hyperhive in security.polkit.extraConfig",
                )
            if not refused and not excess:
                yield ok("polkit lets the broker start agents and deployments, and nothing else")


def is_granted(unit: str) -> bool:
    """Whether the broker is to be able to start a unit."""
    return unit.startswith(("container@h-", "hyperhive-deploy@"))


def _rule(facts: HostFacts, why: Unknown) -> Iterator[Finding]:
    if facts.rule is False:
        yield fail(
            "polkit has no rule that lets the broker start anything",
            "use the module services.hyperhive, which has one",
        )
    elif facts.rule is True:
        yield warn(
            f"polkit has a rule for the broker; what it permits is not known, {why.why}",
            "run hyperhive doctor as root, while the broker runs",
        )
    else:
        yield unknown("what polkit lets the broker do", why)


def units(facts: HostFacts) -> Iterator[Finding]:
    """The hive's own units are there, those run that should, and none has failed."""
    if isinstance(facts.units, Unknown):
        yield unknown("units", facts.units)
        return
    must = units_of(facts.hive)
    known = in_order(facts.units, must)
    troubles = [found for unit in known for found in _of_unit(unit, must=unit.name in must)]
    yield from troubles or [ok(f"{len(known)} units of the hive are there, and none has failed")]


def _of_unit(unit: Unit, *, must: bool) -> Iterator[Finding]:
    start = f"systemctl start {unit.name}"
    if must and not unit.exists:
        yield fail(
            f"there is no {unit.name}", "set services.hyperhive.enable; nixos-rebuild switch"
        )
    elif unit.fails:
        how = "ends again and again" if unit.restarts else "has failed"
        yield fail(f"{unit.name} {how}: {unit.result}", f"journalctl -u {unit.name}; then {start}")
    elif must and unit.rests:
        yield warn(f"{unit.name} does not run", start)


def disk(facts: HostFacts) -> Iterator[Finding]:
    """Room for the store and for what agents write."""
    place = facts.host.hive.state
    match facts.disk:
        case Unknown() as why:
            yield unknown(f"room in {place}", why)
        case disk:
            room = f"{disk.free / 2**30:.1f} of {disk.total / 2**30:.1f} GiB free"
            mend = "make room: hyperhive vacuum, nix-collect-garbage, agents' work directories"
            if disk.free < NO_DISK:
                yield fail(f"{place}: {room}, too little for the store", mend)
            elif disk.free < LITTLE_DISK:
                yield warn(f"{place}: {room}", mend)
            else:
                yield ok(f"{place}: {room}")


def clock(facts: HostFacts) -> Iterator[Finding]:
    """Reminders, naps and limits of the API go by it."""
    newest = max((entry.changed for entry in facts.store_files().values()), default=0.0)
    if newest > facts.now + SLACK_SECONDS:
        at = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(newest))
        yield fail(
            f"the clock is behind: the store was written at {at}", "set the clock: timedatectl"
        )
        return
    match facts.synchronised:
        case True:
            yield ok("the clock is synchronised")
        case False:
            yield warn("the clock is not synchronised", "set services.timesyncd.enable")
        case why:
            yield unknown("whether the clock is synchronised", why)

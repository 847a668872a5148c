"""Checks of what approvals have left on the host."""

from collections.abc import Iterator

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import Entry, HostFacts, unknown
from hyperhive.doctor.finding import Finding, fail, ok

_AT_WORK = ("hyperhive-deploy@", "hyperhive-reconcile.service")


def cut_short(facts: HostFacts) -> Iterator[Finding]:
    """No deploy was cut short and not put back."""
    path = facts.host.transaction
    match facts.entries.get(path):
        case Unknown() as why:
            yield unknown("whether a deploy was cut short", why)
        case Entry() if _is_at_work(facts):
            yield ok("a deploy is under way")
        case Entry():
            yield fail(
                f"a deploy was cut short, or could not be put back: {path} says which",
                "systemctl start hyperhive-reconcile.service; then see its journal",
            )
        case _:
            yield ok("no deploy was cut short")


def _is_at_work(facts: HostFacts) -> bool:
    """Whether a unit is at it now."""
    if isinstance(facts.units, Unknown):
        return False
    return any(
        name.startswith(_AT_WORK) and unit.active == "activating"
        for name, unit in facts.units.items()
    )

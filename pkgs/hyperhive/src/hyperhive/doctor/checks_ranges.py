"""Checks of uid ranges: nobody else has an agent's, and its container runs in the declared one."""

from collections.abc import Iterator

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import HostFacts, Taken, unknown
from hyperhive.doctor.finding import Finding, fail, ok
from hyperhive.hive.names import AgentName, container_name
from hyperhive.hive.uids import UidRange


def ranges(facts: HostFacts) -> Iterator[Finding]:
    """Nobody else has an id of an agent's range."""
    taken: list[Taken] = []
    for source, found in facts.taken.items():
        if isinstance(found, Unknown):
            yield unknown(f"ids of {source}", found)
        else:
            taken += found
    troubles = [
        found
        for name, agent in facts.hive.agents.items()
        for found in _of_agent(name, agent.uid_range(name), taken)
    ]
    yield from troubles or [ok(f"{len(facts.hive.agents)} uid ranges, no other's ids among them")]


def _of_agent(name: AgentName, uids: UidRange, taken: list[Taken]) -> Iterator[Finding]:
    own = container_name(name)
    for one in taken:
        if one.machine == own:
            if (one.first, one.count) != (uids.base, uids.size):
                yield fail(
                    f"{name}: its container runs with {one.kind}s from {one.first}, declared are"
                    f" those from {uids.base}",
                    "systemctl start hyperhive-reconcile.service",
                )
        elif one.first <= uids.last and uids.base < one.first + one.count:
            last = one.first + one.count - 1
            theirs = f"{one.first}" if one.count == 1 else f"{one.first} to {last}"
            yield fail(
                f"{name}: {one.who} has {one.kind} {theirs}, in the range {uids.base} to"
                f" {uids.last}",
                f"set agents.{name}.uid_base to a free range, or move the other",
            )

"""All checks, in the order in which a reader wants them: what others rest on comes first."""

from collections.abc import Callable, Iterator
from typing import Final

from hyperhive.doctor import (
    checks_containers,
    checks_deploys,
    checks_machine,
    checks_network,
    checks_owners,
    checks_ranges,
)
from hyperhive.doctor.facts import HostFacts
from hyperhive.doctor.finding import Finding

Check = Callable[[HostFacts], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    checks_machine.systemd,
    checks_machine.user_namespaces,
    checks_machine.cgroups,
    checks_machine.nix,
    checks_machine.units,
    checks_machine.polkit,
    checks_machine.clock,
    checks_machine.disk,
    checks_owners.broker_user,
    checks_owners.operator_socket,
    checks_owners.state,
    checks_owners.store,
    checks_owners.credentials,
    checks_owners.token,
    checks_owners.agent_sockets,
    checks_ranges.ranges,
    checks_deploys.cut_short,
    checks_containers.covered,
    checks_containers.nix_daemon,
    checks_network.firewall,
    checks_network.way_out,
    checks_network.nameservers,
    checks_network.host_networks,
)


def findings(facts: HostFacts) -> list[Finding]:
    """What every check says of a host."""
    return [finding for check in CHECKS for finding in check(facts)]

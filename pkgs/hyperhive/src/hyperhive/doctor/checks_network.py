"""Checks of what private networks need: a closed host, a way out, and name servers."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import HostFacts, Missing, unknown
from hyperhive.doctor.finding import Finding, fail, ok, warn
from hyperhive.hive.models import Network


def has_private(facts: HostFacts) -> bool:
    """Whether an agent has a network of its own."""
    return any(agent.network is Network.PRIVATE for agent in facts.hive.agents.values())


def firewall(facts: HostFacts) -> Iterator[Finding]:
    """No port of the host is open to agents."""
    if not has_private(facts):
        return
    mend = "systemctl restart hyperhive-firewall.service"
    match facts.firewall:
        case Unknown() as why:
            yield unknown("firewall", why)
        case table if not table.loaded:
            yield fail("firewall: the kernel has no table inet hyperhive", mend)
        case table if not table.closed:
            yield fail("firewall: the host's ports are open to agents", mend)
        case _:
            yield ok("firewall: the host's ports are closed to agents")


def way_out(facts: HostFacts) -> Iterator[Finding]:
    """What agents send is passed on."""
    if not has_private(facts):
        return
    match facts.forwarding:
        case True:
            yield ok("the host forwards IPv4")
        case False:
            yield fail(
                "the host does not forward IPv4: private networks lead nowhere",
                "look for what sets net.ipv4.ip_forward to 0; hyperhive's module sets it to 1",
            )
        case why:
            yield unknown("forwarding of IPv4", why)
    if isinstance(facts.firewall, Unknown) or not facts.firewall.loaded:
        return
    mend = "set services.hyperhive.externalInterface to one that `ip link` shows"
    if not facts.firewall.outside:
        yield fail("private networks lead nowhere: no external interface is set", mend)
    for name in sorted(facts.firewall.outside):
        # To nftables a name with `*` at its end is that of every interface that begins so.
        found = sorted(one for one in facts.interfaces if fnmatchcase(one, name))
        if found:
            yield ok(f"private networks lead out through {', '.join(found)}")
        else:
            yield fail(f"private networks lead to {name}, which is the name of no interface", mend)


def nameservers(facts: HostFacts) -> Iterator[Finding]:
    """Names are found in private networks."""
    if not has_private(facts):
        return
    match facts.nameservers:
        case Unknown() as why:
            yield unknown("name servers of private networks", why)
        case Missing():
            yield fail(
                "private networks have no list of name servers",
                "systemctl start hyperhive-resolver.service",
            )
        case ():
            yield fail(
                "private networks have no name server that they could reach",
                "set services.hyperhive.nameservers",
            )
        case servers:
            yield ok(f"name servers of private networks: {', '.join(servers)}")


def host_networks(facts: HostFacts) -> Iterator[Finding]:
    """An agent with the host's network is not isolated there."""
    names = [name for name, agent in facts.hive.agents.items() if agent.network is Network.HOST]
    for name in names:
        yield warn(
            f"{name} has the host's network, with all that listens on it",
            f'set agents.{name}.network to "private"',
        )

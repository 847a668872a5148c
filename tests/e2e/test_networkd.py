"""A host with systemd-networkd, which has a file of its own for the links of containers."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.e2e.hive import Hive
from tests.e2e.testbed import Testbed

NETWORKD: Final = "systemd-networkd.service"
OTHER: Final = "ve-other"
"""Such a link as an agent has, but none of the hive's."""
# It waits for udev otherwise, which the testbed has not.
WITHOUT_UDEV: Final = "[Service]\nReadOnlyPaths=/sys\n"


@pytest.fixture
def networkd(hive: Hive) -> Iterator[Testbed]:
    testbed = hive.testbed
    drop_in = testbed.path(f"/run/systemd/system/{NETWORKD}.d/without-udev.conf")
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text(WITHOUT_UDEV)
    testbed.systemctl("daemon-reload")
    testbed.run(["ip", "link", "add", OTHER, "type", "veth", "peer", "name", "other0"])
    testbed.run(["ip", "link", "set", "other0", "up"])
    testbed.systemctl("start", NETWORKD)
    yield testbed
    testbed.systemctl("stop", "systemd-networkd.socket", NETWORKD)
    testbed.run(["ip", "link", "del", OTHER])
    for family in ("ip", "ip6"):
        testbed.run(["nft", "delete", "table", family, "io.systemd.nat"], check=False)
    drop_in.unlink()
    testbed.systemctl("daemon-reload")


def links(testbed: Testbed) -> dict[str, str]:
    """What networkd does with each link, by its name."""
    listed = testbed.run(["networkctl", "--no-pager", "--no-legend", "list"]).stdout
    return {words[1]: words[-1] for words in map(str.split, listed.splitlines())}


def addresses(testbed: Testbed, link: str) -> list[str]:
    """The IPv4 addresses of a link."""
    shown = testbed.run(["ip", "-4", "-oneline", "address", "show", "dev", link]).stdout
    return [line.split()[3] for line in shown.splitlines()]


def test_the_links_of_agents_stay_as_they_are(hive: Hive, networkd: Testbed) -> None:
    """With its address by networkd a link would have DHCP, and a way out past the hive's rules."""
    hive.testbed.systemctl("restart", hive.unit("bob"), timeout=60)
    given = networkd.wait_for(f"networkd to take {OTHER}", lambda: addresses(networkd, OTHER))
    assert given, "networkd takes other links of that name"
    own = {link: state for link, state in links(networkd).items() if link.startswith("ve-h-")}
    assert own == {f"ve-h-{agent}": "unmanaged" for agent in hive.declared["agents"]}
    for link in own:
        (address,) = addresses(networkd, link)
        assert address.startswith("10.231.")

"""Addresses of private networks."""

from ipaddress import IPv4Address, IPv4Network

from hyperhive.hive.uids import SLOTS, slot_range
from hyperhive.render.network import HIVE_NETWORK, link


def test_no_two_ranges_share_an_address() -> None:
    links = [link(slot_range(slot)) for slot in range(SLOTS)]
    addresses = {address for each in links for address in (each.host, each.container)}
    assert len(addresses) == 2 * SLOTS
    assert all(address in HIVE_NETWORK for address in addresses)


def test_the_addresses_of_a_range_never_change() -> None:
    assert link(slot_range(0)).host == IPv4Address("10.231.0.16")
    assert link(slot_range(0)).container == IPv4Address("10.231.0.17")
    assert link(slot_range(SLOTS - 1)).container == IPv4Address("10.231.223.255")


def test_addresses_of_nixos_container_stay_free() -> None:
    assert not HIVE_NETWORK.overlaps(IPv4Network("10.233.0.0/16"))

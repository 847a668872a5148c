"""Addresses that a declared hive names: of name servers, and where the dashboard listens."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from hyperhive.errors import InputError


def parse_name_server(text: str) -> str:
    """Return `text` if an agent's private network can lead to that address.

    Raises:
        InputError: it is no address, or none of IPv4, or one that means another machine to everyone
            who uses it.
    """
    address = _address(text, "192.0.2.53")
    if isinstance(address, IPv6Address):
        raise InputError(
            "an address of IPv6, which private networks do not lead to",
            "name the server by an address of IPv4",
        )
    if address.is_loopback:
        raise InputError(
            "the container's own loopback there, where no server listens",
            "name a server that other machines reach",
        )
    if address.is_unspecified or address.is_multicast or address.is_link_local:
        raise InputError(
            "no address of one server", "name a server by an address that is routed to it"
        )
    return text


def parse_listening_address(text: str) -> str:
    """Return `text` if it is an address that a server can listen on.

    Raises:
        InputError: it is not.
    """
    if _address(text, "127.0.0.1").is_multicast:
        raise InputError("not an address of one machine", "use 127.0.0.1, or one of the host's own")
    return text


def is_loopback(address: str) -> bool:
    """Whether only the host itself can connect to what listens on `address`."""
    return ip_address(address).is_loopback


def _address(text: str, example: str) -> IPv4Address | IPv6Address:
    try:
        address = ip_address(text)
    except ValueError:
        raise InputError("not an IP address", f"write one such as {example}") from None
    if "%" in text:
        raise InputError("bound to one interface", "leave the part from % on out")
    return address

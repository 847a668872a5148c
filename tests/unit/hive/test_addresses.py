"""Addresses that a hive may name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.addresses import is_loopback, parse_listening_address, parse_name_server

ADDRESSES = st.ip_addresses().map(str)


@pytest.mark.parametrize("text", ["192.0.2.53", "10.0.0.1", "8.8.8.8"])
def test_name_servers(text: str) -> None:
    assert parse_name_server(text) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not an IP address"),
        ("dns.example", "not an IP address"),
        ("192.0.2.53:53", "not an IP address"),
        (" 192.0.2.53", "not an IP address"),
        ("2001:db8::53", "IPv6"),
        ("127.0.0.53", "loopback"),
        ("0.0.0.0", "one server"),
        ("224.0.0.251", "one server"),
        ("169.254.169.253", "one server"),
    ],
)
def test_what_no_agent_can_ask_is_refused(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_name_server(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "::1", "::", "2001:db8::1", "192.0.2.1"])
def test_listening_addresses(text: str) -> None:
    assert parse_listening_address(text) == text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("localhost", "not an IP address"),
        ("*", "not an IP address"),
        ("[::1]", "not an IP address"),
        ("fe80::1%eth0", "one interface"),
        ("224.0.0.1", "one machine"),
    ],
)
def test_where_nothing_can_listen_is_refused(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        parse_listening_address(text)


@given(ADDRESSES)
def test_an_address_is_taken_as_it_is_or_refused(text: str) -> None:
    try:
        assert parse_listening_address(text) == text
    except InputError:
        assert not is_loopback(text)


@pytest.mark.parametrize(
    ("text", "alone"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::", False)]
)
def test_loopback(text: str, alone: bool) -> None:
    assert is_loopback(text) is alone

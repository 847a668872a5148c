"""Name servers that private networks are told."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.resolver import (
    Resolver,
    choose_resolver,
    compose_resolver,
    parse_resolver,
    read_host_files,
    write_resolver,
)

STUB = "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lan\n"
UPLINK = "# resolved\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch lan\n"


def test_a_resolver_on_the_loopback_gives_way_to_what_it_asks() -> None:
    assert choose_resolver([], [STUB, UPLINK]) == Resolver(("192.0.2.1",), ("search lan",))


def test_the_hosts_own_file_comes_first() -> None:
    host = "nameserver 198.51.100.7\n"
    assert choose_resolver([], [host, UPLINK]).servers == ("198.51.100.7",)


def test_declared_servers_come_before_all() -> None:
    chosen = choose_resolver(["203.0.113.9", "2001:db8::9"], [STUB, UPLINK])
    assert chosen == Resolver(
        ("203.0.113.9", "2001:db8::9"), ("options edns0 trust-ad", "search lan")
    )


def test_no_server_is_none() -> None:
    assert choose_resolver([], [STUB]).servers == ()
    assert choose_resolver([], []).servers == ()


def test_a_file_is_read_as_the_c_library_does() -> None:
    text = (
        "  nameserver 192.0.2.2\n;nameserver 192.0.2.3\n#nameserver 192.0.2.4\n"
        "nameserver\t192.0.2.5  # near\nnameserver\nnameserver no-address\nnameserver 0.0.0.0\n"
        "nameserver 127.1.2.3\nnameserver ::1\nnameserver fe80::1%eth0\nnameserver 192.0.2.5\n"
        "domain example.org\nsortlist 192.0.2.0\n"
    )
    assert parse_resolver(text) == Resolver(("192.0.2.5",), ("domain example.org",))


@given(st.text())
def test_whatever_a_file_says_the_composed_one_says_what_was_read(text: str) -> None:
    found = parse_resolver(text)
    again = parse_resolver(compose_resolver(found))
    assert again.servers == found.servers[:3]
    assert again.others == found.others


servers = st.lists(st.ip_addresses(v=4).map(str), max_size=5, unique=True)
lines = st.sampled_from(["search lan", "options ndots:1", "domain example.org", "", "# note"])


@given(servers, st.lists(lines, max_size=4))
def test_servers_keep_their_order(addresses: list[str], others: list[str]) -> None:
    text = "\n".join([*others, *(f"nameserver {one}" for one in addresses)])
    expected = [one for one in addresses if not one.startswith("127.") and one != "0.0.0.0"]
    assert list(parse_resolver(text).servers) == expected


def test_it_is_written_once(tmp_path: Path) -> None:
    directory = tmp_path / "resolver"
    assert write_resolver(directory, Resolver(("192.0.2.1",), ("search lan",)))
    inode = (directory / "resolv.conf").stat().st_ino
    assert not write_resolver(directory, Resolver(("192.0.2.1",), ("search lan",)))
    assert (directory / "resolv.conf").stat().st_ino == inode
    assert write_resolver(directory, Resolver((), ()))
    assert parse_resolver((directory / "resolv.conf").read_text()) == Resolver((), ())
    assert (directory / "resolv.conf").stat().st_mode & 0o777 == 0o644
    assert directory.stat().st_mode & 0o777 == 0o755


def test_files_that_are_missing_say_nothing(tmp_path: Path) -> None:
    there = tmp_path / "resolv.conf"
    there.write_text(STUB)
    assert read_host_files([tmp_path / "none", there / "below", there]) == [STUB]

"""The agents' table beside NixOS's own nftables.service, which may empty the kernel of tables."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.nixos.namespaces import Namespace, need_namespaces
from tests.nixos.nix import HIVE, STUBS, Nix

pytestmark = pytest.mark.nix

NFTABLES: Final = "{ networking.nftables.enable = true; }"
FLUSHES: Final = "{ networking.nftables.flushRuleset = true; }"

FLUSH: Final = "flush ruleset\n"
DELETE: Final = "table inet nixos-fw\ndelete table inet nixos-fw\n"
"""How that service takes away what it loaded: with all the others, or by name."""
LOAD: Final = "table inet nixos-fw {\n}\n"
"""What it loads."""


class NftablesService:
    """What NixOS's nftables.service has nft do, each in one transaction.

    It keeps how it takes away what it loaded, and does that when it is loaded anew, reloaded or
    stopped, also by a switch after which there is no such service.
    """

    def __init__(self, host: Namespace) -> None:
        self.host = host
        self.deletions = ""

    def load(self, deletions: str) -> None:
        """At its start or reload, with the deletions that it has from now on."""
        self.nft(self.deletions + deletions + LOAD)
        self.deletions = deletions

    def stop(self) -> None:
        """At its stop."""
        self.nft(self.deletions)

    def nft(self, commands: str) -> None:
        """Run commands as one transaction."""
        self.host.run("nft", "--file", "-", input=commands)


@pytest.fixture
def service() -> Iterator[NftablesService]:
    need_namespaces()
    with Namespace("host") as host:
        yield NftablesService(host)


def tables(service: NftablesService) -> set[str]:
    """The names of the kernel's tables."""
    return {line.split()[2] for line in service.host.run("nft", "list", "tables").splitlines()}


def rules(service: NftablesService) -> str:
    """The agents' table, each of its rules once."""
    return service.host.run("nft", "list", "table", "inet", "hyperhive")


def test_it_never_takes_the_table_away(nix: Nix, service: NftablesService) -> None:
    service.nft(nix.ask(STUBS, "host.nftables", HIVE))
    whole = rules(service)
    by_name = DELETE + nix.ask(STUBS, "host.deletions", HIVE, NFTABLES)
    all_of_them = FLUSH + nix.ask(STUBS, "host.deletions", HIVE, NFTABLES, FLUSHES)
    # At boot; reloaded; with rules of the host's own by a switch, reloaded, and without them again.
    for deletions in (by_name, by_name, all_of_them, all_of_them, by_name, all_of_them):
        service.load(deletions)
        assert tables(service) == {"nixos-fw", "hyperhive"}
        assert rules(service) == whole
    service.stop()
    assert tables(service) == {"hyperhive"}
    assert rules(service) == whole


def test_without_the_module_s_deletions_it_would(nix: Nix, service: NftablesService) -> None:
    service.nft(nix.ask(STUBS, "host.nftables", HIVE))
    service.load(FLUSH)
    assert tables(service) == {"nixos-fw"}


def test_the_table_goes_with_the_hive(nix: Nix, service: NftablesService) -> None:
    service.load(FLUSH + nix.ask(STUBS, "host.deletions", HIVE, NFTABLES, FLUSHES))
    off = "{ lib, ... }: { services.hyperhive.enable = lib.mkForce false; }"
    service.load(FLUSH + nix.ask(STUBS, "host.deletions", HIVE, off, NFTABLES, FLUSHES))
    assert tables(service) == {"nixos-fw"}


def test_nothing_is_asked_of_a_firewall_that_leaves_the_table_alone(
    nix: Nix, nixpkgs: Path
) -> None:
    no_flush = "{ networking.nftables.flushRuleset = false; }"
    assert nix.ask(nixpkgs, "host.deletions", HIVE) == ""
    assert nix.ask(nixpkgs, "host.deletions", HIVE, NFTABLES, no_flush) == ""

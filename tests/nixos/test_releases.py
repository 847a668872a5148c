"""The modules under each release of NixOS that they are for: 26.05, and what is to be 26.11."""

from pathlib import Path
from typing import Final

import pytest

from tests.nixos.nix import STUBS, UNSTABLE, Nix, NixError

pytestmark = pytest.mark.nix

AGENT: Final = '{ hyperhive.agent = { enable = true; name = "alice"; model = "opus"; }; }'
HOST: Final = """{ services.hyperhive = {
  enable = true;
  name = "lab";
  externalInterface = "eth0";
  agents.alice = { };
  dashboard.port = 8710;
  notify.command = [ "/etc/tell-me" ];
}; }"""


def test_a_container_s_journal_is_kept_and_bounded_on_26_05(nix: Nix) -> None:
    journald = nix.ask(STUBS, "agent.journald", AGENT)
    assert journald == {"storage": "persistent", "extraConfig": "SystemMaxUse=200M\n"}


def test_a_container_s_journal_is_kept_and_bounded_on_26_11(nix: Nix) -> None:
    journald = nix.ask(UNSTABLE, "agent.journald", AGENT)
    assert journald == {"Storage": "persistent", "SystemMaxUse": "200M"}


def test_each_release_refuses_the_other_s_options(nix: Nix) -> None:
    former = '{ services.journald.storage = "persistent"; }'
    latter = '{ services.journald.settings.Journal.Storage = "persistent"; }'
    for release, other in ((UNSTABLE, former), (STUBS, latter)):
        with pytest.raises(NixError, match="journald"):
            nix.ask(release, "agent.journald", AGENT, other)


@pytest.mark.parametrize("release", [STUBS, UNSTABLE], ids=["26.05", "26.11"])
def test_a_host_and_an_agent_evaluate(nix: Nix, release: Path) -> None:
    assert nix.ask(release, "host.failed", HOST) == []
    assert "hyperhive.service" in nix.ask(release, "host.units", HOST)
    assert nix.ask(release, "agent.failed", AGENT) == []
    assert "hyperhive-harness.service" in nix.ask(release, "agent.units", AGENT)


def test_nixos_warns_of_no_unit(nix: Nix, nixpkgs: Path) -> None:
    assert nix.ask(nixpkgs, "host.warnings", HOST) == []
    assert nix.ask(nixpkgs, "agent.warnings", AGENT) == []


def test_it_would_warn(nix: Nix, nixpkgs: Path) -> None:
    wrong = '{ systemd.services.hyperhive.after = [ "network-online.target" ]; }'
    (warning,) = nix.ask(nixpkgs, "host.warnings", HOST, wrong)
    assert "hyperhive.service is ordered after" in warning


def test_networkd_leaves_the_agents_links_alone(nix: Nix, nixpkgs: Path) -> None:
    """Or its 80-container-ve.network, for every ve-*, would serve DHCP and translate there."""
    (network,) = nix.ask(nixpkgs, "host.networks", HOST).items()
    name, declared = network
    assert name < "10"
    assert declared == {
        "matchConfig": {"Name": "ve-h-*"},
        "linkConfig": {"Unmanaged": True},
    }

"""The units of a host: what each may do at most, and how it starts and ends."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hyperhive.deploy.deployment import FailedError
from hyperhive.errors import HyperhiveError, InputError, NoBrokerError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.render.agent import Host, agent_files
from tests.nixos.nix import HIVE, STUBS, Nix
from tests.nixos.unit_text import SECTIONS, unit_text
from tests.tools import program

pytestmark = pytest.mark.nix

DASHBOARD: Final = "{ services.hyperhive.dashboard.port = 8710; }"
NOTIFY: Final = '{ services.hyperhive.notify.command = [ "/etc/tell-me" ]; }'

EXPOSURE: Final = {
    "hyperhive.service": 0.8,
    "hyperhive-watch.service": 0.8,
    "hyperhive-vacuum.service": 0.8,
    "hyperhive-resolver.service": 1.0,
    "hyperhive-catalog.service": 1.0,
    "hyperhive-firewall.service": 1.6,
    # A network to anywhere: notify.nix says why.
    "hyperhive-notify.service": 1.5,
    # Root's powers over files and containers, and a network to fetch with: reconcile.nix says why.
    # Files of any owner: root.nix says why.
    "hyperhive-root@.service": 1.5,
    "hyperhive-reconcile.service": 3.5,
    "hyperhive-deploy@.service": 3.5,
}
"""What `systemd-analyze security` says of each at most: on systemd 252 each is 0.1 to 0.4 lower."""

NEWER: Final = ("RestartSteps", "RestartMaxDelaySec")
"""Settings of systemd 254; an older one pauses as long before each start."""


CONTAINERS: Final = "hyperhive-containers.target"


@pytest.fixture(scope="module")
def units(nix: Nix, nixpkgs: Path) -> dict[str, Any]:
    """The units of a small hive with a dashboard and notifications."""
    found: dict[str, Any] = nix.ask(nixpkgs, "host.units", HIVE, DASHBOARD, NOTIFY)
    return found


def written(units: Mapping[str, Any], directory: Path) -> Path:
    """Write units to `directory`, whose programs are the machine's `true`."""
    for name, unit in units.items():
        text = re.sub(r"(?m)^(Exec\w+)=/\S+", r"\1=/bin/true", unit_text(unit))
        (directory / name).write_text(text)
    return directory


def analyzed(verb: str, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a verb of systemd-analyze."""
    analyze = program("systemd-analyze", "apt-get install systemd")
    return subprocess.run(
        [analyze, verb, *words],
        env={"LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_service_has_a_limit(units: dict[str, Any]) -> None:
    assert {name for name in units if name.endswith(".service")} == set(EXPOSURE)


@pytest.mark.parametrize("service", EXPOSURE)
def test_exposure(units: dict[str, Any], service: str, tmp_path: Path) -> None:
    file = written({service: units[service]}, tmp_path) / service
    done = analyzed("security", "--offline=true", "--no-pager", file)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= EXPOSURE[service], done.stdout


def test_the_limits_can_be_exceeded(units: dict[str, Any], tmp_path: Path) -> None:
    service = units["hyperhive.service"]
    loose = service["serviceConfig"] | {"ProtectSystem": False, "User": "root"}
    file = (
        written({"loose.service": service | {"serviceConfig": loose}}, tmp_path) / "loose.service"
    )
    done = analyzed("security", "--offline=true", "--no-pager", file)
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found
    assert float(found[1]) > EXPOSURE["hyperhive.service"]


def test_systemd_understands_every_unit(units: dict[str, Any], tmp_path: Path) -> None:
    written(units, tmp_path)
    files = [tmp_path / name.replace("@.", "@alice.") for name in units]
    complaints = [
        line
        for line in analyzed("verify", *files).stderr.splitlines()
        if str(tmp_path) in line and not re.search(f"Unknown key '({'|'.join(NEWER)})'", line)
    ]
    assert complaints == []


def test_the_text_is_nixos_s_own(nix: Nix, real_nixpkgs: Path) -> None:
    units = nix.ask(real_nixpkgs, "host.units", HIVE)
    texts = nix.ask(real_nixpkgs, "host.unitTexts", HIVE)
    for name, unit in units.items():
        ours, nixos = (set(text.splitlines()) - {""} for text in (unit_text(unit), texts[name]))
        assert ours <= nixos, name
        # What NixOS adds to each: hints for its switches, variables that all units have.
        assert {
            line for line in nixos - ours if not line.startswith(("X-", "Environment="))
        } == set()


def test_the_broker_has_its_sockets_from_systemd(nix: Nix, units: dict[str, Any]) -> None:
    dashboard = "hyperhive-dashboard-127-0-0-1-8710.socket"
    broker = units["hyperhive.service"]
    assert set(broker["requires"]) == {"hyperhive.socket", dashboard} <= set(broker["after"])
    assert units["hyperhive.socket"]["listenStreams"] == ["/run/hyperhive/operator.sock"]
    operator = units["hyperhive.socket"]["socketConfig"]
    assert operator["FileDescriptorName"] == "operator"
    assert operator["SocketMode"] == "0660"
    assert operator["SocketUser"] == operator["SocketGroup"] == "hyperhive"
    assert units[dashboard]["listenStreams"] == ["127.0.0.1:8710"]
    assert units[dashboard]["socketConfig"]["FileDescriptorName"] == "dashboard"
    assert units[dashboard]["socketConfig"]["Service"] == "hyperhive.service"
    assert [name for name in nix.ask(STUBS, "host.units", HIVE) if name.endswith(".socket")] == [
        "hyperhive.socket"
    ]


def test_a_dashboard_on_ipv6(nix: Nix, nixpkgs: Path) -> None:
    bind = '{ services.hyperhive.dashboard.bind = "::1"; }'
    units = nix.ask(nixpkgs, "host.units", HIVE, DASHBOARD, bind)
    assert units["hyperhive-dashboard---1-8710.socket"]["listenStreams"] == ["[::1]:8710"]


@pytest.mark.parametrize("service", ["hyperhive.service", "hyperhive-watch.service"])
def test_daemons_say_that_they_live(units: dict[str, Any], service: str) -> None:
    settings = units[service]["serviceConfig"]
    assert settings["Type"] == "notify"
    assert settings["WatchdogSec"] == "30s"
    assert settings["Restart"] in {"on-failure", "always"}
    assert settings["User"] == "hyperhive"


def test_a_switch_keeps_the_broker_s_sockets_open(nix: Nix, nixpkgs: Path) -> None:
    assert nix.ask(nixpkgs, "host.broker.stopIfChanged", HIVE) is False


def test_notifications_have_a_user_of_their_own(
    nix: Nix, nixpkgs: Path, units: dict[str, Any]
) -> None:
    settings = units["hyperhive-notify.service"]["serviceConfig"]
    assert settings["User"] == settings["Group"] == "hyperhive-notify"
    assert settings["SupplementaryGroups"] == ["hyperhive"]
    assert settings["ExecStart"].endswith("/bin/hyperhive notify /etc/hyperhive/hive.json")
    assert settings["Type"] == "notify"
    assert settings["Restart"] == "always"
    assert "hyperhive-notify.service" not in nix.ask(nixpkgs, "host.units", HIVE)


def test_retention_runs_at_boot_and_hourly(units: dict[str, Any]) -> None:
    timer = units["hyperhive-vacuum.timer"]
    assert timer["wantedBy"] == ["timers.target"]
    assert timer["timerConfig"]["OnCalendar"] == "hourly"
    assert timer["timerConfig"]["OnBootSec"]


def test_reconcile_and_deploy_differ_in_what_they_do_alone(units: dict[str, Any]) -> None:
    reconcile, deploy = units["hyperhive-reconcile.service"], units["hyperhive-deploy@.service"]
    assert reconcile["wantedBy"] == ["multi-user.target"]
    assert deploy["wantedBy"] == []
    mine, its = reconcile["serviceConfig"], deploy["serviceConfig"]
    assert mine["ExecStart"].endswith("/bin/hyperhive reconcile")
    assert its["ExecStart"].endswith("/bin/hyperhive deploy %i")
    assert {"hyperhive.service", "hyperhive-firewall.service"} < set(reconcile["after"])
    # The broker starts the other one, and hears what becomes of it; only what was killed goes on.
    assert its["Restart"] == "on-abnormal"
    assert its["SuccessExitStatus"] == FailedError.exit_code
    own = {
        "ExecStart",
        "SuccessExitStatus",
        *(name for name in {*mine, *its} if name.startswith("Restart")),
    }
    assert {name: mine[name] for name in mine.keys() - own} == {
        name: its[name] for name in its.keys() - own
    }


UNITS_OF_THE_BROKER: Final = {
    "container@h-alice.service": True,
    "hyperhive-deploy@alice.service": True,
    "hyperhive-deploy@7.service": True,
    "hyperhive-deploy@123456789.service": True,
    "hyperhive-deploy@0.service": False,
    "hyperhive-deploy@07.service": False,
    "hyperhive-deploy@7a.service": False,
    "hyperhive-deploy@-7.service": False,
    "hyperhive-deploy@7\n.service": False,
    "hyperhive-deploy@Alice.service": False,
    "container@h-7.service": False,
    "container@7.service": False,
    "hyperhive-reconcile.service": False,
}


@pytest.mark.parametrize("unit", UNITS_OF_THE_BROKER)
def test_what_the_broker_may_start(nix: Nix, nixpkgs: Path, unit: str) -> None:
    rule = nix.ask(nixpkgs, "host.polkit", HIVE)
    patterns = re.findall(r'/(\^.*?\$)/\.test\(action\.lookup\("unit"\)\)', rule)
    assert len(patterns) == 2, rule
    # JavaScript's $ is the end of the text, Python's may stand before a line's end.
    granted = any(re.search(pattern[:-1] + r"\Z", unit) for pattern in patterns)
    assert granted is UNITS_OF_THE_BROKER[unit]


def test_who_keeps_repositories_has_git(units: dict[str, Any]) -> None:
    for unit in ("hyperhive.service", "hyperhive-reconcile.service", "hyperhive-deploy@.service"):
        assert any("git" in str(entry) for entry in units[unit]["path"]), unit


def test_reconcile_tries_again_where_the_broker_was_silent_alone(units: dict[str, Any]) -> None:
    settings = units["hyperhive-reconcile.service"]["serviceConfig"]
    assert settings["Restart"] == "on-failure"
    codes = {HyperhiveError.exit_code, InputError.exit_code}
    prevented = settings["RestartPreventExitStatus"].split()
    assert {int(word) for word in prevented if word.isdigit()} == codes
    assert NoBrokerError.exit_code not in codes


def test_no_container_starts_without_its_conf(nix: Nix, nixpkgs: Path) -> None:
    """nixos-containers would start it as the host's root, in the tree that an agent left."""
    template = nix.ask(nixpkgs, "host.template", HIVE)
    conf = "/etc/nixos-containers/%i.conf"
    assert template["unitConfig"]["AssertPathExists"] == conf
    # Beside the optional one of NixOS: what goes while the unit starts is missed by each program.
    assert conf in template["serviceConfig"]["EnvironmentFile"]


def test_every_directory_that_a_unit_writes_is_made_before(
    nix: Nix, nixpkgs: Path, units: dict[str, Any]
) -> None:
    made = {rule.split()[1] for rule in nix.ask(nixpkgs, "host.tmpfiles", HIVE)}
    # systemd's own; StateDirectory= makes the third.
    made |= {"/run/systemd/system", "/var/lib/systemd/catalog"}
    for name, unit in units.items():
        for section in SECTIONS:
            paths = unit.get(section, {}).get("ReadWritePaths", ())
            # systemd leaves out what begins with a hyphen and is not there.
            assert {path for path in paths if not path.startswith("-")} <= made, name


def test_all_containers_are_part_of_what_goes_with_the_module(units: dict[str, Any]) -> None:
    assert units[CONTAINERS]["wantedBy"] == ["multi-user.target"]
    declared = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": {"alice": {}}})
    files = agent_files(declared, AgentName("alice"), Host.default())
    drop_in = files["containers/h-alice.service.d/hyperhive.conf"].decode()
    assert {f"PartOf={CONTAINERS}", f"After={CONTAINERS}"} <= set(drop_in.splitlines())


def test_who_owns_what(nix: Nix, nixpkgs: Path) -> None:
    rules = [rule.split() for rule in nix.ask(nixpkgs, "host.tmpfiles", HIVE)]
    owned = {rule[1]: (rule[2], rule[3], rule[4]) for rule in rules if rule[0] == "d"}
    assert owned["/var/lib/hyperhive"] == ("1770", "root", "hyperhive")
    # Not the broker's: root binds what is below them into containers.
    assert owned["/run/hyperhive"] == ("0750", "root", "hyperhive")
    assert owned["/run/hyperhive/agents"] == ("0755", "root", "root")
    # What a container's root leaves there is for no other user of the host to run.
    assert owned["/var/lib/nixos-containers"] == ("0750", "root", "hyperhive")
    assert owned["/run/hyperhive-resolver"] == ("0755", "root", "root")


def test_nothing_without_enable(nix: Nix, nixpkgs: Path) -> None:
    declared = '{ services.hyperhive.name = "lab"; services.hyperhive.agents.alice = { }; }'
    assert nix.ask(nixpkgs, "host.units", declared) == {}
    assert not any("hyperhive" in rule for rule in nix.ask(nixpkgs, "host.tmpfiles", declared))
    assert "hyperhive" not in nix.ask(nixpkgs, "host.polkit", declared)

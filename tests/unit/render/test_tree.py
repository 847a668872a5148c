"""The whole tree of a hive."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from hyperhive.errors import InputError
from hyperhive.hive.load import load_hive, parse_hive
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths
from hyperhive.render.agent import Host
from hyperhive.render.tree import effective_hive, render_agent, render_hive
from tests.tools import ROOT, program
from tests.unit.render.env_file import read_env_file
from tests.unit.render.hives import FULL, hive

HOST = Host.default()
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))


def conf(declared: HiveConfig, name: str, host: Host = HOST) -> dict[str, str]:
    """The variables of an agent's conf file."""
    return read_env_file(render_hive(declared, host)[f"containers/h-{name}.conf"].decode())


def settings(text: bytes) -> list[str]:
    """The lines of a unit file that say something."""
    return [line for line in text.decode().splitlines() if line and not line.startswith("#")]


def test_the_files_of_a_hive() -> None:
    assert sorted(render_hive(hive({"alice": {}, "bob": {}}), HOST)) == [
        "agents/alice/agent.nix",
        "agents/alice/flake.nix",
        "agents/bob/agent.nix",
        "agents/bob/flake.nix",
        "containers/h-alice.conf",
        "containers/h-alice.service.d/hyperhive.conf",
        "containers/h-bob.conf",
        "containers/h-bob.service.d/hyperhive.conf",
        "flake.nix",
        "hive.json",
    ]


def test_one_agent_s_files_are_the_same_alone() -> None:
    whole = render_hive(FULL, HOST)
    part = render_agent(FULL, AgentName("alice"), HOST)
    assert part == {path: content for path, content in whole.items() if "alice" in path}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_same_hive_gives_the_same_bytes(example: Path) -> None:
    declared = load_hive(example)
    tree = render_hive(declared, HOST)
    reordered = HiveConfig.model_validate(
        {
            "hive": declared.hive.model_dump(mode="json"),
            "agents": {
                name: agent.model_dump(mode="json")
                for name, agent in sorted(declared.agents.items(), reverse=True)
            },
        }
    )
    assert render_hive(reordered, HOST) == tree


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_hive_json_is_a_hive_that_gives_the_same_tree(example: Path) -> None:
    tree = render_hive(load_hive(example), HOST)
    again = parse_hive(json.loads(tree["hive.json"]), "hive.json")
    assert render_hive(again, HOST) == tree


def test_what_the_broker_alone_decides_changes_no_container() -> None:
    before = render_hive(hive({"alice": {"limits": {"turn_seconds": 60}}}), HOST)
    after = render_hive(
        hive(
            {
                "alice": {
                    "limits": {"turn_seconds": 60, "question_seconds": 3600},
                    "conversation": {"compact_percent": 60, "notes_kib": 0},
                    "wake_for_operator": False,
                }
            },
            retention={"messages": 3, "events": 3, "stream_events": 3, "turns": 3},
            loop_guard={"answers": 0},
        ),
        HOST,
    )
    assert {path for path, content in after.items() if before[path] != content} == {"hive.json"}


def test_the_effective_hive_says_what_was_left_open() -> None:
    effective = effective_hive(FULL)
    assert effective.agents[AgentName("alice")].model == "opus"
    assert effective.agents[AgentName("bob")].model == "haiku"
    assert effective.agents[AgentName("bob")].uid_base is not None


def test_the_conf_of_a_private_agent() -> None:
    assert conf(FULL, "alice") == {
        "FLAKE": "path:/var/lib/hyperhive/deploy/agents/alice",
        "AUTO_START": "1",
        "PRIVATE_USERS": "1048576",
        "PRIVATE_NETWORK": "1",
        "HOST_ADDRESS": "10.231.0.32",
        "LOCAL_ADDRESS": "10.231.0.33",
        "COPY_RESOLV_CONF": "0",
        "EXTRA_NSPAWN_FLAGS": (
            "--private-users-ownership=chown"
            " --bind=/var/lib/hyperhive/agents/alice/state:/state"
            " --bind=/var/lib/hyperhive/agents/alice/claude:/claude"
            " --bind=/run/hyperhive/agents/alice:/run/hyperhive"
            " --bind-ro=/run/hyperhive-resolver:/run/hyperhive-resolver"
            " --bind-ro=/srv/a:/srv/in"
            " --bind=/srv/b:/srv/out"
            " --load-credential=hyperhive.TOKEN_A:/run/secrets/a"
            " --load-credential=hyperhive.TOKEN_B:/run/secrets/b"
            " --bind-ro=/nix/var/nix/profiles/per-container/h-alice:/nix/var/nix/profiles"
            " --tmpfs=/nix/var/nix/gcroots"
            " --tmpfs=/nix/var/nix/daemon-socket:ro,mode=0755"
        ),
    }


def test_the_conf_without_a_network_has_no_address() -> None:
    found = conf(FULL, "bob")
    assert found["PRIVATE_NETWORK"] == "1"
    assert found["COPY_RESOLV_CONF"] == "0"
    assert "hyperhive-resolver" not in found["EXTRA_NSPAWN_FLAGS"]
    assert not {"HOST_ADDRESS", "LOCAL_ADDRESS"} & set(found)


PROPOSING = {
    "--bind=/var/lib/hyperhive/proposed:/agents",
    "--bind-ro=/var/lib/hyperhive/proposals:/applied",
}


@pytest.mark.parametrize("name", ["boss", "alice", "bob", "carol"])
def test_the_manager_alone_sees_where_changes_are_proposed(name: str) -> None:
    flags = set(conf(FULL, name)["EXTRA_NSPAWN_FLAGS"].split())
    assert flags & PROPOSING == (PROPOSING if name == "boss" else set())


def test_another_agent_changes_nothing_of_the_manager_s() -> None:
    declared = {"boss": {"role": "manager"}, "alice": {}}
    before = render_hive(hive(declared), HOST)
    after = render_hive(hive(declared | {"dave": {}}), HOST)
    for path in ("agents/boss/agent.nix", "containers/h-boss.conf"):
        assert before[path] == after[path]


def test_the_conf_on_the_host_s_network() -> None:
    found = conf(FULL, "carol")
    assert found["PRIVATE_NETWORK"] == "0"
    assert found["COPY_RESOLV_CONF"] == "1"
    assert "hyperhive-resolver" not in found["EXTRA_NSPAWN_FLAGS"]
    assert not {"HOST_ADDRESS", "LOCAL_ADDRESS"} & set(found)


def test_the_socket_of_nix_is_covered_unless_the_agent_may_build() -> None:
    tree = render_hive(FULL, HOST)
    covered = {
        name
        for name in FULL.agents
        if "daemon-socket" in tree[f"containers/h-{name}.conf"].decode()
    }
    assert covered == {"alice", "bob", "boss"}
    assert b"nixDaemon = true;" in tree["agents/carol/agent.nix"]
    assert b"nixDaemon = false;" in tree["agents/alice/agent.nix"]


def test_an_agent_that_does_not_start_by_itself() -> None:
    assert conf(FULL, "boss")["AUTO_START"] == "0"


def test_directories_of_another_host() -> None:
    host = Host(StatePaths(Path("/srv/hive"), Path("/run/hive")), Path("/srv/tree"))
    found = conf(hive(), "alice", host)
    assert found["FLAKE"] == "path:/srv/tree/agents/alice"
    assert "--bind=/run/hive/agents/alice:/run/hyperhive" in found["EXTRA_NSPAWN_FLAGS"].split()


def test_a_directory_that_the_conf_cannot_name_is_refused() -> None:
    host = Host(StatePaths.host_default(), Path("/srv/my tree"))
    with pytest.raises(InputError, match=r"^agents\.alice: --deploy-dir: '.*my tree"):
        render_hive(hive(), host)


def test_limits_of_the_container_s_unit() -> None:
    tree = render_hive(FULL, HOST)
    alice = settings(tree["containers/h-alice.service.d/hyperhive.conf"])
    assert {"MemoryMax=4G", "CPUQuota=200%", "TasksMax=256"} < set(alice)
    assert "DeviceAllow=/dev/net/tun rwm" in alice
    carol = settings(tree["containers/h-carol.service.d/hyperhive.conf"])
    assert not [line for line in carol if line.startswith(("MemoryMax", "CPUQuota", "TasksMax"))]
    assert "DeviceAllow=/dev/net/tun rwm" not in carol


NEWER = ("RestartSteps", "RestartMaxDelaySec")
"""Settings of systemd 254; an older one pauses as long before each start."""


def verified(directory: Path, *units: Path) -> str:
    """What systemd says of unit files in `directory`; nothing, if they are right."""
    done = subprocess.run(
        [program("systemd-analyze", "apt-get install systemd"), "verify", *units],
        env={"SYSTEMD_UNIT_PATH": f"{directory}:", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    return "\n".join(
        line
        for line in done.stderr.splitlines()
        # Neither the machine's own units nor the age of its systemd are this test's business.
        if str(directory) in line and not re.search(f"Unknown key '({'|'.join(NEWER)})'", line)
    )


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    (tmp_path / "container@.service").write_text(
        "[Service]\nType=notify\nExecStart=/bin/true\nDevicePolicy=closed\n"
    )
    for name in ("hyperhive", "hyperhive-firewall"):
        (tmp_path / f"{name}.service").write_text("[Service]\nExecStart=/bin/true\n")
    tree = render_hive(FULL, HOST)
    units = [tmp_path / f"container@h-{name}.service" for name in FULL.agents]
    for unit in units:
        drop_in = Path(f"{unit}.d") / "hyperhive.conf"
        drop_in.parent.mkdir()
        drop_in.write_bytes(tree[f"containers/{unit.name.partition('@')[2]}.d/hyperhive.conf"])
    assert verified(tmp_path, *units) == ""
    drop_in.write_bytes(drop_in.read_bytes() + b"MemoryMaks=4G\n")
    assert "MemoryMaks" in verified(tmp_path, *units), "the check sees nothing"


def test_a_container_starts_again_however_often_it_fails() -> None:
    tree = render_hive(FULL, HOST)
    alice = settings(tree["containers/h-alice.service.d/hyperhive.conf"])
    assert {"Restart=on-failure", "RestartSec=1s", "StartLimitIntervalSec=0"} < set(alice)


def test_a_network_needs_the_firewall() -> None:
    tree = render_hive(FULL, HOST)
    requiring = {
        name
        for name in FULL.agents
        if "Requires=hyperhive-firewall.service"
        in settings(tree[f"containers/h-{name}.service.d/hyperhive.conf"])
    }
    assert requiring == {"alice", "boss"}


def test_agents_run_the_claude_that_the_hive_names() -> None:
    tree = render_hive(hive(claude="/nix/store/x-claude/bin/claude"), HOST)
    assert b'claude = "/nix/store/x-claude/bin/claude";' in tree["agents/alice/agent.nix"]
    assert b"claude = null;" in render_hive(hive(), HOST)["agents/alice/agent.nix"]


def test_extra_nix_is_imported_only_where_it_is_permitted() -> None:
    tree = render_hive(FULL, HOST)
    assert b"./extra.nix" in tree["agents/alice/agent.nix"]
    assert b"imports" not in tree["agents/bob/agent.nix"]


def test_an_agent_may_be_called_as_what_nixos_container_builds() -> None:
    tree = render_hive(hive({"container": {}}), HOST)
    assert tree["agents/container/flake.nix"].count(b"container = agent;") == 1

"""`hyperhive status`: with a broker and without, with systemd and without."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hyperhive.cli.broker_option import chosen_socket
from hyperhive.cli.main import main
from hyperhive.cli.output import display_width
from hyperhive.doctor import status
from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.units import HOST_UNITS, NOTIFY, Unit
from hyperhive.errors import NoBrokerError
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths, StatePaths
from tests.integration.operator.container_host import ContainerHost, on_host

UNITS = {
    name: Unit(name, "loaded", "active", "running", "success", 7, 1_800_000_000.0)
    for name in HOST_UNITS
} | {
    "hyperhive-watch.service": Unit(
        "hyperhive-watch.service", "loaded", "failed", "failed", "watchdog", 0, 1_800_000_000.0
    ),
    "hyperhive-notify.service": Unit(
        "hyperhive-notify.service", "loaded", "activating", "auto-restart", "exit-code", 0, None
    ),
    "hyperhive-firewall.service": Unit(
        "hyperhive-firewall.service", "not-found", "inactive", "dead", "", 0, None
    ),
    "container@h-alice.service": Unit(
        "container@h-alice.service", "loaded", "active", "running", "success", 9, 1_800_000_000.0
    ),
}
SYSTEM = f"/nix/store/{'0a' * 16}-nixos-system-h-alice-26.05"
DECLARED = {"hive": {"name": "lab"}, "agents": {"alice": {"uid_base": 2097152}}}


@contextmanager
def host_at(state: Path, monkeypatch: pytest.MonkeyPatch, known: Any = UNITS) -> Iterator[Path]:
    """This machine as a host whose one hive is in `state`; its declaration."""
    host = replace(HostPaths.default(), hive=StatePaths.local(state), profiles=state / "profiles")
    declared = state / "hive.json"
    state.mkdir(exist_ok=True)
    declared.write_text(json.dumps(DECLARED))
    profile = host.container(AgentName("alice")).profile
    profile.parent.mkdir(parents=True)
    profile.with_name("system-1-link").symlink_to(SYSTEM)
    profile.symlink_to("system-1-link")
    with monkeypatch.context() as patched:
        patched.setattr(status, "units", lambda names: known)
        patched.setattr("hyperhive.cli.status.HostPaths.default", lambda: host)
        patched.setattr("hyperhive.cli.status.DECLARED_HIVE", declared)
        yield declared


def run(state: Path, *words: str) -> Result:
    """The command, and what came of it."""
    return CliRunner().invoke(main, ["status", "--state", str(state), *words])


def rows(output: str) -> dict[str, list[list[str]]]:
    """The words of each line, by the first one."""
    found: dict[str, list[list[str]]] = {}
    for line in output.splitlines():
        if words := line.split():
            found.setdefault(words[0], []).append(words[1:])
    return found


def test_a_host_with_its_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(host: ContainerHost) -> None:
        await host.report("alice", "running")
        await host.ask("POST", "agents/boss/destroy", {})
        with host_at(tmp_path, monkeypatch):
            result = await asyncio.to_thread(run, tmp_path)
            document = json.loads((await asyncio.to_thread(run, tmp_path, "--json")).stdout)
        assert result.exit_code == 0, result.output
        assert max(map(display_width, result.stdout.splitlines())) <= 80
        shown = rows(result.stdout)
        assert shown["hive"] == [["lab"]]
        assert shown["broker"][0][1:3] == ["pid", f"{os.getpid()},"]
        assert shown["hyperhive.socket"][0][-2:] == ["active", "(running)"]
        assert shown["hyperhive-watch.service"][0][-3:] == ["failed", "(failed):", "watchdog"]
        assert shown["hyperhive-notify.service"] == [["-", "auto-restart:", "exit-code"]]
        assert shown["failed:"] == [
            ["journalctl", "-u", "hyperhive-watch.service"],
            ["journalctl", "-u", "hyperhive-notify.service"],
        ]
        assert shown["hyperhive-firewall.service"][0] == ["-", "there", "is", "none"]
        (runs, made) = shown["alice"]
        assert runs[:4] == ["starting", "running", "active", "0a0a0a0a,"]
        base = host.operator.core.hive.agents[AgentName("alice")].uid_range(AgentName("alice"))
        assert made == [f"{base.base}", "to", f"{base.last}", "private", "-", "-"]
        assert shown["boss"][0][1:4] == ["-", "(wanted:", "destroyed)"]
        assert shown["kept:"] == [["boss", "(destroyed;", "hyperhive", "agent", "purge", "boss)"]]
        assert document["broker"]["hive"] == "lab"
        assert document["trouble"] is None
        (alice,) = [one for one in document["agents"] if one["name"] == "alice"]
        assert (alice["container"], alice["unit"]) == ("running", "active")
        assert alice["system"]["path"] == SYSTEM
        assert [unit["name"] for unit in document["units"]] == [*HOST_UNITS, NOTIFY]

    on_host(tmp_path, body)


def test_without_its_broker_a_host_shows_its_units(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host_at(tmp_path, monkeypatch):
        result, document = run(tmp_path), json.loads(run(tmp_path, "--json").stdout)
    assert result.exit_code == NoBrokerError.exit_code
    assert result.stderr.startswith("error: no broker at ")
    assert "systemctl start hyperhive.service" in result.stderr
    shown = rows(result.stdout)
    assert shown["hyperhive.service"][0][-2:] == ["active", "(running)"]
    assert shown["alice"][0][:4] == ["-", "-", "active", "0a0a0a0a,"]
    assert shown["alice"][1][:4] == ["2097152", "to", "2162687", "private"]
    assert document["broker"] is None
    assert document["trouble"]["error"].startswith("no broker at ")


def test_a_socket_behind_which_nobody_answers_is_no_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "SECONDS", 0.2)
    paths = StatePaths.local(tmp_path)
    paths.run.mkdir(parents=True)
    with host_at(tmp_path, monkeypatch), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths.operator_socket))
        listener.listen()
        result = run(tmp_path)
    assert result.exit_code == 1
    assert "went away (timed out)" in result.stderr
    assert "hyperhive.service" in result.stdout


def test_where_systemd_does_not_answer_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with host_at(tmp_path, monkeypatch, Unknown("there is no systemctl")):
        result = run(tmp_path)
    assert result.exit_code == NoBrokerError.exit_code
    assert "units: there is no systemctl" in result.stdout


def test_a_hive_without_containers_has_no_units(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        said = await host.operator.run("status")
        assert "hyperhive.service" not in said
        assert rows(said)["alice"][0] == ["offline", "-", "-", "-"]

    on_host(tmp_path, body)


def test_which_hive_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host, local, declared = (tmp_path / name for name in ("host", "local", "declared"))
    assert chosen_socket(host, local, declared) == local
    declared.touch()
    assert chosen_socket(host, local, declared) == host, "it is declared, and does not run"
    local.touch()
    assert chosen_socket(host, local, declared) == local
    host.touch()
    assert chosen_socket(host, local, declared) == host
    see = Path.stat

    def closed(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == host:
            raise PermissionError(13, "Permission denied", str(path))
        return see(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", closed)
    assert chosen_socket(host, local, declared) == local
    local.unlink()
    assert chosen_socket(host, local, declared) == host

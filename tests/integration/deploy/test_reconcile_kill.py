"""A run that ends at any moment is completed by the next one, whatever was to be done."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

import hyperhive.deploy.apply as apply
import hyperhive.deploy.record as record
import hyperhive.deploy.work as work
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.uids import uid_range
from tests.integration.deploy.fake_host import ALICE, HIVE, FakeHost, drop_ins

OTHER: Final[dict[str, Any]] = {
    "boss": {"role": "manager", "packages": ["jq"]},
    "alice": {"uid_base": 1048576, "network": "none", "limits": {"memory": "2G"}},
    "carl": {},
}
"""Beside `HIVE` everything that can change: packages, a range, a network, limits, who there is."""

EFFECTS: Final = {
    apply: (
        "write_file", "remove_file", "make_directory", "own_tree", "own_sockets", "remove_sockets",
        "remove_tree", "build_system", "set_profile", "switch_system",
    ),
    record: ("write_file",),
    work: ("write_file", "remove_file"),
}  # fmt: skip
"""The functions through which a run changes the host, by where they are looked up."""


class Killed(BaseException):
    """The run ends here."""


@contextmanager
def killed_before(host: FakeHost, effect: int) -> Iterator[None]:
    """Let a run end before its change number `effect`."""
    left = effect

    def counted(change: Callable[..., Any]) -> Callable[..., Any]:
        def change_or_die(*args: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Killed
            return change(*args, **options)

        return change_or_die

    with pytest.MonkeyPatch.context() as patch:
        for module, names in EFFECTS.items():
            for name in names:
                patch.setattr(module, name, counted(getattr(module, name)))
        for name in ("stop", "begin", "reload", "reset_failed"):
            patch.setattr(host.systemd, name, counted(getattr(host.systemd, name)))
        yield


def ends_at(host: FakeHost, agents: dict[str, Any], effect: int) -> bool:
    """Whether a run that is killed before a change had come to its end before that."""
    try:
        with killed_before(host, effect):
            host.run(agents)
    except Killed:
        return False
    return True


def check(host: FakeHost, agents: dict[str, Any]) -> None:
    """One more run makes the host what is declared, and a second one changes nothing."""
    assert {
        name: outcome.error for name, outcome in host.run(agents).items() if outcome.error
    } == {}
    assert {name: o.changes for name, o in host.run(agents).items() if o.changes} == {}
    hive = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": agents})
    running = {unit for unit, active in host.systemd.active.items() if active == "active"}
    started = [name for name, agent in hive.agents.items() if agent.autostart]
    assert running == {f"container@h-{name}.service" for name in started}
    assert host.systemd.loaded == drop_ins(host.paths)
    for name, agent in hive.agents.items():
        notes = host.paths.hive.agent(name).state / "notes.md"
        if notes.exists():
            assert notes.stat().st_uid == uid_range(name, agent.uid_base).agent
        rendered = host.paths.hive.deploy / "containers" / f"h-{name}.conf"
        container = host.paths.container(name)
        assert container.conf.read_bytes() == rendered.read_bytes()
        if name in started:
            assert host.systemd.runs[container.unit] == rendered.read_bytes()
    assert {path.name for path in host.paths.confs.iterdir()} == {
        f"h-{name}.conf" for name in hive.agents
    }


@pytest.mark.slow
@pytest.mark.usefixtures("as_root")
def test_a_kill_before_any_change_is_made_up_for(settled: FakeHost) -> None:
    notes = settled.paths.hive.agent(ALICE).state / "notes.md"
    notes.touch()
    os.chown(notes, uid_range(ALICE).agent, uid_range(ALICE).agent)
    effect, to_other, to_hive = 0, False, False
    while not (to_other and to_hive):
        to_other = ends_at(settled, OTHER, effect)
        check(settled, OTHER)
        to_hive = ends_at(settled, HIVE, effect)
        check(settled, HIVE)
        effect += 1
    assert effect > 30, "so many changes there are at least"

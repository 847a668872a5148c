"""Turns as units of a container: what they may, how they end, and that nothing of them stays."""

import json
import signal

import pytest

from hyperhive.operator.models import Event, Turn
from hyperhive.wire.harness import OutcomeKind
from tests.e2e.hive import Hive
from tests.e2e.workers import SECRET, Workers
from tests.tools import find_claude

HARNESS = "hyperhive-harness.service"
DEAF = """\
trap '' INT TERM HUP
setsid sh -c 'trap "" INT TERM HUP; sleep 601' &
nohup sleep 602 >/dev/null 2>&1 &
(setsid sh -c 'sleep 603' &)
touch /state/work/started
sleep 604; sleep 605
"""
"""A tool that no polite signal ends, with children in sessions of their own."""


@pytest.fixture(scope="module")
def workers(_only_hive: Hive) -> Workers:
    return Workers(_only_hive, find_claude())


def hold(workers: Workers, script: str = DEAF) -> Turn:
    """A turn that has come to its tool."""
    started = workers.state("worker") / "work/started"
    started.unlink(missing_ok=True)
    turn = workers.begin("worker", script)
    workers.testbed.wait_for("its tool", started.exists)
    return turn


def unit_of(turn: Turn) -> str:
    return f"hyperhive-turn-{turn.id}.service"


def inside(workers: Workers, *words: str, user: str | None = None) -> str:
    """What a command in the container prints, whatever its status."""
    done = workers.hive.inside("worker", words, user=user, check=False)
    return done.stdout + done.stderr


def nothing_is_left(workers: Workers, turn: Turn) -> None:
    assert workers.processes("worker") == []
    assert workers.unit("worker", unit_of(turn), "LoadState") == "not-found"
    files = f"/run/hyperhive-harness/turns/{turn.id}"
    assert inside(workers, "ls", files).endswith("No such file or directory\n")


def test_a_turn_runs_as_the_agent_in_a_unit_of_its_own(workers: Workers) -> None:
    script = "id; echo $TOKEN $HOME $PWD; cat /proc/self/cgroup /proc/self/status"
    turn = workers.run("worker", f"{script}; touch $TMPDIR/private")
    (said,) = workers.results(turn)
    assert "uid=1000(agent) gid=1000(agent) groups=1000(agent)\n" in said
    assert f"\n{SECRET} /state /state/work\n" in said
    assert f"0::/system.slice/{unit_of(turn)}\n" in said
    assert "NoNewPrivs:\t1\n" in said
    assert "CapBnd:\t0000000000000000\n" in said
    assert not workers.testbed.path("/tmp/private").exists()
    assert inside(workers, "ls", "/tmp/private").endswith("No such file or directory\n")


TRIES = {
    "units": "systemctl stop hyperhive-harness.service",
    "run": "systemd-run true",
    "bus": "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1"
    " org.freedesktop.systemd1.Manager StopUnit ss hyperhive-harness.service replace",
    "power": "systemctl poweroff",
    "kernel settings": "touch /proc/sys/kernel/core_pattern",
    "signal": "kill -9 1",
    "harness": "kill -9 $(pgrep -f [h]arness/__main__)",
    "files": "touch /run/hyperhive-harness/turns/*/claude.json",
    "variables": "cat /run/hyperhive-harness/turns/*/environment",
    "settings": "touch /etc/claude-code/managed-settings.d/99.json",
    "credential": "ls /run/credentials/hyperhive-harness.service",
    "kernel log": "unshare --user --map-root-user dmesg",
    "node": "mknod disk b 8 0",
}
"""Ways to the container's root, or past it."""


def test_a_turn_has_no_way_to_the_containers_root(workers: Workers) -> None:
    programs = {command.split()[0] for command in TRIES.values()}
    script = "".join(
        f"command -v {program} >/dev/null || echo no {program}\n" for program in programs
    )
    script += "".join(f"{way} >/dev/null 2>&1 && echo {name}\n" for name, way in TRIES.items())
    assert workers.results(workers.run("worker", f"{script}echo end")) == ["end"]
    assert workers.unit("worker", HARNESS, "ActiveState") == "active"


def test_programs_that_change_the_user_do_not_in_a_turn(workers: Workers) -> None:
    inside(workers, "install", "--mode=4755", "/usr/bin/id", "/id-of-root")
    assert inside(workers, "/id-of-root", "-u", user="agent") == "0\n"
    assert workers.results(workers.run("worker", "/id-of-root -u")) == ["1000"]


def test_what_an_agents_work_needs_is_open_to_it(workers: Workers) -> None:
    work = """\
set -e
unshare --user --map-root-user --mount mount -t tmpfs tmp /tmp
setarch -R true
printf '#!/bin/sh\\necho executed\\n' >/tmp/program; chmod +x /tmp/program; /tmp/program
git init -q --shared repository; cd repository; echo x >file; git add file
git -c user.name=a -c user.email=a@b commit -q -m message
python3 -c 'import ctypes, os, signal
child = os.fork()
if child == 0: signal.pause()
assert ctypes.CDLL(None).ptrace(16, child, 0, 0) == 0, "no debugger"
os.kill(child, 9)'
python3 -c 'import socket
socket.socket(socket.AF_UNIX).connect("/nix/var/nix/daemon-socket/socket")'
echo all
"""
    (said,) = workers.results(workers.run("worker", work))
    assert said.splitlines() == ["executed", "all"]


def test_nobody_else_in_the_container_sees_the_secrets(workers: Workers) -> None:
    turn = hold(workers)
    unit = unit_of(turn)
    pid = workers.unit("worker", unit, "MainPID")
    for words in (
        ["systemctl", "show", unit],
        ["systemctl", "cat", unit],
        ["cat", f"/proc/{pid}/environ"],
        ["ps", "axeww"],
        ["sh", "-c", "cat /run/hyperhive-harness/turns/*/*"],
        ["journalctl", "--no-pager"],
    ):
        assert SECRET not in inside(workers, *words, user="nobody")
    assert SECRET in inside(workers, "cat", f"/proc/{pid}/environ")
    workers.cancel("worker")
    workers.ended(turn)


def test_a_cancelled_turn_leaves_nothing(workers: Workers) -> None:
    turn = hold(workers)
    assert len([line for line in workers.processes("worker") if "sleep 60" in line]) >= 4
    workers.cancel("worker")
    ended = workers.ended(turn)
    assert (ended.outcome, ended.exit_code) == (OutcomeKind.CANCELLED, 0)  # by SIGINT, as a user
    nothing_is_left(workers, turn)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_killed_claude_leaves_nothing(workers: Workers, sent: signal.Signals) -> None:
    turn = hold(workers)
    pid = workers.unit("worker", unit_of(turn), "MainPID")
    assert "scripted_claude" in inside(workers, "cat", f"/proc/{pid}/cmdline")
    inside(workers, "kill", f"-{sent.value}", pid)
    ended = workers.ended(turn)
    code = 143 if sent is signal.SIGTERM else -sent.value  # the CLI ends itself at SIGTERM
    assert (ended.outcome, ended.exit_code) == (OutcomeKind.FAILED, code)
    nothing_is_left(workers, turn)
    workers.cancel("worker")  # the wait after a failed turn
    assert workers.repeated(turn).outcome is OutcomeKind.OK


def test_a_killed_harness_takes_its_turn_along(workers: Workers) -> None:
    turn = hold(workers)
    before = workers.unit("worker", HARNESS, "MainPID")
    inside(workers, "kill", "-9", before)
    workers.testbed.wait_for("the turn's end", lambda: not workers.processes("worker"), 2)
    repeated = workers.repeated(turn)
    assert repeated.outcome is OutcomeKind.OK
    nothing_is_left(workers, turn)
    told = workers.hive.wait_mail("harness_crash", to="manager", after=turn.message or 0)
    assert json.loads(told.body)["turn"] == turn.id


def test_a_stopped_harness_ends_its_turn_and_says_that_it_leaves(workers: Workers) -> None:
    turn = hold(workers, "touch /state/work/started; sleep 604")
    crashes = len(events(workers, "harness_crash"))
    inside(workers, "systemctl", "stop", HARNESS)
    ended = workers.ended(turn)
    assert (ended.outcome, ended.detail) == (OutcomeKind.CANCELLED, "the harness was stopped")
    nothing_is_left(workers, turn)
    inside(workers, "systemctl", "start", HARNESS)
    repeated = workers.repeated(turn)
    assert (repeated.outcome, repeated.detail) == (OutcomeKind.OK, "")
    assert len(events(workers, "harness_crash")) == crashes


def events(workers: Workers, kind: str) -> list[Event]:
    """The worker's events of a kind."""
    with workers.hive.client() as client:
        found = client.events(agent="worker", after=0, limit=1000)
    return [event for event in found if event.kind == kind]


def test_a_turn_over_its_time(workers: Workers) -> None:
    """The settings of this very container, with another limit."""
    settings = "/etc/hyperhive/agent.json"
    inside(workers, "cp", settings, "/root/agent.json")
    inside(workers, "sed", "-i", 's/"turn_seconds":[0-9]*/"turn_seconds":1/', settings)
    inside(workers, "systemctl", "restart", HARNESS)
    turn = workers.run("worker", DEAF)
    assert (turn.outcome, turn.detail) == (OutcomeKind.TIMEOUT, "it took over 1 s")
    nothing_is_left(workers, turn)
    inside(workers, "cp", "/root/agent.json", settings)
    inside(workers, "systemctl", "restart", HARNESS)
    workers.cancel("worker")
    assert workers.repeated(turn).outcome is OutcomeKind.OK


def test_a_bus_that_dies_takes_the_harness_along(workers: Workers) -> None:
    """Nobody could end the turn without it."""
    turn = hold(workers)
    inside(workers, "systemctl", "kill", "--signal=SIGKILL", "dbus.service")
    workers.testbed.wait_for("the turn's end", lambda: not workers.processes("worker"), 5)
    assert workers.repeated(turn).outcome is OutcomeKind.OK
    assert "dbus" in inside(workers, "journalctl", "--no-pager", "--unit", HARNESS)


def test_more_output_than_a_pipe_holds(workers: Workers) -> None:
    turn = workers.run("worker", "head -c 3000000 /dev/zero | tr '\\0' x")
    assert turn.outcome is OutcomeKind.OK
    (said,) = workers.results(turn)
    kept = said.count("x")
    assert said.endswith(f"[{3_000_000 - kept} more characters]")


def test_a_work_directory_that_the_agent_removed_is_made_again(workers: Workers) -> None:
    gone = workers.run("worker", "rm -rf /state/work; ls /state")
    assert "work" not in workers.results(gone)[0].split()
    (said,) = workers.results(workers.run("worker", "pwd; touch here; stat -c %U:%G ."))
    assert said.splitlines() == ["/state/work", "agent:agent"]
    uids = workers.hive.uids("worker")
    status = (workers.state("worker") / "work").stat()
    assert (status.st_uid, status.st_gid) == (uids.base + 1000, uids.base + 1000)


def test_new_notes_belong_to_the_agent(workers: Workers) -> None:
    state, uids = workers.state("worker"), workers.hive.uids("worker")
    workers.run(
        "worker", "yes a long note | head -n 999 >/state/notes.md; chmod 640 /state/notes.md"
    )
    rewrite(workers)
    workers.testbed.wait_for("the old notes", (state / "notes.md.1").exists)
    for name in ("notes.md", "notes.md.1"):
        status = (state / name).lstat()
        assert (status.st_uid, status.st_gid) == (uids.base + 1000, uids.base + 1000), name
        assert status.st_mode & 0o7777 == 0o640


def rewrite(workers: Workers) -> None:
    with workers.hive.client() as client:
        client.compact_notes("worker")


@pytest.mark.parametrize(
    ("trap", "why"),
    [
        ("ln -s /etc/shadow notes.md", "cannot be read"),
        ("mkfifo notes.md", "is not an ordinary file"),
        ("touch here; ln here notes.md; echo text >here", "has 2 names"),
    ],
)
def test_notes_that_are_a_trap_are_not_touched(workers: Workers, trap: str, why: str) -> None:
    shadow = inside(workers, "cat", "/etc/shadow")
    workers.run("worker", f"cd /state; rm -f notes.md*; {trap}")
    rewrite(workers)

    def kept() -> str | None:
        with workers.hive.client() as client:
            (turn,) = client.turns(agent="worker", after=None, limit=1)
        return turn.detail if turn.kind == "notes" and turn.outcome else None

    assert workers.testbed.wait_for("the notes' turn", kept)
    assert sorted(
        path.name for path in workers.state("worker").iterdir() if "notes" in path.name
    ) == ["notes.md"]
    assert inside(workers, "cat", "/etc/shadow") == shadow

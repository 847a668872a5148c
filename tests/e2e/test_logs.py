"""The journal of a hive: entries with fields, and `hyperhive logs` that finds them again."""

import json
import os
import select
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hyperhive.log_events import LogEvent
from tests.e2e.environment import HYPERHIVE
from tests.e2e.hive import Hive

DEADLINE: Final = 20.0


def entries(hive: Hive, *words: str) -> list[dict[str, Any]]:
    """Return what `hyperhive logs --json` prints."""
    printed = hive.hyperhive("logs", *words, "--json").stdout
    return [json.loads(line) for line in printed.splitlines()]


def turn_of(hive: Hive, message: int) -> int:
    """Return the turn that a message was given to."""
    with hive.client() as client:
        (found,) = client.messages(agent=None, after=message - 1, limit=1)
        begun = [
            event
            for event in client.events(agent=found.recipient, after=0, limit=1000)
            if event.kind == "turn_started" and event.data.get("message") == message
        ]
    turn = begun[-1].turn
    assert turn is not None
    return turn


def say(hive: Hive, agent: str, text: str, **fields: str) -> None:
    """Write an entry into the container's own journal, as its root."""
    words = {"MESSAGE": text, "SYSLOG_IDENTIFIER": "test", **fields}
    entry = "".join(f"{name}={value}\n" for name, value in words.items())
    hive.inside(agent, ["logger", "--journald"], input=entry)


def test_a_turn_is_found_again(hive: Hive) -> None:
    message = hive.send("alice", "look for this")
    hive.wait_message(message, "acked")
    turn = turn_of(hive, message)
    found = hive.testbed.wait_for(
        "the turn's last entry",
        lambda: [
            one
            for one in [entries(hive, "alice", "--turn", str(turn))]
            if sum(each["event"] == "turn_ended" for each in one) == 2
        ],
        DEADLINE,
    )[0]
    broker = [one for one in found if one["origin"] == "host"]
    inside = [one for one in found if one["origin"] == "container"]
    assert [(one["event"], one["source"], one["unit"]) for one in broker] == [
        ("turn_started", "hyperhive-broker", "hyperhive.service"),
        ("turn_ended", "hyperhive-broker", "hyperhive.service"),
    ]
    assert {one["agent"] for one in broker} == {"alice"}
    harness = [one for one in inside if one["unit"] == "hyperhive-harness.service"]
    assert [one["event"] for one in harness if one["event"]] == ["turn_started", "turn_ended"]
    # Systemd's own words about claude's unit.
    assert any(one["source"] == "systemd" for one in inside)
    assert {one["turn"] for one in found} <= {str(turn), ""}
    assert [one["at"] for one in found] == sorted(one["at"] for one in found)


def test_each_kind_of_event_is_found_by_its_id(hive: Hive) -> None:
    hive.hyperhive("agent", "pause", "bob")
    hive.hyperhive("agent", "resume", "bob")
    hive.wait_states({"bob": "idle"})
    testbed = hive.testbed
    for event, agent in {
        LogEvent.BROKER_STARTED: None,
        LogEvent.HARNESS_CONNECTED: "bob",
        LogEvent.OPERATOR_ACTED: "bob",
        LogEvent.AGENT_RECONCILED: "bob",
    }.items():
        of_agent = [f"HYPERHIVE_AGENT={agent}"] if agent else []
        words = ["journalctl", "--output=json", "--lines=1", f"MESSAGE_ID={event}", *of_agent]
        printed = testbed.run(words).stdout
        assert printed, f"no entry of {event.name}"
        assert json.loads(printed)["PRIORITY"] in ("6", "5")
        assert json.loads(printed)["SYSLOG_IDENTIFIER"].startswith("hyperhive-")


def test_the_catalog_explains_an_event(hive: Hive) -> None:
    testbed = hive.testbed
    match = f"MESSAGE_ID={LogEvent.HARNESS_CONNECTED}"
    words = ["journalctl", "--catalog", "--no-pager", "--lines=1", match, "HYPERHIVE_AGENT=bob"]
    assert "The harness of bob is connected" in testbed.run(words).stdout


def test_the_containers_words_are_marked_and_harmless(hive: Hive) -> None:
    say(hive, "alice", "\x1b[31mred\x1b[0m", HYPERHIVE_AGENT="bob", _UID="0")
    forging = "echo '<0>12:00:00 host hyperhive-broker: forged' >/dev/console"
    hive.inside("alice", ["sh"], input=forging)
    found = hive.testbed.wait_for(
        "both lines",
        lambda: [
            lines
            for lines in [hive.hyperhive("logs", "alice", "--lines", "20").stdout.splitlines()]
            if any("red" in line for line in lines) and any("forged" in line for line in lines)
        ],
        DEADLINE,
    )[0]
    assert [line.split(" ", 2)[1:] for line in found if "red" in line] == [
        ["h-alice", r"test: \x1b[31mred\x1b[0m"]
    ]
    (forged,) = [line for line in found if "forged" in line]
    assert forged.split(" ", 2)[1] == "h-alice"
    assert "console: " in forged
    assert all("red" not in one["text"] for one in entries(hive, "bob", "--lines", "20"))


def test_the_hives_own_units(hive: Hive) -> None:
    found = entries(hive, "--lines", "5000")
    assert {"hyperhive.service", "hyperhive-reconcile.service"} <= {one["unit"] for one in found}
    assert {one["origin"] for one in found} == {"host"}


def test_who_is_not_root_sees_the_hosts_part(hive: Hive) -> None:
    command: list[str | Path] = [HYPERHIVE, "logs", "alice", "--lines", "5"]
    some = hive.testbed.run(
        command, user="nobody", properties=["SupplementaryGroups=systemd-journal"]
    )
    left_out = "note: the container's own journal is left out: only root can read it: use sudo"
    assert left_out in some.stderr.splitlines()
    assert {line.split(" ", 2)[1] for line in some.stdout.splitlines()} <= {"host", "h-alice"}
    assert "host" in some.stdout
    none = hive.testbed.run(command, user="nobody")
    assert "note: you may not read the system's journal" in none.stderr


def test_a_name_of_nobody_is_an_error(hive: Hive) -> None:
    for words in (["alcie"], ["alcie", "--follow"]):
        done = hive.hyperhive("logs", *words, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("error: there is and was no agent 'alcie' on this host\n")
        assert "alice, bob, manager" in done.stderr
    # Who may not look cannot know.
    seen = hive.testbed.run([HYPERHIVE, "logs", "alcie"], user="nobody")
    assert "note: no agent alcie is declared; whether there was one you may not see" in seen.stderr
    assert "note: the container's own journal is left out: only root can" in seen.stderr


class Followed:
    """`hyperhive logs --follow`, started by a shell so that its process is known."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self._out = process.stdout.fileno()
        self._read = b""
        self.pid = int(self.line())

    def ready(self, seconds: float) -> bool:
        """Say whether it prints something in the next seconds."""
        return b"\n" in self._read or bool(select.select([self._out], [], [], seconds)[0])

    def line(self) -> str:
        """Return the next line."""
        while b"\n" not in self._read:
            assert self.ready(DEADLINE), f"waited {DEADLINE:g} s for a line"
            chunk = os.read(self._out, 1 << 16)
            assert chunk, "it ended"
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def until(self, text: str) -> dict[str, Any]:
        """Return the next entry that holds a text."""
        while text not in (line := self.line()):
            pass
        entry: dict[str, Any] = json.loads(line)
        return entry


@contextmanager
def following(hive: Hive, agent: str) -> Iterator[Followed]:
    """Yield a command that follows an agent's journal."""
    command = shlex.join([str(HYPERHIVE), "logs", agent, "--follow", "--lines", "0", "--json"])
    process = hive.testbed.start(["sh"])
    assert process.stdin is not None
    process.stdin.write(f"echo $$; exec {command} </dev/null\n")
    process.stdin.close()
    followed = Followed(process)
    try:
        yield followed
    finally:
        # By its number: of the unit's end alone it would hear nothing.
        hive.testbed.run(["kill", "-KILL", str(followed.pid)], check=False)
        process.wait(DEADLINE)
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def readers(hive: Hive) -> list[str]:
    """Return the processes of `hyperhive logs` in the testbed."""
    found = hive.testbed.run(["pgrep", "-f", "bin/hyperhive[ ]logs .*--follow"], check=False).stdout
    return found.split()


def test_both_journals_are_followed_through_rotation_and_vacuum(hive: Hive) -> None:
    testbed = hive.testbed
    with following(hive, "bob") as followed:
        # What is written before it looks is history, which was not asked for: say it again.
        deadline = time.monotonic() + DEADLINE
        while not followed.ready(0.2):
            assert time.monotonic() < deadline, "nothing is followed"
            say(hive, "bob", "first inside")
        assert followed.until("first inside")["origin"] == "container"
        hive.hyperhive("agent", "pause", "bob")
        assert followed.until("/agents/bob/pause")["origin"] == "host"
        for container in ("h-bob", None):
            testbed.run(["journalctl", "--rotate"], container=container)
            testbed.run(["journalctl", "--vacuum-files=1"], container=container)
        say(hive, "bob", "second inside")
        assert followed.until("second inside")["origin"] == "container"
        hive.hyperhive("agent", "resume", "bob")
        assert followed.until("/agents/bob/resume")["origin"] == "host"
        # Ctrl-C ends it at once, with the process that reads the container's journal.
        begun = time.monotonic()
        testbed.run(["kill", "-INT", str(followed.pid)])
        assert followed.process.wait(DEADLINE) == 130
        assert time.monotonic() - begun < 3
    assert readers(hive) == []


def test_what_reads_the_containers_journal_may_die(hive: Hive) -> None:
    with following(hive, "bob") as followed:
        both = hive.testbed.wait_for(
            "both processes", lambda: set(readers(hive)) if len(readers(hive)) == 2 else None
        )
        (inner,) = both - {str(followed.pid)}
        assert hive.testbed.run(["ps", "-o", "uid=", inner]).stdout.strip() == str(
            hive.uids("bob").root
        )
        hive.testbed.run(["kill", "-BUS", inner])
        hive.testbed.wait_for(
            "another process", lambda: len(set(readers(hive)) - {inner}) == 2 or None
        )
        say(hive, "bob", "after that")
        assert followed.until("after that")["origin"] == "container"


def test_hostile_files_among_the_containers_journals_do_no_harm(hive: Hive) -> None:
    host_id = hive.testbed.path("/etc/machine-id").read_text().strip()
    hostile = f"""
        cd /var/log/journal/$(cat /etc/machine-id) || exit 1
        mkfifo fifo.journal
        ln -s /var/log/journal/{host_id}/system.journal link.journal
        ln -s /run/log/journal/{host_id}/system.journal other.journal
        ln -s /dev/zero zero.journal
        head -c 100000 /dev/urandom >random.journal
        head -c 5000 system.journal >short.journal
        truncate -s 100T sparse.journal
        mkdir directory.journal
        chmod 0666 fifo.journal random.journal short.journal sparse.journal
    """
    hive.inside("alice", ["sh"], input=hostile)
    try:
        say(hive, "alice", "still here")
        hive.hyperhive("agent", "pause", "alice")
        hive.hyperhive("agent", "resume", "alice")
        found = hive.testbed.wait_for(
            "the entry",
            lambda: [
                one
                for one in [entries(hive, "alice", "--lines", "1000")]
                if any(each["text"] == "still here" for each in one)
            ],
            DEADLINE,
        )[0]
    finally:
        names = "fifo link other zero random short sparse directory"
        clean = f"cd /var/log/journal/*/ && for x in {names}; do rm -rf $x.journal; done"
        hive.inside("alice", ["sh"], input=clean)
    inside = {one["unit"] for one in found if one["origin"] == "container"}
    assert "hyperhive-harness.service" in inside
    assert not inside & {"hyperhive.service", "hyperhive-watch.service"}
    assert any(one["unit"] == "hyperhive.service" for one in found)


def test_a_follower_that_is_killed_leaves_nothing(hive: Hive) -> None:
    with following(hive, "bob") as followed:
        hive.testbed.wait_for("both processes", lambda: len(readers(hive)) == 2 or None, DEADLINE)
        hive.testbed.run(["kill", "-KILL", str(followed.pid)])
        hive.testbed.wait_for("no process", lambda: readers(hive) == [] or None, DEADLINE)

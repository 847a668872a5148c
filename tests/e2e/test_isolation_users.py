"""Users: who a container's root and agent are on the host, and whose their files are."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Final

from tests.e2e.environment import INTERPRETER
from tests.e2e.hive import Hive
from tests.e2e.testbed import Testbed, as_uid

STATE: Final = Path("/var/lib/hyperhive/agents")
ROOTS: Final = "/var/lib/nixos-containers"


def owner(testbed: Testbed, path: str | Path) -> tuple[int, int]:
    """The uid and gid of a file, as the host sees them."""
    status = testbed.path(path).stat()
    return status.st_uid, status.st_gid


def test_root_and_agent_inside_are_base_and_base_plus_1000_outside(hive: Hive) -> None:
    base = hive.uids("alice").base
    for user, inside in (("root", 0), ("agent", 1000)):
        assert hive.inside("alice", ["id", "-u"], user=user).stdout == f"{inside}\n"
        words = "systemd-run --quiet --collect --unit=marked --uid=$0 sleep 99.5"
        hive.inside("alice", ["sh", "-c", words, user])
        listed = hive.testbed.run(["ps", "-eo", "ruid,euid,suid,fsuid,args"]).stdout
        rows = [line.split(None, 4) for line in listed.splitlines()]
        seen = {int(uid) for *ids, args in rows if args.endswith("sleep 99.5") for uid in ids}
        hive.inside("alice", ["systemctl", "stop", "marked"])
        assert seen == {base + inside}


def test_every_process_of_a_container_is_in_its_range(hive: Hive) -> None:
    hive.send("alice", "hold: which uids has claude?")
    payload = hive.testbed.wait_for("claude among alice's processes", lambda: with_claude(hive))
    uids = hive.uids("alice")
    ids = [int(id) for uid, gid, *_ in payload for id in (uid, gid)]
    assert [id for id in ids if not uids.contains(id)] == []
    hive.hyperhive("cancel", "alice")
    hive.wait_states({"alice": "idle"})


def with_claude(hive: Hive) -> list[list[str]]:
    """Uid, gid, cgroup and command of each process of alice's container, if one is claude."""
    listed = hive.testbed.run(["ps", "-eo", "euid,egid,cgroup:400,args", "--no-headers"]).stdout
    rows = [line.split(None, 3) for line in listed.splitlines()]
    payload = [row for row in rows if "/container@h-alice.service/payload" in row[2]]
    return payload if any("scripted_claude" in args for *_, args in payload) else []


def test_files_made_inside_belong_to_the_range(hive: Hive) -> None:
    uids = hive.uids("alice")
    hive.inside("alice", ["touch", "/state/by-root"])
    hive.inside("alice", ["touch", "/state/work/by-agent", "/claude/by-agent"], user="agent")
    home = STATE / "alice"
    assert owner(hive.testbed, home / "state/by-root") == (uids.base, uids.base)
    for path in ("state/work/by-agent", "claude/by-agent", "state", "claude"):
        assert owner(hive.testbed, home / path) == (uids.agent, uids.agent)


def test_what_belongs_to_the_host_is_nobodys_inside(hive: Hive) -> None:
    file = hive.testbed.path(STATE / "alice/state/of-the-host")
    file.write_text("from outside")
    file.chmod(0o644)
    said = hive.inside("alice", ["stat", "-c", "%u", "/state/of-the-host"]).stdout
    assert said == "65534\n"
    # Though the directory is the range's, its root may not even give itself the file.
    for command in ("echo x > /state/of-the-host", "chown root /state/of-the-host"):
        assert hive.inside("alice", ["sh", "-c", command], check=False).returncode != 0
    assert file.read_text() == "from outside"


def test_a_setuid_binary_made_inside_is_no_host_users(hive: Hive) -> None:
    base = hive.uids("alice").base
    make = "cp /usr/bin/id /srv/setuid && chown root /srv/setuid && chmod 6755 /srv/setuid"
    hive.inside("alice", ["sh", "-c", make])
    outside = f"{ROOTS}/h-alice/srv/setuid"
    assert hive.testbed.path(outside).stat().st_mode & 0o6000 == 0o6000
    # Whoever of the host runs it becomes the container's root, which is nobody there, but may read
    # and write what is the agent's. So only root and the hive's group get as far. (setpriv itself
    # runs a program with the powers that it is about to lose; env has none.)
    stranger = hive.testbed.run(as_uid(65534, "env", outside, "-u"), check=False)
    assert stranger.returncode != 0
    assert "Permission denied" in stranger.stderr
    for user in ("hyperhive", "root"):
        assert hive.testbed.run([outside, "-u"], user=user).stdout == f"{base}\n"
    entries = hive.testbed.path("/etc/passwd").read_text().splitlines()
    assert str(base) not in {entry.split(":")[2] for entry in entries}


def test_an_agent_cannot_reach_the_state_of_another_even_with_its_path(hive: Hive) -> None:
    secret = STATE / "bob/state/work/secret"
    hive.inside("bob", ["sh", "-c", "umask 0; echo open > /state/work/secret"], user="agent")
    assert hive.inside("alice", ["ls", str(STATE)], check=False).returncode != 0
    # Were there such a path inside, and were the directory above it open: its own mode refuses.
    for uid in (hive.uids("alice").root, hive.uids("alice").agent):
        for command in (("cat", secret), ("ls", STATE / "bob/claude")):
            done = hive.testbed.run(as_uid(uid, *command, group="hyperhive"), check=False)
            assert "Permission denied" in done.stderr
            assert hive.testbed.run(as_uid(uid, *command), check=False).returncode != 0
    own = as_uid(hive.uids("bob").agent, "cat", secret, group="hyperhive")
    assert hive.testbed.run(own).stdout == "open\n"


def test_containers_share_no_uid(hive: Hive) -> None:
    bases = []
    for agent in ("manager", "alice", "bob"):
        program = "import json; print(json.dumps(open('/proc/self/uid_map').read().split()))"
        said = hive.inside(agent, [INTERPRETER, "-c", program]).stdout
        inside, outside, count = map(int, json.loads(said))
        assert (inside, outside, count) == (0, hive.uids(agent).base, 65536)
        bases.append(outside)
    assert all(later - earlier >= 65536 for earlier, later in pairwise(sorted(bases)))

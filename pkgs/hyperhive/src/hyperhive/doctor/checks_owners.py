"""Checks of who owns what: the sockets, the state, the store and the credentials."""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.facts import Entry, HostFacts, Missing, unknown
from hyperhive.doctor.finding import Finding, fail, ok, warn
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import AgentPaths

RECONCILE: Final = "systemctl start hyperhive-reconcile.service"
_TMPFILES: Final = "systemd-tmpfiles --create, then systemctl restart hyperhive.service"
_RESTART: Final = "systemctl restart hyperhive.service"


@dataclass(frozen=True, slots=True)
class Should:
    """What is to be at a path.

    Attributes:
        mode: type and permissions.
        mend: what makes it so.
    """

    path: Path
    uid: int
    gid: int
    mode: int
    mend: str


def broker_user(facts: HostFacts) -> Iterator[Finding]:
    """There is the user that the broker runs as."""
    if facts.broker is None:
        yield fail("there is no user or group hyperhive", "set services.hyperhive.enable")
    else:
        yield ok(f"user hyperhive: uid {facts.broker[0]}, gid {facts.broker[1]}")


def operator_socket(facts: HostFacts) -> Iterator[Finding]:
    """Members of the group hyperhive reach the broker, and nobody else does."""
    if facts.broker is not None:
        uid, gid = facts.broker
        run = facts.host.hive.run
        places = [
            Should(run, 0, gid, stat.S_IFDIR | 0o750, _TMPFILES),
            Should(run / "agents", 0, 0, stat.S_IFDIR | 0o755, _TMPFILES),
            Should(
                facts.host.hive.operator_socket,
                uid,
                gid,
                stat.S_IFSOCK | 0o660,
                "systemctl restart hyperhive.socket",
            ),
        ]
        yield from _all(facts, places, "the operator's socket is the group hyperhive's alone")


def agent_sockets(facts: HostFacts) -> Iterator[Finding]:
    """Each agent's sockets can be reached by its range and by nobody else."""
    if facts.broker is None:
        return
    uid, _ = facts.broker
    for name, paths, agent in _agents(facts):
        places = [
            Should(paths.sockets, uid, agent, stat.S_IFDIR | stat.S_ISGID | 0o750, RECONCILE)
        ] + [
            Should(path, uid, agent, stat.S_IFSOCK | 0o660, f"{_RESTART}; then {RECONCILE}")
            for path in (paths.harness_socket, paths.mcp_socket)
        ]
        yield from _all(facts, places, f"{name}: its sockets are its own range's alone")


def state(facts: HostFacts) -> Iterator[Finding]:
    """The directories of the hive are root's, those of agents in their ranges."""
    hive = facts.host.hive
    if facts.broker is not None:
        places = [
            Should(hive.state, 0, facts.broker[1], stat.S_IFDIR | stat.S_ISVTX | 0o770, _TMPFILES),
            Should(hive.agents, 0, 0, stat.S_IFDIR | 0o755, RECONCILE),
            Should(hive.deploy, 0, 0, stat.S_IFDIR | 0o755, RECONCILE),
        ]
        yield from _all(facts, places, f"{hive.state} is as it should be")
    manager = facts.hive.manager
    for name, paths, agent in _agents(facts):
        home = facts.entries.get(paths.home)
        if isinstance(home, Missing):
            yield warn(f"{name}: it has no state yet", RECONCILE)
            continue
        keeper = name if manager is None else manager
        config = facts.hive.agents[keeper].uid_range(keeper).agent
        own = stat.S_IFDIR | 0o750
        places = [
            Should(paths.home, 0, 0, stat.S_IFDIR | 0o755, RECONCILE),
            Should(paths.state, agent, agent, own, RECONCILE),
            Should(paths.claude, agent, agent, own, RECONCILE),
            Should(paths.config, config, config, own, RECONCILE),
        ]
        yield from _all(facts, places, f"{name}: its state is its own range's")


def store(facts: HostFacts) -> Iterator[Finding]:
    """Only the broker reads and writes the store."""
    path = facts.host.hive.store
    match facts.entries.get(path):
        case Unknown() as why:
            yield unknown(f"{path}", why)
            return
        case Missing() | None:
            yield warn("there is no store yet: the broker has never run", _RESTART)
            return
        case _:
            pass
    if facts.broker is None:
        return
    troubles = False
    for file, entry in facts.store_files().items():
        if entry.uid != facts.broker[0]:
            troubles = True
            yield fail(f"{file} is uid {entry.uid}'s", f"chown hyperhive:hyperhive {file}")
        elif entry.mode & (stat.S_IRWXG | stat.S_IRWXO) & ~stat.S_IRGRP:
            troubles = True
            yield fail(f"{file} is open to others: {_mode(entry.mode)}", f"chmod 0600 {file}")
    if not troubles:
        yield ok("the store is the broker's alone")


def credentials(facts: HostFacts) -> Iterator[Finding]:
    """Each declared secret is there, and root's alone."""
    paths = {
        Path(path): f"agents.{name}.credentials.{variable}"
        for name, agent in facts.hive.agents.items()
        for variable, path in agent.credentials.items()
    }
    good = 0
    for path, declared in sorted(paths.items()):
        match facts.entries.get(path):
            case Unknown() as why:
                yield unknown(f"{declared}: {path}", why)
            case Entry() as entry if not stat.S_ISREG(entry.mode):
                yield fail(f"{declared}: {path} is no file", "name a file that holds the secret")
            case Entry() as entry if entry.uid != 0 or entry.mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield fail(
                    f"{declared}: {path} is uid {entry.uid}'s with mode {_mode(entry.mode)}",
                    f"chown root {path}; chmod 0400 {path}",
                )
            case Entry():
                good += 1
            case _:
                yield fail(f"{declared}: there is no {path}", "put the secret there")
    if good:
        yield ok(f"credentials: {good} of {len(paths)} there, root's alone")


def token(facts: HostFacts) -> Iterator[Finding]:
    """The dashboard's token is there, and the broker's alone."""
    dashboard = facts.hive.hive.dashboard
    if dashboard.port is None or dashboard.token_file is None:
        return
    path = Path(dashboard.token_file)
    mend = f"chown hyperhive {path}; chmod 0400 {path}"
    match facts.entries.get(path):
        case Unknown() as why:
            yield unknown(f"dashboard.token_file: {path}", why)
        case Entry() as entry if entry.mode & stat.S_IRWXO:
            yield fail(f"dashboard.token_file: {path} is open to everyone", mend)
        case Entry() as entry if not _reads(facts, entry):
            yield fail(f"dashboard.token_file: the broker cannot read {path}", mend)
        case Entry():
            yield ok(f"the dashboard's token is the broker's alone: {path}")
        case _:
            yield fail(f"dashboard.token_file: there is no {path}", "put the token there")


def _reads(facts: HostFacts, entry: Entry) -> bool:
    """Whether the broker reads a file that is closed to others."""
    uid, gid = facts.broker or (-1, -1)
    own, groups = entry.mode & stat.S_IRUSR, entry.mode & stat.S_IRGRP
    return bool(own if entry.uid == uid else entry.gid == gid and groups)


def _agents(facts: HostFacts) -> Iterator[tuple[AgentName, AgentPaths, int]]:
    """Each agent, its paths, and the host uid of its user."""
    for name, agent in facts.hive.agents.items():
        yield name, facts.host.hive.agent(name), agent.uid_range(name).agent


def _all(facts: HostFacts, places: Iterable[Should], good: str) -> Iterator[Finding]:
    """One line if all is as it should be, else one for each thing that is not."""
    troubles = [found for place in places for found in _compare(facts, place)]
    yield from troubles or [ok(good)]


def _compare(facts: HostFacts, should: Should) -> Iterator[Finding]:
    match facts.entries.get(should.path):
        case Unknown() as why:
            yield unknown(f"{should.path}", why)
        case Entry() as entry:
            wrong = []
            if stat.S_IFMT(entry.mode) != stat.S_IFMT(should.mode):
                wrong.append(f"is no {'socket' if stat.S_ISSOCK(should.mode) else 'directory'}")
            if (entry.uid, entry.gid) != (should.uid, should.gid):
                wrong.append(f"is {entry.uid}:{entry.gid}'s, should be {should.uid}:{should.gid}'s")
            if stat.S_IMODE(entry.mode) != stat.S_IMODE(should.mode):
                wrong.append(
                    f"has mode {_mode(entry.mode)}, should have {stat.S_IMODE(should.mode):04o}"
                )
            if wrong:
                yield fail(f"{should.path} {'; '.join(wrong)}", should.mend)
        case _:
            yield fail(f"there is no {should.path}", should.mend)


def _mode(mode: int) -> str:
    return f"{stat.S_IMODE(mode):04o}"

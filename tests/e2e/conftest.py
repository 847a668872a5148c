"""The testbed for every test here: booted once, shared, its journal shown when a test fails."""

from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e import proposing
from tests.e2e.hive import Hive
from tests.e2e.host import Host
from tests.e2e.testbed import Testbed
from tests.tools import find_claude, need

_booted: list[Testbed] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this directory, and begin with the file that takes longest: at the end one
    process would be at it while the other rests. Those with another hive than most come one after
    the other, or last, since to declare a hive takes longer than most tests.
    """
    ours = [item for item in items if item.path.is_relative_to(Path(__file__).parent)]
    slow = {item.path for item in ours if item.get_closest_marker("slow")}
    workers, networks = (
        {item.path for item in ours if fixture in getattr(item, "fixturenames", ())}
        for fixture in ("workers", "networks")
    )
    for item in ours:
        item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda i: (i.path not in slow, i.path not in workers, i.path in networks))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the journal with a test that failed."""
    report = yield
    if report.failed and _booted:
        try:
            journal = _booted[0].journal(lines=100)
        except AssertionError as error:  # the testbed itself may have failed
            journal = str(error)
        report.sections.append(("The testbed's journal", journal))
    return report


@pytest.fixture(scope="session")
def testbed() -> Iterator[Testbed]:
    """A booted system, shared by all tests of the session: leave no unit behind."""
    claude = find_claude()
    booted = Testbed.boot(*([claude.parent] if claude else []))
    _booted.append(booted)
    try:
        yield booted
    finally:
        _booted.clear()
        booted.close()


@pytest.fixture(scope="session")
def host(testbed: Testbed) -> Host:
    """The testbed with what a NixOS host has for hives, but none of them yet."""
    bindings = all(find_spec(name) for name in ("systemd", "dbus", "jeepney"))
    need("systemd-python, dbus-python or jeepney", bindings, "make setup EXTRAS=systemd")
    return Host(testbed)


@pytest.fixture(scope="session")
def _only_hive(host: Host) -> Hive:
    """The one hive that a host can have."""
    return Hive(host)


@pytest.fixture
def hive(_only_hive: Hive) -> Hive:
    """The standard hive with all agents idle; messages of earlier tests may be there."""
    _only_hive.standard()
    return _only_hive


@pytest.fixture
def untouched(hive: Hive) -> Iterator[Hive]:
    """The hive, whose host, containers and approvals are the same after the test as before."""
    proposing.make_ready(hive, "alice")
    before, runs = proposing.host_state(hive), proposing.runs(hive, "alice", "bob", "manager")
    states = proposing.states(hive)
    yield hive
    assert proposing.host_state(hive) == before
    assert proposing.runs(hive, "alice", "bob", "manager") == runs
    assert proposing.states(hive) == states


@pytest.fixture(scope="module")
def as_declared(_only_hive: Hive) -> Iterator[None]:
    """At the end of the file the agents are as the hive declares them, and no approval is open."""
    yield
    _only_hive.standard()
    with _only_hive.client() as client:
        for approval in client.approvals(agent=None, after=0, limit=1000):
            client.deny(approval.id, "the tests are done")
    for agent in ("alice", "bob"):
        files = {"agent.toml": "# As declared.\n"}
        if proposing.approved(_only_hive, agent) not in ({}, files):
            proposing.approve(_only_hive, proposing.propose(_only_hive, agent, files))
    # A unit whose approval failed has failed, until somebody has seen it.
    _only_hive.testbed.systemctl("reset-failed", "hyperhive-deploy@*.service")

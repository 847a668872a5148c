"""Which agent `hyperhive logs NAME` means, and that a name of nobody is an error."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from hyperhive.cli import log_agents
from hyperhive.cli.log_agents import agent_of_host
from hyperhive.cli.main import main
from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import HostPaths, StatePaths

ALICE: Final = AgentName("alice")
TYPO: Final = AgentName("alcie")


class Journal:
    """The host's journal, as far as it matters here.

    Attributes:
        known: the agents that it has something of.
    """

    def __init__(self) -> None:
        self.known: set[AgentName] = set()

    def has(self, name: AgentName, unit: str) -> bool:
        """Whether it has something of an agent."""
        assert unit == f"container@h-{name}.service"
        return name in self.known


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The host's journal; it is empty."""
    journal = Journal()
    monkeypatch.setattr(log_agents, "_in_journal", journal.has)
    return journal


@pytest.fixture
def host(tmp_path: Path, journal: Journal) -> HostPaths:
    """A host without a hive."""
    return HostPaths(
        hive=StatePaths.local(tmp_path / "state"),
        confs=tmp_path / "confs",
        units=tmp_path / "units",
        roots=tmp_path / "roots",
        profiles=tmp_path / "profiles",
        gcroots=tmp_path / "gcroots",
    )


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """Where its hive is declared."""
    return tmp_path / "hive.json"


def declare(declared: Path, **agents: Mapping[str, Any]) -> None:
    """Declares agents."""
    declared.write_text(json.dumps({"hive": {"name": "lab"}, "agents": agents}))


def silent(text: str) -> None:
    """Has nothing to note."""
    raise AssertionError(text)


def places(host: HostPaths, name: AgentName) -> Iterator[Path]:
    """What an agent leaves on a host."""
    container = host.container(name)
    yield from (container.conf, container.record, container.root, host.hive.agent(name).home)


@pytest.mark.parametrize("number", range(4))
def test_who_has_left_something_is_an_agent(host: HostPaths, declared: Path, number: int) -> None:
    list(places(host, ALICE))[number].mkdir(parents=True)
    assert agent_of_host(ALICE, host, declared, silent) == ALICE
    with pytest.raises(InputError):
        agent_of_host(TYPO, host, declared, silent)


def test_who_is_declared_is_an_agent(host: HostPaths, declared: Path) -> None:
    declare(declared, alice={}, boss={"role": "manager"})
    assert agent_of_host(ALICE, host, declared, silent) == ALICE
    assert agent_of_host(AgentName("manager"), host, declared, silent) == "boss"


def test_a_name_of_nobody_is_an_error_with_the_names_there_are(
    host: HostPaths, declared: Path
) -> None:
    declare(declared, alice={}, bob={})
    host.hive.agent(AgentName("carol")).home.mkdir(parents=True)
    host.container(AgentName("dave")).root.mkdir(parents=True)
    with pytest.raises(InputError) as refused:
        agent_of_host(TYPO, host, declared, silent)
    assert refused.value.what == "there is and was no agent 'alcie' on this host"
    assert refused.value.todo == "use one of: alice, bob, carol, dave"


def test_without_a_hive_it_says_where_one_is_declared(host: HostPaths, declared: Path) -> None:
    with pytest.raises(InputError) as refused:
        agent_of_host(ALICE, host, declared, silent)
    assert refused.value.todo == f"a host's agents are declared in {declared}"


def test_of_whom_only_the_journal_knows_was_an_agent(
    host: HostPaths, declared: Path, journal: Journal
) -> None:
    journal.known = {ALICE}
    assert agent_of_host(ALICE, host, declared, silent) == ALICE


def test_what_cannot_be_seen_is_no_proof(tmp_path: Path, host: HostPaths, declared: Path) -> None:
    declare(declared, alice={})
    closed = tmp_path / "closed"
    closed.symlink_to(closed)  # nobody can look into that, root neither
    notes: list[str] = []
    assert agent_of_host(TYPO, replace(host, roots=closed), declared, notes.append) == TYPO
    assert notes == ["no agent alcie is declared; whether there was one you may not see: use sudo"]


def test_a_hive_that_cannot_be_read_is_no_proof(host: HostPaths, declared: Path) -> None:
    declared.write_text("{")
    notes: list[str] = []
    assert agent_of_host(TYPO, host, declared, notes.append) == TYPO
    (note,) = notes
    assert note.startswith("whether there is an agent alcie is not known: ")


@pytest.mark.parametrize("words", [["alcie"], ["alcie", "--follow"]])
def test_the_command_ends_with_an_input_error(
    monkeypatch: pytest.MonkeyPatch, host: HostPaths, declared: Path, words: list[str]
) -> None:
    declare(declared, alice={})
    monkeypatch.setattr("hyperhive.cli.logs.HostPaths.default", lambda: host)
    monkeypatch.setattr("hyperhive.cli.logs.DECLARED_HIVE", declared)
    result = CliRunner().invoke(main, ["logs", *words])
    assert result.exit_code == InputError.exit_code
    said = "error: there is and was no agent 'alcie' on this host\n  use one of: alice\n"
    assert result.stderr == said

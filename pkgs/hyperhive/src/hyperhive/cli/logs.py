"""`hyperhive logs [AGENT]`."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Final

import click

from hyperhive.cli.log_agents import agent_of_host
from hyperhive.cli.log_times import parse_since
from hyperhive.cli.output import clock_time, one_line, printable
from hyperhive.errors import InputError
from hyperhive.hive.names import AgentName, container_name, parse_agent_name
from hyperhive.hive.paths import DECLARED_HIVE, HostPaths
from hyperhive.log_events import LogEvent
from hyperhive.systemd.journal import Entry, Origin, Wish
from hyperhive.systemd.journal_reader import can_read_journal, of_agent, of_hive
from hyperhive.systemd.journals import HostJournal, InnerJournal, entries

LINES: Final = 100
ERROR, WARNING, DEBUG = 3, 4, 7
"""Priorities of syslog(3)."""


@click.command()
@click.argument("agent", required=False)
@click.option("--turn", type=click.IntRange(1), help="Only this turn of the agent.")
@click.option("--follow", "-f", is_flag=True, help="Go on printing what comes.")
@click.option(
    "--lines",
    "-n",
    type=click.IntRange(0),
    help=f"At most so many entries, of the host and of the container each.  [default: {LINES};"
    " with --since or --turn: all]",
)
@click.option("--since", metavar="TIME", help="Nothing before: 30m, 2h, today, 14:30, a date.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an entry.")
def logs(
    agent: str | None,
    turn: int | None,
    follow: bool,
    lines: int | None,
    since: str | None,
    as_json: bool,
) -> None:
    """Print what the journal has of AGENT, or of the hive itself.

    Lines marked `host` are the hive's and systemd's. Those with the name of the container are its
    own words: an agent can write there what it likes.
    """
    name = None if agent is None else parse_agent_name(agent)
    if turn is not None and name is None:
        raise InputError("a turn is an agent's", f"name it: hyperhive logs AGENT --turn {turn}")
    if lines is None and since is None and turn is None:
        lines = LINES
    begin = None
    if since is not None:
        begin = int(parse_since(since, datetime.now()).timestamp() * 1_000_000)
    wish = Wish(lines, begin, turn, follow)
    if name is not None:
        name = agent_of_host(name, HostPaths.default(), DECLARED_HIVE, _note)
    if not can_read_journal():
        _note("you may not read the system's journal: use sudo, or join the group systemd-journal")
    for entry in _entries(name, wish):
        click.echo(_json(entry) if as_json else _line(entry, name))


def _entries(name: AgentName | None, wish: Wish) -> Iterator[Entry]:
    if name is None:
        with HostJournal(of_hive(), wish) as hive:
            yield from entries([hive], follow=wish.follow)
        return
    container = HostPaths.default().container(name)
    matches = of_agent(name, container.unit, wish.turn)
    with (
        HostJournal(matches, wish, container.unit) as host,
        InnerJournal(container.root, wish, _note) as inner,
    ):
        yield from entries([host, inner], follow=wish.follow)


def _note(text: str) -> None:
    click.echo(f"note: {one_line(text)}", err=True)


def _line(entry: Entry, name: AgentName | None) -> str:
    """An entry for people: the time, whose words, who says it, what. Further lines are indented."""
    whose = ""
    if name is not None:
        container = container_name(name)
        speaker = "host" if entry.origin is Origin.HOST else container
        whose = speaker.ljust(len(container)) + " "
    head, *more = printable(entry.text).split("\n")
    source = one_line(entry.source) or "-"
    turn = f" [{one_line(entry.turn)}]" if entry.turn else ""
    words = "\n".join([f"{source}{turn}: {head}", *(f"    {line}" for line in more)])
    return f"{clock_time(entry.at / 1_000_000)} {whose}{_coloured(words, entry.priority)}"


def _coloured(words: str, priority: int) -> str:
    if priority <= ERROR:
        return click.style(words, fg="red")
    if priority == WARNING:
        return click.style(words, fg="yellow")
    return click.style(words, dim=True) if priority == DEBUG else words


def _json(entry: Entry) -> str:
    said = asdict(entry) | {"at": entry.at / 1_000_000, "event": _event(entry.message_id)}
    return json.dumps(said, ensure_ascii=False)


def _event(message_id: str) -> str | None:
    try:
        return LogEvent(message_id).name.lower()
    except ValueError:
        return None

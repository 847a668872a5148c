"""A real store in a file, driven step by step from a test, which may kill it at any moment."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from hyperhive.store.agents import AgentRow, Standing, read_agent
from hyperhive.store.database import Committed, Store, open_store
from hyperhive.store.transaction import Transaction

P = ParamSpec("P")
R = TypeVar("R")


class DrivenStore:
    """Opens a copy of `template`, an empty store, in a directory of its own.

    Attributes:
        woken: agents that commits since the last look at it have woken.
        due: the earliest time that commits since then said that something falls due.
    """

    def __init__(self, template: Path, directory: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._directory = directory
        self._lives = 0
        self._event = 0
        self.woken: set[str] = set()
        self.due: float | None = None
        self._open(template)

    def write(
        self, operation: Callable[Concatenate[Transaction, P], R], *args: P.args, **more: P.kwargs
    ) -> R:
        """Runs one operation; returns once it is on disk. Raises what it raises."""
        return self._loop.run_until_complete(self._store.write(operation, *args, **more))

    def restart(self) -> None:
        """Ends the broker in order, and begins another one on the same file."""
        self._end()
        self._open(self._path)

    def crash(self, operation: Callable[[Transaction], Any]) -> None:
        """Kills the broker when it has done all of an operation but to commit it.

        What the next one finds is what stood in the files at that moment.
        """
        left = self._directory / f"left-{self._lives}.sqlite"
        self.write(_and_die, operation, self._path, left)
        self._end()
        self._open(left)

    def close(self) -> None:
        """Ends the broker."""
        self._end()
        self._loop.close()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a query finds in the file."""
        return rows(self._reader, sql)

    def agent(self, name: str) -> AgentRow:
        """An agent's row in the file."""
        return read_agent(Transaction(self._reader), name)

    def container(self, name: str) -> dict[str, Any]:
        """What the file has of an agent's container and of a loss of its harness."""
        columns = (
            "wanted, wanted_by, container, container_reason, container_since, container_at,"
            " container_invocation, container_crash, lost_at, lost_turn"
        )
        (row,) = self.rows(f"SELECT {columns} FROM agents WHERE name = '{name}'")
        return row

    def new_events(self) -> list[dict[str, Any]]:
        """The events that were written since this was last asked, in order."""
        events = event_rows(self._reader, after=self._event)
        self._event = max((event["id"] for event in events), default=self._event)
        return events

    def committed(self, commit: Committed) -> None:
        self.woken |= commit.woken
        if commit.due is not None:
            self.due = commit.due if self.due is None else min(self.due, commit.due)

    def _open(self, origin: Path) -> None:
        self._lives += 1
        self._path = self._directory / f"{self._lives}.sqlite"
        for suffix in ("", "-wal"):
            if (file := origin.with_name(origin.name + suffix)).exists():
                shutil.copyfile(file, self._path.with_name(self._path.name + suffix))
        self._store: Store = self._loop.run_until_complete(_opened(self._path))
        self._store.on_commit(self.committed)
        self._reader = sqlite3.connect(self._path, isolation_level=None)
        self.woken, self.due = set(), None

    def _end(self) -> None:
        self._reader.close()
        self._loop.run_until_complete(self._store.close())


def said(standing: Standing) -> dict[str, Any]:
    """A standing as a `state` event tells it."""
    data: dict[str, Any] = {"state": standing.state}
    if standing.reason:
        data["reason"] = standing.reason
    if standing.until is not None:
        data["until"] = standing.until
    return data


def rows(connection: sqlite3.Connection, sql: str) -> list[dict[str, Any]]:
    """What a query finds."""
    cursor = connection.execute(sql)
    names = [column for column, *_ in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def event_rows(connection: sqlite3.Connection, after: int = 0) -> list[dict[str, Any]]:
    """Events in order, their data decoded."""
    events = rows(connection, f"SELECT * FROM events WHERE id > {after} ORDER BY id")
    for event in events:
        event["data"] = json.loads(event.pop("payload_json"))
    return events


async def _opened(path: Path) -> Store:
    return open_store(path, hive="lab")


def _and_die(
    tx: Transaction, operation: Callable[[Transaction], Any], path: Path, left: Path
) -> None:
    operation(tx)
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            shutil.copyfile(file, left.with_name(left.name + suffix))

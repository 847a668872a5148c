"""A broker with its operator plane in the test's own loop, and someone who asks it."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result

from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import Lifecycle, Unmanaged
from hyperhive.cli.main import main
from hyperhive.hive.models import HiveConfig
from hyperhive.operator.server import operator_plane
from hyperhive.store import messages, questions, reminders
from hyperhive.store.messages import NewMessage
from hyperhive.store.questions import NewQuestion
from hyperhive.store.transaction import Transaction
from hyperhive.wire.sockets import address
from tests.integration.broker.plane import HIVE, broker


@dataclass
class Operator:
    """The operator, with a broker to ask."""

    core: Core
    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """What the broker answers; it must be with `status`."""
        # As ASCII: what is no Unicode text is to reach the broker.
        content = None if body is None else json.dumps(body)
        answer = await self.http.request(method, f"/api/v1/{path}", content=content)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: Any = None, *, status: int) -> str:
        """What the broker says where it refuses, both lines in one."""
        said = await self.ask(method, path, body, status=status)
        assert said.keys() == {"error", "todo"}
        return f"{said['error']}; {said['todo']}"

    async def run(self, *words: str, status: int = 0, given: str | None = None) -> str:
        """What a command prints; it must end with `status`."""
        state = ["--state", str(self.core.paths.state)]
        result = await asyncio.to_thread(_invoke, [*words[:2], *state, *words[2:]], given)
        assert result.exit_code == status, result.output
        return result.stdout if status == 0 else result.stderr


def _invoke(words: list[str], given: str | None) -> Result:
    return CliRunner().invoke(main, words, input=given)


@asynccontextmanager
async def served(
    state: Path,
    hive: HiveConfig = HIVE,
    lifecycle: Callable[[Core], Lifecycle] = lambda _core: Unmanaged(),
) -> AsyncIterator[Operator]:
    """A broker whose operator plane is served."""
    async with broker(state, hive) as core:
        core.lifecycle = lifecycle(core)
        async with operator_plane(core), asking(core) as http:
            yield Operator(core, http)


@asynccontextmanager
async def asking(core: Core) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a broker's operator plane."""
    with address(core.paths.operator_socket) as where:
        transport = httpx.AsyncHTTPTransport(uds=os.fspath(where))
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://operator",
            headers={"Content-Type": "application/json"},
        ) as http:
            yield http


def with_operator(state: Path, body: Callable[[Operator], Awaitable[None]]) -> None:
    """Runs a coroutine function with an operator whose broker runs."""

    async def main() -> None:
        async with served(state) as operator:
            await body(operator)

    asyncio.run(main())


async def put_question(
    core: Core,
    text: str = "Which licence?",
    *options: str,
    asker: str = "alice",
    to: str = "operator",
    multi: bool = False,
    seconds: float = 3600.0,
) -> int:
    """A question of an agent's; its id."""
    now = core.clock()
    new = NewQuestion(asker, to, text, options, multi, now + seconds, None)
    return await core.store.write(questions.ask, new, now=now)


async def dead_letter(core: Core, to: str, body: str, why: str) -> int:
    """A message to an agent that was given up; its id."""

    def give_up(tx: Transaction, *, now: float) -> int:
        id = messages.send(tx, NewMessage("operator", to, body), now=now)
        tx.connection.execute(
            "UPDATE messages SET state = 'dead', attempts = 5, settled_at = ?, note = ?"
            " WHERE id = ?",
            (now, why, id),
        )
        return id

    return await core.store.write(give_up, now=core.clock())


async def set_reminder(core: Core, agent: str, body: str, seconds: float) -> int:
    """A reminder of an agent's, due after some seconds; its id."""
    now = core.clock()
    return await core.store.write(reminders.remind, agent, body, now + seconds, now=now)


async def park(core: Core, reminder: int, why: str) -> None:
    """Leaves a reminder to the operator."""
    await core.store.write(reminders.park, reminder, why, now=core.clock())

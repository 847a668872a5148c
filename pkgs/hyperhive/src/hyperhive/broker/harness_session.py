"""One connection of one agent's harness: what it says is stored, what it must do is sent."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from hyperhive import __version__
from hyperhive.broker.core import Core
from hyperhive.broker.outcomes import settlement
from hyperhive.broker.rpc import RpcConnection
from hyperhive.broker.texts import one_line
from hyperhive.hive.models import Conversation
from hyperhive.hive.names import AgentName
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.store import crash_notices, turn_ends, turns
from hyperhive.store.agents import (
    NO_HARNESS,
    Hold,
    HoldKind,
    end_hold,
    is_declared,
    read_agent,
    set_hold,
    set_link,
    unlink,
)
from hyperhive.store.container_rows import Link, may_have_died, read_container
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.transaction import Transaction
from hyperhive.store.turns import UnknownTurnError
from hyperhive.wire.harness import (
    PROTOCOL,
    Hello,
    Leaving,
    OutcomeKind,
    TurnCancel,
    TurnEvents,
    TurnFinished,
    TurnRun,
    TurnStarted,
    Welcome,
)
from hyperhive.wire.jsonrpc import ErrorCode, RpcError
from hyperhive.wire.records import from_json, to_json

logger: Final = logging.getLogger(__name__)

HELLO_SECONDS: Final = 10.0
"""Longest time between a connection and its `hello`."""

ANSWER_SECONDS: Final = 10.0
"""Longest time a harness may take to accept or refuse a call."""

REASON_CHARACTERS: Final = 200
"""What a harness may say of why it leaves."""

DIGEST_CHARACTERS: Final = 100
"""What is kept of the digest of a harness's settings: it is the container's root that says it."""

LEAVE_RETRY_SECONDS: Final = 1.0
"""When to try again to record that a harness is gone, after nothing could be written."""


class HarnessSession:
    """The broker's end of one harness connection."""

    def __init__(
        self,
        core: Core,
        agent: AgentName,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        turn_begins: Callable[[], object],
    ) -> None:
        """Args: turn_begins: called when the harness is about to be given a turn."""
        self._core = core
        self.agent = agent
        self.hello: Hello | None = None
        self._turn_begins = turn_begins
        self._leaving: str | None = None
        self._left = False
        self._rpc = RpcConnection(reader, writer, self._handle, agent=agent)

    async def run(self) -> None:
        """Serves the connection until it ends; then the agent has no harness, its turn is lost."""
        deadline = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._no_hello)
        try:
            await self._rpc.run()
        finally:
            deadline.cancel()
            if self.hello is not None and not self._left:
                await self._leave()

    def close(self) -> None:
        """Ends the connection."""
        self._rpc.close()

    async def run_turn(self, turn: TurnRun) -> None:
        """Has the harness run a turn.

        Raises:
            RpcError: the harness refused it.
            ConnectionError, TimeoutError: it did not answer.
        """
        self._turn_begins()
        await self._rpc.call("turn.run", to_json(turn), seconds=ANSWER_SECONDS)

    async def cancel_turn(self, turn: int, reason: str) -> None:
        """Has the harness end a turn; errors as for `run_turn`."""
        params = to_json(TurnCancel(turn, reason))
        await self._rpc.call("turn.cancel", params, seconds=ANSWER_SECONDS)

    async def _leave(self) -> None:
        """Records that the harness is gone, as soon as anything can be written: until then the
        agent is this session's, so that no new harness is taken for the old one."""
        while not self._core.bus.closed:
            try:
                turn = await self._core.store.write(
                    gone, self.agent, self._leaving, now=self._core.clock()
                )
            except StoreUnavailableError:
                await asyncio.sleep(LEAVE_RETRY_SECONDS)
                continue
            self._has_left(turn)
            return

    def _no_hello(self) -> None:
        if self.hello is None:
            extra = fields(agent=self.agent)
            logger.warning(
                "%s: harness said no hello in %g s", self.agent, HELLO_SECONDS, extra=extra
            )
            self._rpc.close()

    async def _handle(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if method == "hello":
            return await self._on_hello(from_json(Hello, params))
        if self.hello is None or self._left:
            raise RpcError(ErrorCode.HELLO_FIRST, "say hello first")
        if method == "leaving":
            return await self._on_leaving(from_json(Leaving, params))
        try:
            await self._on_turn(method, params)
        except UnknownTurnError as error:
            raise RpcError(ErrorCode.UNKNOWN_TURN, str(error)) from None
        return {}

    async def _on_turn(self, method: str, params: dict[str, Any]) -> None:
        write, now = self._core.store.write, self._core.clock()
        match method:
            case "turn.started":
                started = from_json(TurnStarted, params)
                await write(turns.executed, self.agent, started.turn, at=started.at)
            case "turn.events":
                said = from_json(TurnEvents, params)
                await write(turns.record, self.agent, said.turn, said.events, now=now)
            case "turn.finished":
                await self._on_finished(from_json(TurnFinished, params))
            case _:
                raise RpcError(ErrorCode.METHOD_NOT_FOUND, f"no method {method[:40]!r}")

    async def _on_hello(self, hello: Hello) -> dict[str, Any]:
        if self.hello is not None:
            raise RpcError(ErrorCode.INVALID_REQUEST, "hello was said before")
        if hello.protocol != PROTOCOL:
            raise RpcError(
                ErrorCode.UNSUPPORTED_PROTOCOL,
                f"protocol {hello.protocol}; this broker speaks {PROTOCOL}",
            )
        if hello.agent != self.agent:
            extra = fields(agent=self.agent)
            logger.error(
                "%s: its harness claims to be %.40r; refused", self.agent, hello.agent, extra=extra
            )
            raise RpcError(ErrorCode.NOT_THIS_AGENT, f"this socket is {self.agent}'s")
        if not self._core.harnesses.claim(self):
            raise RpcError(ErrorCode.ALREADY_CONNECTED, "another harness is connected")
        keep = await self._core.store.write(_welcome, self.agent, hello, now=self._core.clock())
        # From here on the agent is this session's: its end makes the agent offline.
        self.hello = hello
        claude = f"claude {hello.claude.version}" if hello.claude else hello.problem or "no claude"
        extra = fields(LogEvent.HARNESS_CONNECTED, agent=self.agent)
        logger.info("%s: harness %s connected, %s", self.agent, hello.harness, claude, extra=extra)
        return to_json(Welcome(__version__, keep))

    async def _on_finished(self, finished: TurnFinished) -> None:
        rules = self._core.hive.agents[self.agent].conversation
        leaving = None if finished.leaving is None else _reason(finished.leaving)
        self._leaving = leaving
        now = self._core.clock()
        finish = partial(_finish, manager=self._core.hive.manager)
        await self._core.store.write(finish, self.agent, finished, leaving, rules, now=now)
        if leaving is not None:
            self._has_left(None)

    async def _on_leaving(self, leaving: Leaving) -> dict[str, Any]:
        self._leaving = _reason(leaving.reason)
        await self._leave()
        return {}

    def _has_left(self, turn: int | None) -> None:
        """What is to be done once it is on disk that the harness is gone, maybe with a turn."""
        why = "disconnected" if self._leaving is None else f"left: {self._leaving}"
        lost = f", turn {turn} lost" if turn else ""
        extra = fields(LogEvent.HARNESS_DISCONNECTED, agent=self.agent, turn=turn)
        logger.info("%s: harness %s%s", self.agent, why, lost, extra=extra)
        # The next harness may be here before this connection ends.
        self._left = True
        self._core.harnesses.release(self)


def _welcome(tx: Transaction, agent: str, hello: Hello, *, now: float) -> bool:
    """Takes the harness in; True if the turn it runs is the one that the store has running."""
    row = read_agent(tx, agent)
    keep = row.turn is not None and row.turn == hello.running
    if row.turn is not None and keep:
        turns.mark_cut(tx, row.turn)
        tx.wake(agent)  # it may be that it was to be ended meanwhile
    else:
        turn_ends.lost(tx, agent, "the harness does not know of it", now=now)
    if hello.claude is None:
        problem = hello.problem or "the harness has no claude"
        set_hold(tx, agent, Hold(HoldKind.NO_CLAUDE, problem, None), now=now)
    else:
        end_hold(tx, agent, HoldKind.NEEDS_LOGIN, HoldKind.NO_CLAUDE, now=now)
    version = hello.claude.version if hello.claude else hello.problem
    digest = one_line(hello.settings, DIGEST_CHARACTERS).encode(errors="replace").decode()
    link = Link.CONNECTED
    set_link(tx, agent, link, "", now=now, harness=hello.harness, claude=version, settings=digest)
    return keep


def gone(tx: Transaction, agent: str, leaving: str | None, *, now: float) -> int | None:
    """Records that the agent's harness is gone; returns the turn that is lost with it.

    Args:
        leaving: why, as it said before; None: it said nothing, so it may have died.
    """
    if leaving is not None:
        set_link(tx, agent, Link.OFFLINE, leaving, now=now)
        # It has ended its turn before: this one it was given since, or could not tell the end of.
        why = f"the harness left: {leaving}"
        return turn_ends.lost(tx, agent, why, kind=OutcomeKind.CANCELLED, now=now)
    unlink(tx, agent, NO_HARNESS, now=now)
    turn = turn_ends.lost(tx, agent, "the harness disconnected", now=now)
    # One that has left the hive was told to go, or root has ended its container.
    if is_declared(tx, agent) and may_have_died(read_container(tx, agent)):
        crash_notices.harness_lost(tx, agent, turn, now=now)
    return turn


def _reason(said: str) -> str:
    """Why a harness leaves, as a line that can be stored."""
    return one_line(said, REASON_CHARACTERS).encode(errors="replace").decode()


def _finish(
    tx: Transaction,
    agent: str,
    finished: TurnFinished,
    leaving: str | None,
    rules: Conversation,
    *,
    manager: str | None,
    now: float,
) -> None:
    """Ends a turn, and the harness's link if it leaves; saying it twice changes nothing then."""
    row = read_agent(tx, agent)
    if row.turn == finished.turn:
        turn = turns.ending_turn(tx, agent, finished.turn)
        after = settlement(finished.outcome, row, turn, rules, now=now)
        turn_ends.end(tx, agent, finished.turn, finished.outcome, after, manager=manager, now=now)
    if leaving is not None:
        gone(tx, agent, leaving, now=now)

"""The harness's link to the broker: connects, says hello, answers, comes back when it breaks."""

import logging
import math
import os
import selectors
from pathlib import Path
from typing import Any, Final, Protocol

from hyperhive.harness.backoff import Backoff
from hyperhive.harness.connection import Connection, ConnectionLost
from hyperhive.harness.outbox import Call
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.wire.harness import Hello, Welcome
from hyperhive.wire.jsonrpc import (
    ErrorCode,
    Failure,
    Message,
    Notification,
    Request,
    Result,
    RpcError,
)
from hyperhive.wire.records import RecordError, from_json, to_json

logger: Final = logging.getLogger(__name__)

RETRY_SECONDS: Final = 10.0
"""Longest wait between two attempts to connect."""
REFUSED_SECONDS: Final = 30.0
"""Wait after a hello that was refused for a reason that time alone does not mend."""
HELLO_SECONDS: Final = 30.0
"""How long the answer to hello may take."""


class LinkListener(Protocol):
    """Who wants to know about the link."""

    def hello(self) -> Hello:
        """What to say first on a new connection."""

    def welcomed(self, welcome: Welcome) -> None:
        """The broker knows this harness; calls can be made."""

    def called(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The broker calls; returns the answer.

        Raises:
            RpcError: the answer is an error.
            RecordError: params do not have the method's form.
        """

    def answered(self, failure: Failure | None) -> None:
        """The broker answered the last call."""

    def lost(self) -> None:
        """The connection is gone; a call that was not answered must be made again."""


class Link:
    """One agent's link.

    Attributes:
        ready: whether calls can be made.
        deadline: when `tick` must be called though nothing happened.
    """

    def __init__(
        self, path: Path, selector: selectors.BaseSelector, listener: LinkListener
    ) -> None:
        self._path = path
        self._selector = selector
        self._listener = listener
        self._backoff = Backoff(0.1, RETRY_SECONDS, _jitter)
        self._connection: Connection | None = None
        self._told = ""
        self._last_id = 0
        self._awaited: int | None = None
        self.ready = False
        self.deadline = -math.inf

    @property
    def greeting(self) -> bool:
        """Whether the broker has yet to answer `hello`."""
        return self._connection is not None and not self.ready

    def tick(self, now: float) -> None:
        """Do what is due.

        Args:
            now: seconds of the monotonic clock.
        """
        if now < self.deadline:
            return
        if self._connection is None:
            self._connect(now)
        elif not self.ready:
            self._lose(f"no answer to hello in {HELLO_SECONDS:g} s", now)

    def call(self, call: Call, now: float) -> None:
        """Make a call; one at a time, and only when `ready`."""
        self._last_id += 1
        self._awaited = self._last_id
        self._send(Request(self._last_id, call.method, call.params), now)

    def close(self) -> None:
        """Close the connection for good."""
        self.ready = False
        if self._connection is not None:
            self._selector.unregister(self._connection)
            self._connection.close()
            self._connection = None

    def _connect(self, now: float) -> None:
        try:
            connection = Connection.open(self._path)
        except OSError as error:
            self._wait(f"{self._path}: {error.strerror}", now + self._backoff.delay())
            return
        self._connection = connection
        self._selector.register(connection, selectors.EVENT_READ, self._ready)
        self.deadline = now + HELLO_SECONDS
        self.call(Call("hello", to_json(self._listener.hello())), now)

    def _lose(self, why: str, now: float, wait: float | None = None) -> None:
        was_ready = self.ready
        self.close()
        self._awaited = None
        self._wait(why, now + (self._backoff.delay() if wait is None else wait))
        if was_ready:
            self._listener.lost()

    def _wait(self, why: str, until: float) -> None:
        self.deadline = until
        if why != self._told:  # not once for each attempt
            logger.warning("not connected to the broker: %s; trying again", why)
            self._told = why

    def _send(self, message: Message, now: float) -> None:
        if self._connection is None:
            return  # lost while this was being prepared: it counts as unanswered
        try:
            self._connection.send(message)
        except ConnectionLost as error:
            self._lose(str(error), now)
            return
        self._await_writing()

    def _await_writing(self) -> None:
        if self._connection is None:
            return
        writing = selectors.EVENT_WRITE if self._connection.unsent else 0
        self._selector.modify(self._connection, selectors.EVENT_READ | writing, self._ready)

    def _ready(self, now: float) -> None:
        if self._connection is None:
            return
        try:
            self._connection.flush()
            messages = self._connection.receive()
        except ConnectionLost as error:
            self._lose(str(error), now)
            return
        for message in messages:
            self._receive(message, now)
        self._await_writing()

    def _receive(self, message: Message | RpcError, now: float) -> None:
        match message:
            case Request(id, method, params):
                self._send(self._answer(id, method, params), now)
            case Notification(method):
                logger.warning("the broker sent a notification, which has no use here: %s", method)
            case Result(id, value) if id == self._awaited:
                self._awaited = None
                if self.ready:
                    self._listener.answered(None)
                else:
                    self._welcome(value, now)
            case Failure(id) if id is not None and id == self._awaited:
                self._awaited = None
                if self.ready:
                    self._listener.answered(message)
                else:
                    self._refused(message, now)
            case RpcError():
                logger.error("the broker sent a line that is no message: %s", message)
            case _:
                logger.warning("the broker answered what was not asked: %s", message)

    def _answer(self, id: int | str, method: str, params: dict[str, Any]) -> Result | Failure:
        try:
            return Result(id, self._listener.called(method, params))
        except RpcError as error:
            return Failure(id, error.code, error.message)
        except RecordError as error:
            logger.error("the broker called %s wrongly: %s", method, error)
            return Failure(id, ErrorCode.INVALID_PARAMS, str(error))

    def _welcome(self, value: Any, now: float) -> None:
        try:
            welcome = from_json(Welcome, value)
        except RecordError as error:
            self._lose(f"the broker's welcome cannot be read: {error}", now, REFUSED_SECONDS)
            return
        extra = fields(LogEvent.HARNESS_CONNECTED)
        logger.info("connected to broker %s", welcome.broker, extra=extra)
        self._told = ""
        self._backoff.reset()
        self.ready, self.deadline = True, math.inf
        self._listener.welcomed(welcome)

    def _refused(self, failure: Failure, now: float) -> None:
        mends_itself = failure.code in (ErrorCode.ALREADY_CONNECTED, ErrorCode.STORE_UNAVAILABLE)
        wait = None if mends_itself else REFUSED_SECONDS
        self._lose(f"the broker refuses this harness: {failure.message}", now, wait)


def _jitter() -> float:
    return os.urandom(1)[0] / 255

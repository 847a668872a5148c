"""JSON-RPC over a stream, both ways at once."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from hyperhive.logs import fields
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.wire.jsonrpc import (
    ErrorCode,
    Failure,
    Message,
    Notification,
    Request,
    Result,
    RpcError,
    decode,
    encode,
)
from hyperhive.wire.records import RecordError

logger: Final = logging.getLogger(__name__)

Handler = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class ConnectionLostError(ConnectionError):
    """The connection ended before the answer came."""


class RpcConnection:
    """One JSON-RPC connection.

    Calls of the peer are answered one after the other, in order. A line that is not JSON-RPC is
    answered with its error; one that is not JSON, or too long, ends the connection too, since where
    the next message begins is then anybody's guess.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        handler: Handler,
        *,
        agent: str,
    ) -> None:
        """Args: agent: whose harness the peer is."""
        self._reader = reader
        self._writer = writer
        self._handler = handler
        self._name = f"harness of {agent}"
        self._extra = fields(agent=agent)
        self._ids = itertools.count(1)
        self._calls: dict[int | str, asyncio.Future[Any]] = {}

    async def call(self, method: str, params: dict[str, Any], *, seconds: float) -> Any:
        """Calls the peer.

        Args:
            seconds: longest time to wait for the answer.

        Raises:
            RpcError: the peer answered with an error.
            ConnectionLostError: the connection ended first.
            TimeoutError: no answer came in time.
        """
        id = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls[id] = future
        try:
            await self._send(Request(id, method, params))
            async with asyncio.timeout(seconds):
                return await future
        finally:
            self._calls.pop(id, None)

    async def run(self) -> None:
        """Serves the connection until it ends."""
        try:
            while (line := await self._read_line()) is not None:
                await self._receive(line)
        except (ConnectionError, RpcError) as error:
            logger.warning("%s: connection closed: %s", self._name, error, extra=self._extra)
        finally:
            self.close()

    def close(self) -> None:
        """Ends the connection; calls that wait fail with `ConnectionLostError`."""
        self._writer.close()
        for future in self._calls.values():
            if not future.done():
                future.set_exception(ConnectionLostError(f"{self._name}: connection lost"))

    async def _read_line(self) -> bytes | None:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise RpcError(ErrorCode.PARSE_ERROR, "it ended in the middle of a line") from None
            return None
        except asyncio.LimitOverrunError:
            fault = RpcError(ErrorCode.PARSE_ERROR, "line too long")
            await self._send(Failure(None, fault.code, fault.message))
            raise fault from None

    async def _receive(self, line: bytes) -> None:
        try:
            message = decode(line)
        except RpcError as error:
            await self._send(Failure(error.id, error.code, error.message))
            if error.code == ErrorCode.PARSE_ERROR:
                raise
            logger.warning("%s: %s", self._name, error, extra=self._extra)
            return
        match message:
            case Request(id, method, params):
                await self._send(await self._answer(id, method, params))
            case Notification(method):
                logger.warning(
                    "%s: notification %.40r ignored", self._name, method, extra=self._extra
                )
            case Result(id, value):
                if (future := self._calls.get(id)) and not future.done():
                    future.set_result(value)
            case Failure(failed, code, text):
                future = None if failed is None else self._calls.get(failed)
                if future and not future.done():
                    future.set_exception(RpcError(code, text))
                else:
                    logger.warning(
                        "%s: error %s: %.200s", self._name, code, text, extra=self._extra
                    )

    async def _answer(self, id: int | str, method: str, params: dict[str, Any]) -> Message:
        try:
            return Result(id, await self._handler(method, params))
        except RpcError as error:
            logger.warning("%s: %s refused: %s", self._name, method, error, extra=self._extra)
            return Failure(id, error.code, error.message)
        except RecordError as error:
            logger.warning("%s: %s: %s", self._name, method, error, extra=self._extra)
            return Failure(id, ErrorCode.INVALID_PARAMS, str(error))
        except StoreUnavailableError as error:
            return Failure(id, ErrorCode.STORE_UNAVAILABLE, error.what)

    async def _send(self, message: Message) -> None:
        self._writer.write(encode(message))
        await self._writer.drain()

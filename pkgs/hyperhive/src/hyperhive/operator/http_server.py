"""uvicorn, made to drop no request when it ends.

A request that has been accepted is answered; one that has not waits in the socket's backlog, for
whoever listens there next.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from hyperhive.operator.asgi import App, Message, Receive, Scope, Send

GRACE: Final = 0.3
"""Seconds that a connection without a request stays open at the end: one may be on its way."""


class HttpServer:
    """Serves an application on sockets, in the running event loop."""

    def __init__(self, app: App, sockets: Sequence[socket.socket], last_seconds: float) -> None:
        """Args:
        sockets: listening; they are closed at the end.
        last_seconds: how long requests under way may take when it ends.
        """
        self._app = app
        self._sockets = list(sockets)
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            proxy_headers=False,
            http=_PatientProtocol,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            ws="none",
            # uvicorn counts whole seconds only.
            timeout_graceful_shutdown=max(1, round(last_seconds)),
        )
        self._server = _Server(config)

    async def serve(self) -> None:
        """Serves until `end` is called and every request that came until then is answered."""
        if self._server.should_exit:
            # uvicorn would begin, and leave its sockets open.
            for listener in self._sockets:
                listener.close()
        else:
            await self._server.serve(sockets=self._sockets)

    def end(self) -> None:
        """Accepts no further connection, and has `serve` return when all is answered."""
        # Not by closing them: a connection that asyncio has accepted and not yet attached to its
        # server would be lost with it. uvicorn closes them a moment later.
        loop = asyncio.get_running_loop()
        for listener in self._sockets:
            if listener.fileno() >= 0:
                loop.remove_reader(listener)
        self._server.should_exit = True

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_farewell(message: Message) -> None:
            if message["type"] == "http.response.start" and self._server.should_exit:
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive, with_farewell)


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the broker has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _PatientProtocol(H11Protocol):
    def shutdown(self) -> None:
        """Ends the connection: after its request, or after `GRACE` if it has none yet."""
        # uvicorn's own annotation leaves out that there is no cycle before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            self.loop.call_later(GRACE, self._end)
        else:
            super().shutdown()

    def _end(self) -> None:
        if not self.transport.is_closing():
            super().shutdown()

"""Serves the operator plane on its Unix socket, inside the broker's event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import uvicorn

from hyperhive.broker.agent_plane import listen
from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import Lifecycle
from hyperhive.operator.api import create_app
from hyperhive.store.errors import StoreUnavailableError

SOCKET_MODE: Final = 0o660
"""The operator is whoever may write to the socket: its owner and its group."""

LAST_SECONDS: Final = 2
"""How long requests under way may take when the broker ends."""


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the broker has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def operator_plane(core: Core, lifecycle: Lifecycle) -> AsyncIterator[None]:
    """Serves inside the `async with` block.

    Raises:
        StoreUnavailableError: the socket cannot be made.
    """
    path = core.paths.operator_socket
    try:
        listener = listen(path, SOCKET_MODE)
    except OSError as error:
        raise StoreUnavailableError(
            f"{path}: {error.strerror}", "give a state directory that can be written"
        ) from None
    config = uvicorn.Config(
        create_app(core, lifecycle),
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="operator plane")
    try:
        yield
    finally:
        core.bus.close()
        server.should_exit = True
        await serving
        path.unlink(missing_ok=True)

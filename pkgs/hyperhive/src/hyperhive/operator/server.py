"""Serves the operator plane inside the broker's event loop: on its Unix socket and, where one is
declared, on the dashboard's port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from hyperhive.broker.agent_plane import BACKLOG, listen
from hyperhive.broker.core import Core
from hyperhive.operator.api import create_app
from hyperhive.operator.guard import Guard
from hyperhive.operator.http_server import HttpServer
from hyperhive.operator.token import operator_token
from hyperhive.store.errors import StoreUnavailableError

SOCKET_MODE: Final = 0o660
"""The operator is whoever may write to the socket: its owner and its group."""

LAST_SECONDS: Final = 2.0
"""How long requests under way may take when the broker ends."""

OPERATOR: Final = "operator"
DASHBOARD: Final = "dashboard"
"""Names of sockets that the broker may be given (FileDescriptorName= of systemd.socket(5))."""

Passed = Mapping[str, Sequence[socket.socket]]
"""Listening sockets by name, which belong to somebody else and stay when the broker ends."""


@asynccontextmanager
async def operator_plane(
    core: Core,
    passed: Passed | None = None,
    last_seconds: float = LAST_SECONDS,
) -> AsyncIterator[None]:
    """Serves inside the `async with` block.

    Args:
        passed: sockets to listen on; what is not among them is made here, and removed at the end.
        last_seconds: how long requests under way may take at the end.

    Raises:
        StoreUnavailableError: a socket cannot be made.
        InputError: there is no token that the dashboard's port could ask for.
    """
    app = create_app(core)
    passed = passed or {}
    dashboard = core.hive.hive.dashboard
    with ExitStack() as own:
        servers = []
        ports = [*passed.get(DASHBOARD, ())]
        if not ports and dashboard.port is not None:
            ports = [own.enter_context(_port(dashboard.bind, dashboard.port))]
        if ports:
            file = Path(dashboard.token_file) if dashboard.token_file else None
            token = operator_token(core.paths.operator_token, file)
            servers.append(HttpServer(Guard(app, token, [dashboard.bind]), ports, last_seconds))
        sockets = [*passed.get(OPERATOR, ())]
        if not sockets:
            path = core.paths.operator_socket
            sockets = [own.enter_context(_unix_socket(path))]
            own.callback(path.unlink, missing_ok=True)
        servers.append(HttpServer(app, sockets, last_seconds))
        serving = [asyncio.create_task(server.serve(), name="operator plane") for server in servers]
        try:
            yield
        finally:
            core.bus.close()
            for server in servers:
                server.end()
            await asyncio.gather(*serving)


def _unix_socket(path: Path) -> socket.socket:
    try:
        return listen(path, SOCKET_MODE)
    except OSError as error:
        raise StoreUnavailableError(
            f"{path}: {error.strerror}", "give a state directory that can be written"
        ) from None


def _port(bind: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    try:
        listener = socket.create_server((bind, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise StoreUnavailableError(
            f"{bind} port {port}: {error.strerror}",
            "declare another address or port in hive.dashboard",
        ) from None
    listener.setblocking(False)
    return listener

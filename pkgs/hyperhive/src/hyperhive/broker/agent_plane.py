"""The agents' sockets: one directory per agent, and the kernel says who connects."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.broker.harness_session import HarnessSession
from hyperhive.broker.peers import Peer, PeerPolicy
from hyperhive.hive.names import AgentName
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.wire.jsonrpc import MAX_LINE
from hyperhive.wire.sockets import address

logger: Final = logging.getLogger(__name__)

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ServeMcp = Callable[[Core, AgentName, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BACKLOG: Final = 64

OWN: Final = 0o600
SHARED: Final = 0o660
"""Mode of sockets of agents that run as this very user, and of others."""

LOOK_SECONDS: Final = 0.1
"""How often the broker looks for a directory that root is to make."""


def listen(path: Path, mode: int) -> socket.socket:
    """A listening Unix socket at `path`, in the place of one that an ended process left there.

    Raises:
        OSError: it cannot be made.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with address(path) as name:
            listener.bind(name)
        path.chmod(mode)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def _can_listen_in(directory: Path) -> bool:
    """Whether root has made an agent's directory of sockets, and given it to this user.

    It has the agent's group and the setgid bit, so that sockets made in it are the group's; its
    mode is root's to set, since anybody else would lose that bit.
    """
    return directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)


def _import_mcp() -> ServeMcp:
    # The SDK takes a second of a processor to import: not while the broker starts, when it has
    # others to answer, and not before an agent has a use for it.
    from hyperhive.broker.mcp_session import serve_mcp

    return serve_mcp


class AgentPlane:
    """Every agent's harness.sock and mcp.sock."""

    def __init__(self, core: Core, policy: PeerPolicy) -> None:
        self._core = core
        self._policy = policy
        self._open: dict[AgentName, _Sockets] = {}
        self._missing: set[AgentName] = set()
        self._waiting: asyncio.Task[None] | None = None
        self._serve_mcp: asyncio.Task[ServeMcp] | None = None

    async def open(self) -> None:
        """Listens on the sockets of every agent of the hive, as `open_agent` does.

        Raises:
            OSError: a socket cannot be made.
        """
        for name in self._core.hive.agents:
            await self.open_agent(name)

    async def open_agent(self, name: AgentName) -> None:
        """Listens on an agent's sockets; where root makes their directory, once it has.

        Raises:
            OSError: a socket cannot be made.
        """
        directory = self._core.paths.agent(name).sockets
        if self._policy(self._core.hive, name).harness == {os.getuid()}:
            # Agents that run as this very user: closed to all others.
            directory.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            directory.mkdir(mode=0o700, exist_ok=True)
        if _can_listen_in(directory):
            await self._listen(name)
            return
        logger.info("%s: no directory for its sockets yet", name, extra=fields(agent=name))
        self._missing.add(name)
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.create_task(self._open_later(), name="open sockets")

    async def close_agent(self, name: AgentName) -> None:
        """Ends every connection of an agent and takes its sockets away."""
        self._missing.discard(name)
        sockets = self._open.pop(name, None)
        if sockets is not None:
            await sockets.close()

    def cut_off(self) -> list[AgentName]:
        """Agents whose sockets are no longer where they were made: root took their directory away,
        and may make it anew."""
        return sorted(name for name, sockets in self._open.items() if not sockets.there)

    async def close(self) -> None:
        """Ends every connection and takes the sockets away."""
        if self._waiting is not None:
            self._waiting.cancel()
            await asyncio.wait({self._waiting})
        await asyncio.gather(*(self.close_agent(name) for name in list(self._open)))
        if self._serve_mcp is not None:
            await asyncio.wait({self._serve_mcp})

    async def _open_later(self) -> None:
        while self._missing:
            await asyncio.sleep(LOOK_SECONDS)
            for name in sorted(self._missing):
                if _can_listen_in(self._core.paths.agent(name).sockets):
                    self._missing.discard(name)
                    try:
                        await self._listen(name)
                    except OSError:
                        logger.exception("%s: no sockets", name, extra=fields(agent=name))

    async def _listen(self, name: AgentName) -> None:
        paths, uids = self._core.paths.agent(name), self._policy(self._core.hive, name)
        sockets = self._open[name] = _Sockets(name)
        await sockets.listen(paths.harness_socket, uids.harness, self._harness(name))
        await sockets.listen(paths.mcp_socket, uids.mcp, self._mcp(name))

    def _load_mcp(self) -> "asyncio.Task[ServeMcp]":
        """Begin at the first turn, while its claude starts; it connects half a second later."""
        if self._serve_mcp is None:
            self._serve_mcp = asyncio.create_task(asyncio.to_thread(_import_mcp), name="load MCP")
        return self._serve_mcp

    def _harness(self, name: AgentName) -> Connection:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            session = HarnessSession(self._core, name, reader, writer, self._load_mcp)
            try:
                await session.run()
            finally:
                self._core.harnesses.release(session)

        return serve

    def _mcp(self, name: AgentName) -> Connection:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serve_mcp = await asyncio.shield(self._load_mcp())
            await serve_mcp(self._core, name, reader, writer)

        return serve


class _Sockets:
    """One agent's sockets, and who is connected to them."""

    def __init__(self, agent: AgentName) -> None:
        self._agent = agent
        self._servers: list[asyncio.Server] = []
        self._paths: list[Path] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def there(self) -> bool:
        return all(path.is_socket() for path in self._paths)

    async def close(self) -> None:
        self._closed = True
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for path in self._paths:
            # Where the agent is gone, root may have taken the directory away, or back.
            with contextlib.suppress(OSError):
                path.unlink()

    async def listen(self, path: Path, uids: frozenset[int], serve: Connection) -> None:
        """Args: uids: those that may connect."""
        name = self._agent

        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(reader, writer)
            except ConnectionError as error:
                logger.warning("%s: %s: %s", name, path.name, error, extra=fields(agent=name))
            except Exception:
                logger.exception(
                    "%s: a connection to %s failed", name, path.name, extra=fields(agent=name)
                )
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer.of(writer.get_extra_info("socket"))
            if peer.uid not in uids:
                logger.error(
                    "%s: %s refused pid %d of uid %d",
                    name,
                    path.name,
                    peer.pid,
                    peer.uid,
                    extra=fields(
                        LogEvent.PEER_REFUSED,
                        agent=name,
                        HYPERHIVE_PEER_UID=peer.uid,
                        HYPERHIVE_PEER_PID=peer.pid,
                    ),
                )
                writer.close()
                return
            task = asyncio.get_running_loop().create_task(guarded(reader, writer))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        # In a container the socket's owner is nobody: its group, which is the directory's, is the
        # agent's own, and so is everyone who can connect. The peer's uid decides all the same.
        listener = listen(path, OWN if uids == {os.getuid()} else SHARED)
        self._paths.append(path)
        try:
            server = await asyncio.start_unix_server(accept, sock=listener, limit=MAX_LINE)
        except BaseException:
            listener.close()
            raise
        self._servers.append(server)
        if self._closed:  # meanwhile
            server.close()

"""What the operator does goes to the journal, whichever way it came."""

import logging
from typing import Final

from hyperhive.broker.core import Core
from hyperhive.hive.names import MANAGER
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.operator.asgi import App, Message, Receive, Scope, Send

logger: Final = logging.getLogger(__name__)

_LOOKS: Final = {"GET", "HEAD", "OPTIONS"}
_NOT_ACTIONS: Final = {
    "begin_deploy",
    "deployment",
    "end_deploy",
    "mark_read",
    "report",
    "send",
    "vacuum",
}
"""Routes through which the hive's own programs speak, or whose traces are elsewhere: a message is
named by the turn that it begins."""


class ActionLog:
    """An ASGI application around the API: logs each request that changed something, once it did."""

    def __init__(self, app: App, core: Core) -> None:
        self._app = app
        self._core = core

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self._app(scope, receive, watched)
        if scope["type"] == "http" and scope["method"] not in _LOOKS and status < 400:
            self._log(scope)

    def _log(self, scope: Scope) -> None:
        # Its router has left these there.
        if scope["endpoint"].__name__ in _NOT_ACTIONS:
            return
        extra = fields(LogEvent.OPERATOR_ACTED, agent=self._agent(scope["path_params"]))
        path = scope["path"].removeprefix("/api/v1")
        logger.info("operator: %s %s", scope["method"], path, extra=extra)

    def _agent(self, named: dict[str, str]) -> str | None:
        """The agent that it was about, if it was about one."""
        name = named.get("name")
        if name == MANAGER and name not in self._core.hive.agents:
            return self._core.hive.manager
        return name

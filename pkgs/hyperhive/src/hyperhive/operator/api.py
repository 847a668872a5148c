"""The operator's API: HTTP, version 1. Each route asks the store, the mail or the lifecycle."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import FastAPI, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from hyperhive import __version__
from hyperhive.broker.core import Core
from hyperhive.broker.lifecycle import Lifecycle
from hyperhive.broker.mail import BodyTooLongError, UnknownRecipientError, compose
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.names import OPERATOR, AgentName
from hyperhive.operator import models
from hyperhive.store import agents, listing, messages
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.messages import KeyReusedError

MAX_PAGE: Final = 1000
"""Most rows of one answer."""

STREAM_PAGE: Final = 200
"""Events that the stream reads at once."""


class UnknownAgentError(InputError):
    """The hive has no agent of that name."""


Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
After = Annotated[int | None, Query(ge=0)]


def create_app(core: Core, lifecycle: Lifecycle) -> FastAPI:
    """The operator plane of a running broker."""
    app = FastAPI(title="hyperhive", version=__version__, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_lists(app, core)
    _add_messages(app, core)
    _add_actions(app, core, lifecycle)
    _add_stream(app, core)
    return app


def _add_lists(app: FastAPI, core: Core) -> None:
    @app.get("/api/v1/agents")
    async def list_agents() -> list[models.Agent]:
        return [
            _agent(core, row) for row in await core.store.read(listing.agents) if row["declared"]
        ]

    @app.get("/api/v1/messages")
    async def list_messages(
        agent: str | None = None, after: After = None, limit: Limit = 100, unread: bool = False
    ) -> list[models.Message]:
        rows = await core.store.read(
            listing.messages,
            agent=(agent or OPERATOR) if unread else agent,
            after=after,
            limit=limit,
            unread=unread,
        )
        return [models.Message.model_validate(row) for row in rows]

    @app.get("/api/v1/events")
    async def list_events(
        agent: str | None = None, after: After = None, limit: Limit = 100
    ) -> list[models.Event]:
        rows = await core.store.read(listing.events, agent=agent, after=after, limit=limit)
        return [models.Event.model_validate(row) for row in rows]

    @app.get("/api/v1/turns")
    async def list_turns(
        agent: str | None = None, after: After = None, limit: Limit = 100
    ) -> list[models.Turn]:
        rows = await core.store.read(listing.turns, agent=agent, after=after, limit=limit)
        return [models.Turn.model_validate(row) for row in rows]


def _add_messages(app: FastAPI, core: Core) -> None:
    @app.post("/api/v1/messages", status_code=201)
    async def send(new: models.NewMessage) -> models.Sent:
        message = compose(
            core.hive,
            OPERATOR,
            new.to,
            new.body,
            in_reply_to=new.in_reply_to,
            idempotency_key=new.idempotency_key,
        )
        return models.Sent(id=await core.store.write(messages.send, message, now=core.clock()))

    @app.post("/api/v1/messages/read")
    async def mark_read(read: models.Read) -> models.ReadCount:
        count = await core.store.write(messages.ack_read, read.ids, now=core.clock())
        return models.ReadCount(read=count)


def _add_actions(app: FastAPI, core: Core, lifecycle: Lifecycle) -> None:
    @app.post("/api/v1/agents/{name}/pause")
    async def pause(name: str, why: models.Reason) -> models.Agent:
        reason = why.reason or "by the operator"
        agent = _known(core, name)
        await core.store.write(agents.set_paused, agent, True, reason, now=core.clock())
        return await _one(core, agent)

    @app.post("/api/v1/agents/{name}/resume")
    async def resume(name: str) -> models.Agent:
        agent = _known(core, name)
        await core.store.write(agents.set_paused, agent, False, "", now=core.clock())
        return await _one(core, agent)

    @app.post("/api/v1/agents/{name}/start")
    async def start(name: str) -> models.Agent:
        agent = _known(core, name)
        await lifecycle.start(agent)
        return await _one(core, agent)

    @app.post("/api/v1/agents/{name}/stop")
    async def stop(name: str, why: models.Reason) -> models.Agent:
        agent = _known(core, name)
        await lifecycle.stop(agent, why.reason or "stopped by the operator")
        return await _one(core, agent)


def _add_stream(app: FastAPI, core: Core) -> None:
    @app.get("/api/v1/stream")
    async def stream(
        agent: str | None = None,
        after: After = None,
        last_event_id: Annotated[int | None, Header(ge=0)] = None,
    ) -> EventSourceResponse:
        """Events as they are committed; `after` or Last-Event-ID replays what was missed."""
        since = last_event_id if last_event_id is not None else after
        return EventSourceResponse(_follow(core, agent, since))


async def _follow(
    core: Core, agent: str | None, since: int | None
) -> AsyncIterator[ServerSentEvent]:
    with core.bus.event_bell() as bell:
        if since is None:
            newest = await core.store.read(listing.events, agent=None, after=None, limit=1)
            since = newest[-1]["id"] if newest else 0
        while not core.bus.closed:
            rows = await core.store.read(
                listing.events, agent=agent, after=since, limit=STREAM_PAGE
            )
            for row in rows:
                since = row["id"]
                event = models.Event.model_validate(row)
                yield ServerSentEvent(event.model_dump_json(), id=str(since), event=row["kind"])
            if not rows:
                await bell.wait()


def _known(core: Core, name: str) -> AgentName:
    for agent in core.hive.agents:
        if agent == name:
            return agent
    names = ", ".join(sorted(core.hive.agents))
    raise UnknownAgentError(f"there is no agent {name[:40]!r}", f"use one of: {names}")


async def _one(core: Core, name: AgentName) -> models.Agent:
    rows = await core.store.read(listing.agents)
    return next(_agent(core, row) for row in rows if row["name"] == name)


def _agent(core: Core, row: dict[str, Any]) -> models.Agent:
    name = AgentName(row["name"])
    declared = core.hive.agents[name]
    return models.Agent.model_validate(
        row
        | {
            "role": declared.role,
            "description": declared.description,
            "icon": declared.icon,
            "model": core.hive.model_of(name),
            "uid_base": declared.uid_range(name).base,
        }
    )


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HyperhiveError)
    async def known(_request: Request, error: HyperhiveError) -> JSONResponse:
        match error:
            case UnknownAgentError() | UnknownRecipientError():
                status = 404
            case BodyTooLongError():
                status = 413
            case InputError():
                status = 422
            case StoreUnavailableError():
                status = 503
            case _:
                status = 409
        return _error(status, error.what, error.todo)

    @app.exception_handler(KeyReusedError)
    async def reused(_request: Request, error: KeyReusedError) -> JSONResponse:
        return _error(409, str(error), "use another key for another message")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return _error(422, f"{place}: {first['msg']}", "see /openapi.json")


def _error(status: int, what: str, todo: str) -> JSONResponse:
    return JSONResponse(models.Error(error=what, todo=todo).model_dump(), status)

"""What happened: events, turns, the stream of events; and what is removed of it."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Header
from sse_starlette import EventSourceResponse, ServerSentEvent

from hyperhive.broker.core import Core
from hyperhive.operator import models
from hyperhive.operator.pages import After, Before, Limit
from hyperhive.store import listing

STREAM_PAGE: Final = 200
"""Events that the stream reads at once."""


def routes(core: Core) -> APIRouter:
    """Lists events and turns, follows events, removes what is old."""
    router = APIRouter()

    @router.get("/events")
    async def list_events(
        agent: str | None = None,
        after: After = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[models.Event]:
        rows = await core.store.read(
            listing.events, agent=agent, after=after, before=before, limit=limit
        )
        return [models.Event.model_validate(row) for row in rows]

    @router.get("/turns")
    async def list_turns(
        agent: str | None = None,
        after: After = None,
        before: Before = None,
        limit: Limit = 100,
    ) -> list[models.Turn]:
        rows = await core.store.read(
            listing.turns, agent=agent, after=after, before=before, limit=limit
        )
        return [models.Turn.model_validate(row) for row in rows]

    @router.get("/stream")
    async def stream(
        agent: str | None = None,
        after: After = None,
        last_event_id: Annotated[int | None, Header(ge=0, le=models.LAST_ID)] = None,
    ) -> EventSourceResponse:
        """Events as they are committed; `after` or Last-Event-ID replays what was missed."""
        since = last_event_id if last_event_id is not None else after
        return EventSourceResponse(_follow(core, agent, since))

    @router.post("/vacuum")
    async def vacuum(how: models.Vacuum) -> models.Vacuumed:
        """Removes what the declared retention lets go, as happens hourly; or only counts it."""
        removed = await core.housekeeping.vacuum(how.dry_run)
        return models.Vacuumed(dry_run=how.dry_run, removed=removed)

    return router


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

"""Messages: lists, the operator's own, and those that were given up."""

from collections.abc import Callable
from typing import Literal

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.broker.mail import compose
from hyperhive.hive.names import OPERATOR
from hyperhive.operator import models
from hyperhive.operator.faults import NotFoundError, WrongStateError
from hyperhive.operator.pages import After, Before, Limit, PathId
from hyperhive.store import dead_letters, listing, messages
from hyperhive.store.dead_letters import NotDeadError


def routes(core: Core) -> APIRouter:
    """Lists messages, sends and reads the operator's, retries and drops dead letters."""
    router = APIRouter()

    @router.get("/messages")
    async def list_messages(
        agent: str | None = None,
        after: After = None,
        before: Before = None,
        limit: Limit = 100,
        unread: bool = False,
        state: Literal["dead"] | None = None,
    ) -> list[models.Message]:
        if state is not None:
            rows = await core.store.read(
                listing.dead_letters, agent=agent, after=after, limit=limit
            )
        else:
            rows = await core.store.read(
                listing.messages,
                agent=(agent or OPERATOR) if unread else agent,
                after=after,
                before=before,
                limit=limit,
                unread=unread,
            )
        return [models.Message.model_validate(row) for row in rows]

    @router.post("/messages", status_code=201)
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

    @router.post("/messages/read")
    async def mark_read(read: models.Read) -> models.ReadCount:
        count = await core.store.write(messages.ack_read, read.ids, now=core.clock())
        return models.ReadCount(read=count)

    @router.post("/messages/{id}/retry")
    async def retry(id: PathId) -> models.Message:
        return await _of_dead(core, dead_letters.retry, id)

    @router.post("/messages/{id}/drop")
    async def drop(id: PathId) -> models.Message:
        return await _of_dead(core, dead_letters.drop, id)

    return router


async def _of_dead(core: Core, operation: Callable[..., None], id: int) -> models.Message:
    try:
        await core.store.write(operation, id, now=core.clock())
    except NotDeadError:
        row = await core.store.read(listing.message, id)
        if row is None:
            raise NotFoundError(f"there is no message {id}", "see hyperhive dead list") from None
        raise WrongStateError(
            f"message {id} is {row['state']}, not dead", "see hyperhive dead list"
        ) from None
    row = await core.store.read(listing.message, id)
    return models.Message.model_validate(row)

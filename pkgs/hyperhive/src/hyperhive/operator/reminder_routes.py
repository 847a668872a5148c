"""Reminders: lists, and what the operator retries or drops."""

from collections.abc import Callable
from typing import Any, Final, Literal

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.operator import models
from hyperhive.operator.faults import NotFoundError, WrongStateError
from hyperhive.operator.pages import After, Limit, PathId
from hyperhive.store import listing, reminders
from hyperhive.store.reminders import NoSuchReminderError

_STATES: Final[dict[str, tuple[str, ...]]] = {
    "open": ("pending", "parked"),
    "pending": ("pending",),
    "parked": ("parked",),
    "all": (),
}


def routes(core: Core) -> APIRouter:
    """Lists, retries and drops reminders."""
    router = APIRouter()

    @router.get("/reminders")
    async def list_reminders(
        agent: str | None = None,
        state: Literal["open", "pending", "parked", "all"] = "open",
        after: After = None,
        limit: Limit = 100,
    ) -> list[models.Reminder]:
        """Reminders in the order they were set; `open` are those pending or parked."""
        rows = await core.store.read(
            listing.reminders, agent=agent, states=_STATES[state], after=after, limit=limit
        )
        return [_reminder(row, core.clock()) for row in rows]

    @router.post("/reminders/{id}/retry")
    async def retry(id: PathId) -> models.Reminder:
        return await _changed(core, reminders.retry, id)

    @router.post("/reminders/{id}/drop")
    async def drop(id: PathId) -> models.Reminder:
        return await _changed(core, reminders.drop, id)

    return router


async def _changed(core: Core, operation: Callable[..., None], id: int) -> models.Reminder:
    try:
        await core.store.write(operation, id, now=core.clock())
    except NoSuchReminderError as error:
        row = await core.store.read(listing.reminder, id)
        todo = "see hyperhive reminders list"
        if row is None:
            raise NotFoundError(f"there is no reminder {id}", todo) from None
        raise WrongStateError(f"{error}: it is {row['state']}", todo) from None
    row = await core.store.read(listing.reminder, id)
    assert row is not None, f"reminder {id} has no row"
    return _reminder(row, core.clock())


def _reminder(row: dict[str, Any], now: float) -> models.Reminder:
    left = row["next_at"] - now if row["state"] == "pending" else 0.0
    return models.Reminder.model_validate(row | {"remaining": max(0.0, left)})

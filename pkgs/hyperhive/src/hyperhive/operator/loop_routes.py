"""What the operator changes in an agent's loop: its turn, model, conversation and notes."""

from typing import Final

from fastapi import APIRouter

from hyperhive.broker.core import Core
from hyperhive.hive.names import OPERATOR
from hyperhive.operator import models
from hyperhive.operator.agent_routes import known, shown
from hyperhive.store import cancelling, compaction, model_choice
from hyperhive.store.agents import Compaction
from hyperhive.store.settlement import Cancellation, Fate

BY: Final = "by the operator"

_FATES: Final = {"done": Fate.DONE, "back": Fate.BACK, "drop": Fate.DROPPED}


def routes(core: Core) -> APIRouter:
    """Cancels turns, sets models, has conversations and notes made shorter or begun anew."""
    router = APIRouter()

    @router.post("/agents/{name}/cancel")
    async def cancel(name: str, wish: models.Cancel) -> models.Cancelled:
        """Ends the turn, nap, wait and due compaction of an agent.

        The scheduler has the harness end the turn: it is over when its `turn_finished` comes.
        """
        agent = known(core, name)
        cancellation = Cancellation(_FATES[wish.messages], wish.reason or BY)
        cancelled = await core.store.write(cancelling.cancel, agent, cancellation, now=core.clock())
        return models.Cancelled(ended=cancelled.ended, agent=await shown(core, agent))

    @router.put("/agents/{name}/model")
    async def set_model(name: str, chosen: models.Model) -> models.Agent:
        """Sets the model from the next turn on."""
        agent = known(core, name)
        await core.store.write(
            model_choice.override_model, agent, chosen.model, by=OPERATOR, now=core.clock()
        )
        return await shown(core, agent)

    @router.delete("/agents/{name}/model")
    async def reset_model(name: str) -> models.Agent:
        """Has the declared model hold again."""
        agent = known(core, name)
        await core.store.write(
            model_choice.override_model, agent, None, by=OPERATOR, now=core.clock()
        )
        return await shown(core, agent)

    @router.post("/agents/{name}/compact")
    async def compact(name: str, how: models.Compact) -> models.Agent:
        """Has the conversation made shorter before the next message."""
        agent = known(core, name)
        step = Compaction.CHECKPOINT if how.checkpoint else Compaction.COMPACT
        await core.store.write(compaction.request_compaction, agent, step, BY, now=core.clock())
        return await shown(core, agent)

    @router.post("/agents/{name}/compact-notes")
    async def compact_notes(name: str) -> models.Agent:
        """Has notes.md made shorter once the agent is idle."""
        agent = known(core, name)
        await core.store.write(compaction.request_notes, agent, BY, now=core.clock())
        return await shown(core, agent)

    @router.post("/agents/{name}/new-session")
    async def new_session(name: str) -> models.Agent:
        """Has the next turn begin a new conversation."""
        agent = known(core, name)
        await core.store.write(compaction.begin_anew, agent, BY, now=core.clock())
        return await shown(core, agent)

    return router

"""The broker itself: whose it is, and since when it runs."""

import os

from fastapi import APIRouter

from hyperhive import __version__
from hyperhive.broker.core import Core
from hyperhive.operator.broker_model import Broker


def routes(core: Core) -> APIRouter:
    """Tells about the broker that begins to serve now."""
    router = APIRouter()
    about = Broker(
        hive=core.hive.hive.name,
        description=core.hive.hive.description,
        version=__version__,
        pid=os.getpid(),
        started_at=core.clock(),
    )

    @router.get("/broker")
    async def get_broker() -> Broker:
        return about

    return router

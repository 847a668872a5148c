"""The operator's API: HTTP, version 1. Each route asks the store, the mail or the lifecycle."""

from fastapi import FastAPI

from hyperhive import __version__
from hyperhive.broker.core import Core
from hyperhive.operator import (
    agent_routes,
    approval_routes,
    broker_routes,
    container_routes,
    history_routes,
    loop_routes,
    message_routes,
    question_routes,
    reminder_routes,
)
from hyperhive.operator.action_log import ActionLog
from hyperhive.operator.faults import add_faults


def create_app(core: Core) -> FastAPI:
    """The operator plane of a running broker."""
    app = FastAPI(title="hyperhive", version=__version__, docs_url=None, redoc_url=None)
    add_faults(app)
    app.add_middleware(ActionLog, core=core)
    for routes in (
        broker_routes.routes(core),
        agent_routes.routes(core),
        approval_routes.routes(core),
        container_routes.routes(core),
        loop_routes.routes(core),
        message_routes.routes(core),
        question_routes.routes(core),
        reminder_routes.routes(core),
        history_routes.routes(core),
    ):
        app.include_router(routes, prefix="/api/v1")
    return app

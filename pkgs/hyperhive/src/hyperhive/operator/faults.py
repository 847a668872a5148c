"""What goes wrong in a request, as HTTP says it: 404 unknown, 409 not now, 413, 422, 503."""

from functools import partial
from http import HTTPStatus
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from hyperhive.broker.mail import UnknownRecipientError
from hyperhive.broker.texts import TooLongError
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.operator import models
from hyperhive.operator.input_errors import plain
from hyperhive.store.approval_errors import PendingApprovalError
from hyperhive.store.approval_rows import UnknownApprovalError
from hyperhive.store.cancelling import NothingToCancelError
from hyperhive.store.compaction import NothingToCompactError
from hyperhive.store.errors import StoreUnavailableError
from hyperhive.store.messages import KeyReusedError

_SEE: Final = "see /openapi.json"


class NotFoundError(InputError):
    """The hive has nothing of that name or id."""


class WrongStateError(HyperhiveError):
    """It is there, but in a state in which this cannot be done to it."""


def add_faults(app: FastAPI) -> None:
    """Has every error answered as `models.Error`."""

    @app.exception_handler(HyperhiveError)
    async def known(_request: Request, error: HyperhiveError) -> JSONResponse:
        todo = error.todo
        match error:
            case PendingApprovalError():
                id = error.approval.id
                status = 409
                todo = f"decide on it (hyperhive show {id}), or have it replaced: --supersede {id}"
            case NotFoundError() | UnknownRecipientError():
                status = 404
            case TooLongError():
                status = 413
            case InputError():
                status = 422
            case StoreUnavailableError():
                status = 503
            case _:
                status = 409
        return _error(status, error.what, todo)

    @app.exception_handler(UnknownApprovalError)
    async def unknown(_request: Request, error: UnknownApprovalError) -> JSONResponse:
        return _error(404, str(error), "see hyperhive approvals --all")

    @app.exception_handler(KeyReusedError)
    async def reused(_request: Request, error: KeyReusedError) -> JSONResponse:
        return _error(409, str(error), "use another key for another message")

    @app.exception_handler(NothingToCancelError)
    async def nothing_to_cancel(_request: Request, error: NothingToCancelError) -> JSONResponse:
        return _error(409, str(error), "see what it does: hyperhive agents")

    @app.exception_handler(NothingToCompactError)
    async def nothing_to_compact(_request: Request, error: NothingToCompactError) -> JSONResponse:
        return _error(409, str(error), "ask again once there is something to make shorter")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        what, todo = plain(first, _SEE)
        return _error(422, f"{place}: {what}", todo)

    for status in (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED):
        app.add_exception_handler(status, partial(_no_route, status))


async def _no_route(status: HTTPStatus, request: Request, _missing: Exception) -> JSONResponse:
    return _error(status, f"{request.method}: {status.phrase}", _SEE)


def _error(status: int, what: str, todo: str) -> JSONResponse:
    # A name in the request need not be Unicode text.
    plain = what.encode(errors="replace").decode()
    return JSONResponse(models.Error(error=plain, todo=todo).model_dump(), status)

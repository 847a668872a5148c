"""One request to a running broker over its operator socket, and what it answers."""

import json
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from hyperhive.errors import HyperhiveError, InputError, RefusedError
from hyperhive.operator import models, reach
from hyperhive.operator.input_errors import as_input

_CONFLICT: Final = 409
SECONDS: Final = 30.0
"""Longest time to wait for an answer."""

M = TypeVar("M", bound=BaseModel)


class Connection:
    """What every part of the client asks through."""

    def __init__(
        self, http: httpx.Client, socket: Path, patience: float = reach.RETRY_SECONDS
    ) -> None:
        self._http = http
        self._socket = socket
        self._patience = patience

    def _list(self, model: type[M], path: str, params: dict[str, Any]) -> list[M]:
        answer = self._ask("GET", path, None, given(params))
        return TypeAdapter(list[model]).validate_python(answer)  # type: ignore[valid-type]

    def _ask(
        self,
        method: str,
        path: str,
        body: BaseModel | dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        *,
        timeout: httpx.Timeout | None = None,
        repeatable: bool = False,
    ) -> Any:
        if isinstance(body, BaseModel):
            body = body.model_dump(by_alias=True, exclude_none=True)
        # As ASCII, since an argument of a command need not be Unicode text: the broker says so.
        content = None if body is None else json.dumps(body)
        request = self._http.build_request(
            method,
            path,
            content=content,
            headers={"Content-Type": "application/json"},
            params=params,
            timeout=timeout or self._http.timeout,
        )
        with reach.in_words(self._socket):
            answer = reach.send(
                self._http,
                request,
                repeatable=repeatable or method == "GET",
                patience=self._patience,
            )
        if answer.is_success:
            return answer.json()
        try:
            fault = models.Error.model_validate_json(answer.content)
        except ValueError:
            raise HyperhiveError(
                f"the broker answered {answer.status_code}", "see its log"
            ) from None
        if answer.status_code in (404, 413, 422):
            raise InputError(fault.error, fault.todo)
        if answer.status_code == _CONFLICT:
            raise RefusedError(fault.error, fault.todo)
        raise HyperhiveError(fault.error, fault.todo)


def reason_of(text: str) -> models.Reason:
    """What somebody typed as a reason.

    Raises:
        InputError: it is no plain line, or too long.
    """
    with as_input():
        return models.Reason(reason=text)


def agent_path(name: str, under: str = "agents") -> str:
    """The path of an agent; a name that would lead elsewhere is none."""
    if "/" in name or name in ("", ".", ".."):
        raise _no_agent(name)
    return f"/api/v1/{under}/{quote(_ascii(name), safe='')}"


def given(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a query that are not None."""
    if params.get("agent") is not None:
        _ascii(params["agent"])
    return {name: value for name, value in params.items() if value is not None}


def _ascii(name: str) -> str:
    """An agent's name; one that is not ASCII is none, and need not even be Unicode text."""
    if not name.isascii():
        raise _no_agent(name)
    return name


def _no_agent(name: str) -> InputError:
    return InputError(f"there is no agent {name[:40]!a}", "see hyperhive agents")

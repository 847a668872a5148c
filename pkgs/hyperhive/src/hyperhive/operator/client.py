"""Asks a running broker, over its operator socket. What the command line stands on."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from hyperhive.errors import HyperhiveError, InputError
from hyperhive.operator import hosting_models, models, reach
from hyperhive.operator.broker_model import Broker
from hyperhive.operator.input_errors import as_input
from hyperhive.wire.sockets import address

SECONDS: Final = 30.0
"""Longest time to wait for an answer."""

UNIT_SECONDS: Final = 330.0
"""Longest time to wait where systemd is to do something first; it gives up before."""

_OF_UNIT: Final = httpx.Timeout(SECONDS, read=UNIT_SECONDS)
_ANY: Final = httpx.Timeout(SECONDS, read=None)

M = TypeVar("M", bound=BaseModel)


class OperatorClient:
    """One connection to the operator plane; made by `connect`."""

    def __init__(
        self, http: httpx.Client, socket: Path, patience: float = reach.RETRY_SECONDS
    ) -> None:
        self._http = http
        self._socket = socket
        self._patience = patience

    def broker(self) -> Broker:
        """The broker itself."""
        return Broker.model_validate(self._ask("GET", "/api/v1/broker"))

    def agents(self) -> list[models.Agent]:
        """Every declared agent."""
        return self._list(models.Agent, "/api/v1/agents", {})

    def agent(self, name: str) -> models.Agent:
        """One declared agent."""
        return models.Agent.model_validate(self._ask("GET", _agent(name)))

    def messages(
        self,
        *,
        agent: str | None,
        after: int | None,
        limit: int,
        unread: bool = False,
        dead: bool = False,
    ) -> list[models.Message]:
        """Messages in order; without `after` the newest."""
        which = {"unread": unread or None, "state": "dead" if dead else None}
        params = {"agent": agent, "after": after, "limit": limit, **which}
        return self._list(models.Message, "/api/v1/messages", params)

    def questions(
        self, *, agent: str | None, after: int | None, limit: int, closed: bool = False
    ) -> list[models.Question]:
        """Questions in order; without `after` the newest."""
        state = "all" if closed else "open"
        params = {"agent": agent, "state": state, "after": after, "limit": limit}
        return self._list(models.Question, "/api/v1/questions", params)

    def question(self, id: int) -> models.Question:
        """One question."""
        return models.Question.model_validate(self._ask("GET", f"/api/v1/questions/{id}"))

    def reminders(
        self, *, agent: str | None, after: int | None, limit: int, state: str
    ) -> list[models.Reminder]:
        """Reminders in order; without `after` the newest."""
        params = {"agent": agent, "state": state, "after": after, "limit": limit}
        return self._list(models.Reminder, "/api/v1/reminders", params)

    def turns(self, *, agent: str | None, after: int | None, limit: int) -> list[models.Turn]:
        """Turns in order; without `after` the newest."""
        params = {"agent": agent, "after": after, "limit": limit}
        return self._list(models.Turn, "/api/v1/turns", params)

    def events(self, *, agent: str | None, after: int | None, limit: int) -> list[models.Event]:
        """Events in order; without `after` the newest."""
        params = {"agent": agent, "after": after, "limit": limit}
        return self._list(models.Event, "/api/v1/events", params)

    def follow(self, *, agent: str | None, after: int | None) -> Iterator[models.Event]:
        """Events as they happen, those after `after` first. Ends when the broker ends."""
        params = _given({"agent": agent, "after": after})
        with (
            reach.in_words(self._socket),
            self._http.stream("GET", "/api/v1/stream", params=params, timeout=_ANY) as answer,
        ):
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "data":
                    yield models.Event.model_validate_json(value)

    def send(self, new: models.NewMessage) -> models.Sent:
        """Sends a message as the operator, once: it gets a key if it has none."""
        if new.idempotency_key is None:
            new = new.model_copy(update={"idempotency_key": str(uuid.uuid4())})
        answer = self._ask("POST", "/api/v1/messages", new, repeatable=True)
        return models.Sent.model_validate(answer)

    def mark_read(self, ids: list[int]) -> models.ReadCount:
        """Acknowledges messages to the operator."""
        answer = self._ask("POST", "/api/v1/messages/read", models.Read(ids=ids))
        return models.ReadCount.model_validate(answer)

    def act(self, agent: str, action: str, reason: str = "") -> models.Agent:
        """Has an agent start, stop, restart, pause or resume.

        Raises:
            InputError: the reason is no plain line, or too long.
        """
        body = _reason(reason) if action in ("stop", "restart", "pause") else None
        answer = self._ask("POST", f"{_agent(agent)}/{action}", body, timeout=_OF_UNIT)
        return models.Agent.model_validate(answer)

    def destroy(self, agent: str, reason: str = "") -> hosting_models.Container:
        """Removes an agent's container and keeps its state; raises as `act` does."""
        return self._container(f"{_agent(agent)}/destroy", _reason(reason), _OF_UNIT)

    def purge(self, agent: str, reason: str = "") -> hosting_models.Container:
        """Removes what a destroyed or former agent has left; raises as `act` does."""
        return self._container(f"{_agent(agent)}/purge", _reason(reason), _OF_UNIT)

    def containers(self) -> list[hosting_models.Container]:
        """The containers of all agents that the hive has or had."""
        return self._list(hosting_models.Container, "/api/v1/containers", {})

    def report_container(
        self, agent: str, report: hosting_models.ContainerReport
    ) -> hosting_models.Container:
        """Says what became of a container's unit."""
        return self._container(f"{_agent(agent, 'containers')}/report", report)

    def report_deployment(
        self, agent: str, report: hosting_models.DeploymentReport
    ) -> hosting_models.Container:
        """Says what reconciling did for an agent."""
        return self._container(f"{_agent(agent, 'containers')}/deployment", report)

    def _container(
        self, path: str, body: BaseModel, timeout: httpx.Timeout | None = None
    ) -> hosting_models.Container:
        answer = self._ask("POST", path, body, timeout=timeout)
        return hosting_models.Container.model_validate(answer)

    def cancel(self, agent: str, wish: models.Cancel) -> models.Cancelled:
        """Ends what an agent is doing or waiting for."""
        return models.Cancelled.model_validate(self._ask("POST", f"{_agent(agent)}/cancel", wish))

    def set_model(self, agent: str, model: str | None) -> models.Agent:
        """Sets an agent's model; None: what is declared holds again."""
        path = f"{_agent(agent)}/model"
        if model is None:
            answer = self._ask("DELETE", path)
        else:
            answer = self._ask("PUT", path, {"model": model})
        return models.Agent.model_validate(answer)

    def compact(self, agent: str, *, checkpoint: bool) -> models.Agent:
        """Has an agent's conversation made shorter."""
        how = models.Compact(checkpoint=checkpoint)
        return models.Agent.model_validate(self._ask("POST", f"{_agent(agent)}/compact", how))

    def compact_notes(self, agent: str) -> models.Agent:
        """Has an agent's notes made shorter."""
        return models.Agent.model_validate(self._ask("POST", f"{_agent(agent)}/compact-notes"))

    def new_session(self, agent: str) -> models.Agent:
        """Has an agent begin a new conversation."""
        return models.Agent.model_validate(self._ask("POST", f"{_agent(agent)}/new-session"))

    def answer(self, question: int, texts: list[str]) -> models.Question:
        """Answers a question."""
        path = f"/api/v1/questions/{question}/answer"
        answer = self._ask("POST", path, models.Answer(answer=texts))
        return models.Question.model_validate(answer)

    def cancel_question(self, question: int) -> models.Question:
        """Ends a question without an answer."""
        answer = self._ask("POST", f"/api/v1/questions/{question}/cancel")
        return models.Question.model_validate(answer)

    def settle_dead(self, message: int, action: Literal["retry", "drop"]) -> models.Message:
        """Puts a dead letter back in the queue, or gives it up."""
        answer = self._ask("POST", f"/api/v1/messages/{message}/{action}")
        return models.Message.model_validate(answer)

    def settle_reminder(self, reminder: int, action: Literal["retry", "drop"]) -> models.Reminder:
        """Has a parked reminder delivered, or gives one up."""
        answer = self._ask("POST", f"/api/v1/reminders/{reminder}/{action}")
        return models.Reminder.model_validate(answer)

    def vacuum(self, *, dry_run: bool) -> models.Vacuumed:
        """Removes, or counts, what the declared retention lets go. Takes as long as it takes."""
        answer = self._ask("POST", "/api/v1/vacuum", models.Vacuum(dry_run=dry_run), timeout=_ANY)
        return models.Vacuumed.model_validate(answer)

    def _list(self, model: type[M], path: str, params: dict[str, Any]) -> list[M]:
        answer = self._ask("GET", path, None, _given(params))
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
        raise HyperhiveError(fault.error, fault.todo)


@contextmanager
def connect(
    socket: Path, seconds: float = SECONDS, *, patience: float = reach.RETRY_SECONDS
) -> Iterator[OperatorClient]:
    """A client of the broker behind an operator socket.

    Args:
        seconds: longest time to wait for an answer, where the question has no other.
        patience: seconds for which a broker that is not there is waited for: it may restart.

    Raises:
        NoBrokerError: now, or at the first question: nobody answers there.
        HyperhiveError: now, or at the first question: this user may not ask.
    """
    reach.look_for(socket)
    with address(socket) as name:
        # No TLS here; to read its certificates would take a tenth of a second.
        transport = httpx.HTTPTransport(uds=os.fspath(name), verify=False)
        with httpx.Client(transport=transport, base_url="http://operator", timeout=seconds) as http:
            yield OperatorClient(http, socket, patience)


def _reason(reason: str) -> models.Reason:
    with as_input():
        return models.Reason(reason=reason)


def _agent(name: str, under: str = "agents") -> str:
    """The path of an agent; a name that would lead elsewhere is none."""
    if "/" in name or name in ("", ".", ".."):
        raise _no_agent(name)
    return f"/api/v1/{under}/{quote(_ascii(name), safe='')}"


def _given(params: dict[str, Any]) -> dict[str, Any]:
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

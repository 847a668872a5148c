"""Asks a running broker, over its operator socket. What the command line stands on."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import httpx
from pydantic import BaseModel

from hyperhive.operator import hosting_models, models, reach
from hyperhive.operator.approval_client import ApprovalClient
from hyperhive.operator.broker_model import Broker
from hyperhive.operator.connection import SECONDS, agent_path, given, reason_of
from hyperhive.wire.sockets import address

UNIT_SECONDS: Final = 330.0
"""Longest time to wait where systemd is to do something first; it gives up before."""

_OF_UNIT: Final = httpx.Timeout(SECONDS, read=UNIT_SECONDS)
_ANY: Final = httpx.Timeout(SECONDS, read=None)


class OperatorClient(ApprovalClient):
    """One connection to the operator plane; made by `connect`."""

    def broker(self) -> Broker:
        """The broker itself."""
        return Broker.model_validate(self._ask("GET", "/api/v1/broker"))

    def agents(self) -> list[models.Agent]:
        """Every declared agent."""
        return self._list(models.Agent, "/api/v1/agents", {})

    def agent(self, name: str) -> models.Agent:
        """One declared agent."""
        return models.Agent.model_validate(self._ask("GET", agent_path(name)))

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
        params = given({"agent": agent, "after": after})
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
        body = reason_of(reason) if action in ("stop", "restart", "pause") else None
        answer = self._ask("POST", f"{agent_path(agent)}/{action}", body, timeout=_OF_UNIT)
        return models.Agent.model_validate(answer)

    def destroy(self, agent: str, reason: str = "") -> hosting_models.Container:
        """Removes an agent's container and keeps its state; raises as `act` does."""
        return self._container(f"{agent_path(agent)}/destroy", reason_of(reason), _OF_UNIT)

    def purge(self, agent: str, reason: str = "") -> hosting_models.Container:
        """Removes what a destroyed or former agent has left; raises as `act` does."""
        return self._container(f"{agent_path(agent)}/purge", reason_of(reason), _OF_UNIT)

    def containers(self) -> list[hosting_models.Container]:
        """The containers of all agents that the hive has or had."""
        return self._list(hosting_models.Container, "/api/v1/containers", {})

    def report_container(
        self, agent: str, report: hosting_models.ContainerReport
    ) -> hosting_models.Container:
        """Says what became of a container's unit."""
        return self._container(f"{agent_path(agent, 'containers')}/report", report)

    def report_deployment(
        self, agent: str, report: hosting_models.DeploymentReport
    ) -> hosting_models.Container:
        """Says what reconciling did for an agent."""
        return self._container(f"{agent_path(agent, 'containers')}/deployment", report)

    def _container(
        self, path: str, body: BaseModel, timeout: httpx.Timeout | None = None
    ) -> hosting_models.Container:
        answer = self._ask("POST", path, body, timeout=timeout)
        return hosting_models.Container.model_validate(answer)

    def cancel(self, agent: str, wish: models.Cancel) -> models.Cancelled:
        """Ends what an agent is doing or waiting for."""
        return models.Cancelled.model_validate(
            self._ask("POST", f"{agent_path(agent)}/cancel", wish)
        )

    def set_model(self, agent: str, model: str | None) -> models.Agent:
        """Sets an agent's model; None: what is declared holds again."""
        path = f"{agent_path(agent)}/model"
        if model is None:
            answer = self._ask("DELETE", path)
        else:
            answer = self._ask("PUT", path, {"model": model})
        return models.Agent.model_validate(answer)

    def compact(self, agent: str, *, checkpoint: bool) -> models.Agent:
        """Has an agent's conversation made shorter."""
        how = models.Compact(checkpoint=checkpoint)
        return models.Agent.model_validate(self._ask("POST", f"{agent_path(agent)}/compact", how))

    def compact_notes(self, agent: str) -> models.Agent:
        """Has an agent's notes made shorter."""
        return models.Agent.model_validate(self._ask("POST", f"{agent_path(agent)}/compact-notes"))

    def new_session(self, agent: str) -> models.Agent:
        """Has an agent begin a new conversation."""
        return models.Agent.model_validate(self._ask("POST", f"{agent_path(agent)}/new-session"))

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

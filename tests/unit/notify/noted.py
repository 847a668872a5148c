"""Notices to tell, and events as the broker has them."""

from typing import Any

from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.notices import Notice
from hyperhive.operator.approval_models import Approval
from hyperhive.operator.models import Event, Question

AT = 1_700_000_000.0


def notice(
    event: NotifyEvent = NotifyEvent.CONTAINER_CRASH, agent: str = "alice", text: str = "it crashed"
) -> Notice:
    """A notice, by default of a crash of alice's container."""
    return Notice(event, agent, AT, text, {"result": "signal"})


def event(kind: str, /, **data: Any) -> Event:
    """An event of the hive's, about alice."""
    return Event(id=7, at=AT, agent="alice", turn=None, kind=kind, data=data)


def question(text: str, *options: str, state: str = "open") -> Question:
    """A question of alice's to the operator."""
    return Question.model_validate(
        {
            "id": 3,
            "from": "alice",
            "to": "operator",
            "question": text,
            "options": list(options),
            "multi": False,
            "created_at": AT,
            "expires_at": AT + 60,
            "remaining": 60.0,
            "state": state,
            "answer": [],
            "closed_by": None,
            "closed_at": None,
            "waiting_turn": None,
        }
    )


def approval(description: str, state: str = "pending") -> Approval:
    """An approval about alice that boss asked for."""
    return Approval.model_validate(
        {
            "id": 5,
            "kind": "apply_commit",
            "agent": "alice",
            "commit": "9b1c0e2f" * 5,
            "description": description,
            "submitted_by": "boss",
            "created_at": AT,
            "state": state,
            "decided_at": None,
            "decided_by": None,
            "reason": "",
            "began_at": None,
            "finished_at": None,
            "error": "",
            "extra_nix": True,
            "supersedes": None,
            "superseded_by": None,
        }
    )

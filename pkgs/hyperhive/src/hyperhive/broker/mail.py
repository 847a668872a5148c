"""Who may send what to whom. Pure: the declared hive and a request in, a message out."""

from typing import Final

from hyperhive.broker.texts import check_text
from hyperhive.errors import InputError
from hyperhive.hive.models import HiveConfig
from hyperhive.hive.names import MANAGER, OPERATOR, AgentName
from hyperhive.store.messages import NewMessage

MAX_BODY: Final = 64 * 1024
"""Longest body of a message in bytes of UTF-8."""

MAX_KEY: Final = 200
"""Longest idempotency key in characters."""


class UnknownRecipientError(InputError):
    """There is no recipient of that name, or this sender may not write to it."""


def recipients_of(hive: HiveConfig, sender: str) -> list[str]:
    """The names that `sender` may write to, sorted; its own is not among them."""
    everyone = {*hive.agents, OPERATOR} - {sender}
    if sender == OPERATOR:
        return sorted(everyone)
    listed = hive.agents[AgentName(sender)].recipients
    return sorted({_resolve(hive, to) for to in listed} & everyone if listed else everyone)


def recipient_of(hive: HiveConfig, sender: str, to: str) -> str:
    """Whom `to` names, if `sender` may write there.

    Raises:
        UnknownRecipientError: no such recipient, or not one that this sender may write to.
    """
    recipient = _resolve(hive, to)
    allowed = recipients_of(hive, sender)
    if recipient in allowed:
        return recipient
    if recipient == sender:
        what = "a message to yourself is not delivered"
    elif recipient in hive.agents or recipient == OPERATOR:
        what = f"{sender} may not send to {recipient}"
    else:
        what = f"there is no {to[:40]!r} in this hive"
    raise UnknownRecipientError(what, f"send to one of: {', '.join(allowed) or 'nobody'}")


def compose(
    hive: HiveConfig,
    sender: str,
    to: str,
    body: str,
    *,
    in_reply_to: int | None = None,
    idempotency_key: str | None = None,
) -> NewMessage:
    """A message that may be sent.

    Raises:
        UnknownRecipientError: no such recipient, or not one that this sender may write to.
        TooLongError: the body is over `MAX_BODY`.
        InputError: the body is empty or no UTF-8 text, or the idempotency key is unusable.
    """
    recipient = recipient_of(hive, sender, to)
    todo = "write it to a file that the recipient can read, and send the path"
    check_text("the body", body, MAX_BODY, todo=todo)
    if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY:
        raise InputError(
            "the idempotency key is empty or too long", f"use 1 to {MAX_KEY} characters"
        )
    return NewMessage(sender, recipient, body, in_reply_to, idempotency_key)


def _resolve(hive: HiveConfig, to: str) -> str:
    return hive.manager or to if to == MANAGER else to

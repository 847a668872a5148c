"""`hyperhive send TO TEXT`, `hyperhive inbox`, `hyperhive messages`."""

import sys

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.notice_words import in_words
from hyperhive.cli.output import clock_time, count, print_json, print_table, printable
from hyperhive.cli.standard_input import read_text
from hyperhive.hive.names import OPERATOR
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.input_errors import as_input
from hyperhive.operator.models import Message, NewMessage
from hyperhive.store.approval_states import ApprovalState


@click.command()
@click.argument("to")
@click.argument("text")
@click.option("--in-reply-to", type=int, metavar="ID", help="The message that this one answers.")
@click.option("--key", metavar="TEXT", help="Sending again with the same key delivers only once.")
@broker_command
def send(
    broker: OperatorClient,
    as_json: bool,
    to: str,
    text: str,
    in_reply_to: int | None,
    key: str | None,
) -> None:
    """Send a message to an agent; TEXT `-` reads it from standard input."""
    body = read_text() if text == "-" else text
    with as_input():
        new = NewMessage(to=to, body=body, in_reply_to=in_reply_to, idempotency_key=key)
    sent = broker.send(new)
    if as_json:
        print_json(sent)
    else:
        click.echo(f"message {sent.id} to {to}")


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also messages that were read before.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--keep", is_flag=True, help="Leave them unread.")
@broker_command
def inbox(broker: OperatorClient, as_json: bool, everything: bool, limit: int, keep: bool) -> None:
    """Read the messages to you, the operator. What was shown is then marked as read."""
    found = broker.messages(agent=OPERATOR, after=None, limit=limit, unread=not everything)
    mail = [message for message in found if message.recipient == OPERATOR]
    if as_json:
        print_json(mail)
    else:
        _print_letters(mail)
        _print_waiting(broker)
    sys.stdout.flush()  # what could not be shown must not be marked as read
    unread = [message.id for message in mail if message.state == "queued"]
    if unread and not keep:
        broker.mark_read(unread)


@click.command()
@click.option("--agent", metavar="NAME", help="Only those from or to this agent.")
@click.option("--after", type=int, metavar="ID", help="Only those after this message.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@broker_command
def messages(
    broker: OperatorClient, as_json: bool, agent: str | None, after: int | None, limit: int
) -> None:
    """List messages between anyone, in the order they were sent."""
    rows = broker.messages(agent=agent, after=after, limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(
        ["ID", "SENT", "FROM", "TO", "STATE", "MESSAGE"],
        [
            [
                str(row.id),
                clock_time(row.created_at),
                row.sender,
                row.recipient,
                str(row.state),
                _kind(row) + (in_words(row.body) if row.kind == "notice" else row.body),
            ]
            for row in rows
        ],
    )


def _print_letters(mail: list[Message]) -> None:
    if not mail:
        click.echo("No messages.")
    for message in mail:
        answer = f", in reply to {message.in_reply_to}" if message.in_reply_to else ""
        sender = f"{_kind(message)}from {message.sender}{answer}"
        head = f"{message.id}  {clock_time(message.created_at)}  {sender}"
        click.secho(head, bold=message.state == "queued")
        body = in_words(message.body) if message.kind == "notice" else message.body
        click.echo(printable(body) + "\n")


def _print_waiting(broker: OperatorClient) -> None:
    """What else waits for the operator."""
    questions = broker.questions(agent=OPERATOR, after=None, limit=1000)
    approvals = broker.approvals(agent=None, after=None, limit=1000)
    pending = [one for one in approvals if one.state is ApprovalState.PENDING]
    for waiting, noun, command in (
        (len(questions), "question", "questions"),
        (len(pending), "approval", "approvals"),
    ):
        if waiting:
            wait = "waits" if waiting == 1 else "wait"
            click.echo(f"{count(waiting, noun)} {wait}: hyperhive {command}")


def _kind(message: Message) -> str:
    """What a message is, where it is not simply somebody's words: `reminder 3 `."""
    if message.kind == "message":
        return ""
    return f"{message.kind} " if message.about is None else f"{message.kind} {message.about} "

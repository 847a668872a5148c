"""`hyperhive send TO TEXT`, `hyperhive inbox`, `hyperhive messages`."""

import sys

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import clock_time, print_json, print_table, printable
from hyperhive.errors import InputError
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Message, NewMessage


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
    body = _standard_input() if text == "-" else text
    sent = broker.send(NewMessage(to=to, body=body, in_reply_to=in_reply_to, idempotency_key=key))
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
    found = broker.messages(agent="operator", after=None, limit=limit, unread=not everything)
    mail = [message for message in found if message.recipient == "operator"]
    if as_json:
        print_json(mail)
    else:
        _print_letters(mail)
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
                row.body,
            ]
            for row in rows
        ],
    )


def _print_letters(mail: list[Message]) -> None:
    if not mail:
        click.echo("No messages.")
    for message in mail:
        answer = f", in reply to {message.in_reply_to}" if message.in_reply_to else ""
        head = f"{message.id}  {clock_time(message.created_at)}  from {message.sender}{answer}"
        click.secho(head, bold=message.state == "queued")
        click.echo(printable(message.body) + "\n")


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        raise InputError("standard input is not UTF-8 text", "send plain text") from None

"""`hyperhive questions`, `hyperhive answer ID`."""

import click

from hyperhive.cli.broker_option import broker_command
from hyperhive.cli.output import (
    clock_time,
    one_line,
    print_json,
    printable,
    time_left,
)
from hyperhive.cli.standard_input import read_text
from hyperhive.errors import InputError
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Question


@click.command()
@click.option("--agent", metavar="NAME", help="Only those from or to this agent.")
@click.option("--all", "everything", is_flag=True, help="Also those that are closed.")
@click.option("--after", type=int, metavar="ID", help="Only those after this question.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@broker_command
def questions(
    broker: OperatorClient,
    as_json: bool,
    agent: str | None,
    everything: bool,
    after: int | None,
    limit: int,
) -> None:
    """List open questions, with the time that remains to answer them."""
    found = broker.questions(agent=agent, after=after, limit=limit, closed=everything)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No questions.")
    for question in found:
        _print_question(question)


@click.command()
@click.argument("id", type=int)
@click.argument("text", nargs=-1)
@click.option(
    "--option", "chosen", type=int, multiple=True, metavar="N", help="The option of this number."
)
@click.option("--cancel", is_flag=True, help="End the question without an answer.")
@broker_command
def answer(
    broker: OperatorClient,
    as_json: bool,
    id: int,
    text: tuple[str, ...],
    chosen: tuple[int, ...],
    cancel: bool,
) -> None:
    """Answer a question, in words or by the numbers of its options.

    The words of TEXT make one answer; `-` reads it from standard input.
    """
    if cancel == bool(text or chosen):
        raise click.UsageError("give TEXT or --option N, or else --cancel")
    if cancel:
        question = broker.cancel_question(id)
    else:
        texts = _options(broker.question(id), chosen) if chosen else []
        if text:
            texts.append(read_text() if text == ("-",) else " ".join(text))
        question = broker.answer(id, texts)
    if as_json:
        print_json(question)
    else:
        click.echo(f"question {question.id} from {question.asker}: {_outcome(question)}")


def _options(question: Question, chosen: tuple[int, ...]) -> list[str]:
    for number in chosen:
        if not 1 <= number <= len(question.options):
            has = f"options 1 to {len(question.options)}" if question.options else "no options"
            raise InputError(
                f"question {question.id} has no option {number}",
                f"it has {has}; or answer in words",
            )
    return [question.options[number - 1] for number in chosen]


def _print_question(question: Question) -> None:
    asked = f"{clock_time(question.created_at)}  {question.asker} asks {question.recipient}"
    end = _outcome(question)
    click.secho(f"{question.id}  {asked}  {end}", bold=question.state == "open")
    click.echo(f"    {printable(question.question).replace(chr(10), chr(10) + '    ')}")
    for number, option in enumerate(question.options, 1):
        click.echo(f"    {number:>3}  {one_line(option)}")
    if question.multi:
        click.echo("    one or more of them")
    click.echo()


def _outcome(question: Question) -> str:
    match question.state:
        case "open":
            return f"{time_left(question.remaining)} left"
        case "answered":
            return f"answered by {question.closed_by}: {one_line(', '.join(question.answer))}"
        case "cancelled":
            return f"cancelled by {question.closed_by}"
        case _:
            return str(question.state)

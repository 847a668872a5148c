"""Every command that asks the broker, with words that no request can be made of."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner, Result

from hyperhive.cli.broker_option import STATE_VARIABLE
from hyperhive.cli.main import COMMANDS, main
from tests.integration.operator.container_host import ContainerHost, on_host
from tests.integration.operator.serving import Operator, put_question, with_operator

GOOD: Final = {
    "agent": "alice",
    "to": "alice",
    "text": "hello",
    "id": "1",
    "ids": "1",
    "rule": "ls",
}
"""Values of the parameters that a command needs."""

NO_LINES: Final = {
    "two\nlines": "holds the control character U+000A; write it in one plain line",
    "\x1b[31mred": "holds the control character U+001B; write it in one plain line",
    "\u202ebackwards": "holds the control character U+202E; write it in one plain line",
    "\udcff": "holds half a character, U+DCFF; remove its \\u escape",
    "x" * 3000: "3000 characters long; use at most 1000",
}
"""What no reason may be, and what is said then."""

WORDS: Final = [*NO_LINES, "", "/", "..", "-", "a/b?c=d#e%00", "\x00"]
NUMBERS: Final = ["0", "-1", str(2**63), str(2**70), "one"]

REASONS: Final = [
    ["agent", "stop", "alice"],
    ["agent", "restart", "alice"],
    ["agent", "pause", "alice"],
    ["agent", "destroy", "alice"],
    ["agent", "purge", "alice", "--confirm", "alice"],
    ["cancel", "alice"],
    ["deny", "1"],
]
"""The commands with a reason."""


def run(operator: Operator, words: list[str]) -> Result:
    """A command, and what came of it."""
    state = {STATE_VARIABLE: str(operator.core.paths.state)}
    return CliRunner().invoke(main, words, env=state, input="read\n")


def of_broker(
    group: click.Group, before: tuple[str, ...] = ()
) -> Iterator[tuple[list[str], click.Command]]:
    """Every command that asks a broker, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from of_broker(command, (*before, name))
        elif {"state", "as_json"} <= {param.name for param in command.params}:
            yield [*before, name], command


def hostile(command: click.Command) -> Iterator[list[str]]:
    """The words after a command's name: each parameter once with each value that is not good."""
    for bad in command.params:
        if isinstance(bad.type, click.types.StringParamType):
            values = WORDS
        elif isinstance(bad.type, click.types.IntParamType | click.IntRange):
            values = NUMBERS
        else:
            continue
        for value in values:
            options = [f"{bad.opts[-1]}={value}"] if isinstance(bad, click.Option) else []
            arguments = [
                value if param is bad else GOOD[str(param.name)]
                for param in command.params
                if isinstance(param, click.Argument) and (param.required or param is bad)
            ]
            yield [*options, "--", *arguments]


ALL: Final = list(of_broker(main))


@pytest.mark.parametrize(("words", "command"), ALL, ids=[" ".join(words) for words, _ in ALL])
def test_no_word_is_a_bug(tmp_path: Path, words: list[str], command: click.Command) -> None:
    async def body(operator: Operator) -> None:
        await put_question(operator.core, "Which?", "one", "two")
        for more in hostile(command):
            result = await asyncio.to_thread(run, operator, [*words, *more])
            told = f"{[*words, *more]}: {result.exit_code}: {result.output[:500]}"
            assert result.exit_code in (0, 1, 2), told
            assert "bug:" not in result.stderr, told
            assert "pydantic" not in result.output, told
            assert result.exit_code == 0 or len(result.stderr.splitlines()) <= 2, told

    with_operator(tmp_path, body)


def test_the_commands_are_found() -> None:
    names = {words[0] for words, _ in ALL}
    assert names <= set(COMMANDS)
    assert {"agents", "agent", "cancel", "send", "answer", "dead", "reminders"} <= names
    reasons = {
        " ".join(words)
        for words, command in ALL
        if any(param.name == "reason" for param in command.params)
    }
    assert reasons == {re.sub(" (alice|1)( .*)?$", "", " ".join(words)) for words in REASONS}


def test_a_bad_reason_is_the_readers_error(tmp_path: Path) -> None:
    async def body(host: ContainerHost) -> None:
        await host.ask("POST", "agents/alice/destroy", {})
        for words in REASONS:
            for reason, said in NO_LINES.items():
                result = await asyncio.to_thread(run, host.operator, [*words, f"--reason={reason}"])
                what, todo = said.split("; ")
                assert result.stderr == f"error: reason: {what}\n  {todo}\n", words
                assert result.exit_code == 2
        assert host.units.asked == [("start", "hyperhive-deploy@alice.service", "destroyed")], (
            "nothing was done"
        )

    on_host(tmp_path, body)


def test_a_bad_key_or_number_is_the_readers_error(tmp_path: Path) -> None:
    async def body(operator: Operator) -> None:
        send = ["send", "alice", "hello"]
        for words, said in {
            "--key=a\nb": "idempotency_key: holds the control character U+000A",
            "--in-reply-to=0": "in_reply_to: too small",
            f"--in-reply-to={2**63}": "in_reply_to: too large",
        }.items():
            result = await asyncio.to_thread(run, operator, [*send, words])
            assert result.stderr.startswith(f"error: {said}\n  "), result.output
            assert result.exit_code == 2

    with_operator(tmp_path, body)

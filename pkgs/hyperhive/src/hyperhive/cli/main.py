"""The command `hyperhive`: finds the commands, and turns every error into two lines.

Commands are imported when they are used: `hyperhive agents` does not wait for the web server.
"""

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from os import O_WRONLY, devnull, dup2
from os import open as open_descriptor
from typing import Any, Final, NoReturn

import click

from hyperhive import __version__
from hyperhive.errors import HyperhiveError, InputError
from hyperhive.hive.problems import InvalidHive, one_line
from hyperhive.hive.spelling import did_you_mean

FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

COMMANDS: Final = {
    "check": ("hyperhive.cli.check:check", "Check a declared hive."),
    "schema": ("hyperhive.cli.schema:schema", "Print the declared hive's JSON Schema."),
    "explain": ("hyperhive.cli.explain:explain", "Show what a hive means for one agent."),
    "render": ("hyperhive.cli.render:render", "Write a hive as flakes and containers."),
    "up": ("hyperhive.cli.up:up", "Run a hive here, without containers."),
    "serve": ("hyperhive.cli.serve:serve", "Run the broker in the foreground."),
    "reconcile": ("hyperhive.cli.reconcile:reconcile", "Make this host match the hive."),
    "resolver": ("hyperhive.cli.resolver:resolver", "Tell containers the host's name servers."),
    "watch": ("hyperhive.cli.watch:watch", "Tell the broker what becomes of containers."),
    "notify": ("hyperhive.cli.notify:notify", "Run a program when you are needed."),
    "harness": ("hyperhive.cli.harness:harness", "Run one agent's harness."),
    "status": ("hyperhive.cli.status:status", "Show the host's units and its agents."),
    "doctor": ("hyperhive.cli.doctor:doctor", "Check this host, and say how to mend it."),
    "agents": ("hyperhive.cli.agents:agents", "List the agents and their states."),
    "agent": ("hyperhive.cli.agents:agent", "Show, start, stop, pause or remove an agent."),
    "model": ("hyperhive.cli.model:model", "Show or set an agent's model."),
    "cancel": ("hyperhive.cli.cancel:cancel", "End what an agent does or waits for."),
    "compact": ("hyperhive.cli.conversation:compact", "Make an agent's conversation shorter."),
    "new-session": ("hyperhive.cli.conversation:new_session", "Begin a new conversation."),
    "send": ("hyperhive.cli.messages:send", "Send a message to an agent."),
    "inbox": ("hyperhive.cli.messages:inbox", "Read the operator's messages."),
    "questions": ("hyperhive.cli.questions:questions", "List open questions."),
    "answer": ("hyperhive.cli.questions:answer", "Answer a question."),
    "approvals": ("hyperhive.cli.approvals:approvals", "List what waits for your approval."),
    "show": ("hyperhive.cli.approvals:show", "Show what an approval changes."),
    "approve": ("hyperhive.cli.approve:approve", "Approve, and wait until it is deployed."),
    "deny": ("hyperhive.cli.approvals:deny", "Deny, and say why."),
    "allow-rule": ("hyperhive.cli.approve:allow_rule", "Ask for one Bash rule more."),
    "reminders": ("hyperhive.cli.reminders:reminders", "List, retry or drop reminders."),
    "dead": ("hyperhive.cli.dead:dead", "List, retry or drop dead letters."),
    "messages": ("hyperhive.cli.messages:messages", "List messages."),
    "events": ("hyperhive.cli.events:events", "List or follow events."),
    "logs": ("hyperhive.cli.logs:logs", "Read the journal of an agent or of the hive."),
    "vacuum": ("hyperhive.cli.vacuum:vacuum", "Remove old history."),
}
"""Each command: where it is, and its line in `hyperhive --help`."""

HIDDEN: Final = {
    "container-root": "hyperhive.cli.container_root:container_root",
    "deploy": "hyperhive.cli.deploy:deploy",
}
"""Commands that units alone have use for: where they are."""


class Commands(click.Group):
    """The commands of the table, imported one by one when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, in the order of the table."""
        return [name for name, (place, _) in COMMANDS.items() if find_spec(place.split(":")[0])]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        place = HIDDEN.get(cmd_name)
        if place is None:
            if cmd_name not in self.list_commands(ctx):
                return None
            place, _ = COMMANDS[cmd_name]
        module, attribute = place.split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begins with.

        Raises:
            InputError: there is none.
        """
        name = args[0]
        known = self.list_commands(ctx)
        if name not in {*known, *HIDDEN} and not name.startswith("-"):
            todo = did_you_mean(name, known, "see `hyperhive --help`")
            raise InputError(f"there is no command {name!a}", todo)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with the lines of the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])

    def main(  # type: ignore[override]  # click types this as overloads over standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command of `args` and exit: 0, 1 failed, 2 usage or input, 3 no broker."""
        words = list(sys.argv[1:] if args is None else args)
        options = words[: words.index("--")] if "--" in words else words
        debug = "--debug" in options
        words = [word for word in options if word != "--debug"] + words[len(options) :]
        try:
            extra["standalone_mode"] = False
            # What comes back is the code of ctx.exit(), or what a command returned: nothing.
            code = super().main(words, prog_name or "hyperhive", **extra) or 0
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader went away. Python would complain when it flushes at exit.
            with suppress(OSError, ValueError):
                dup2(open_descriptor(devnull, O_WRONLY), sys.stdout.fileno())
            code = FAILED
        except Exception as error:  # noqa: BLE001 - the top of the program
            if debug:
                traceback.print_exc()
            code = _report(error)
        sys.exit(code)


def _report(error: Exception) -> int:
    """Say what happened in lines for the reader, and return the exit code."""
    match error:
        case InvalidHive():
            for found in error.problems:
                _say(found.level.value, f"{error.source}: {found.what}", found.todo)
            return error.exit_code
        case HyperhiveError():
            _say("error", error.what, error.todo)
            return error.exit_code
        case click.Abort():
            return INTERRUPTED if isinstance(error.__cause__, KeyboardInterrupt) else FAILED
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return USAGE
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "hyperhive"
            _say("error", error.format_message(), f"see `{command} --help`")
            return USAGE
        case click.ClickException():
            _say("error", error.format_message(), "")
            return error.exit_code
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            _say("error", f"{where}{error.strerror or error}", "")
            return FAILED
        case _:
            _say("bug", f"{type(error).__name__}: {error}", "run it again with --debug, and report")
            return FAILED


def _say(kind: str, what: str, todo: str) -> None:
    click.echo(f"{kind}: {_line(what)}", err=True)
    if todo:
        click.echo(f"  {_line(todo)}", err=True)


def _line(text: str) -> str:
    return one_line(" ".join(text.split()))


@click.group(
    "hyperhive",
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    invoke_without_command=False,
)
@click.version_option(__version__, message="hyperhive %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")
def main() -> None:
    """Run a hive of Claude Code agents.

    A hive is declared in one file; see `hyperhive schema` and `hyperhive check`.

    Exit status: 0 done, 1 failed, 2 wrong usage or input, 3 no broker runs.
    """


if __name__ == "__main__":
    main()

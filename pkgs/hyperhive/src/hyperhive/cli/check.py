"""`hyperhive check`: is a declared hive good?"""

import json
from dataclasses import asdict
from pathlib import Path

import click

from hyperhive.hive.load import check_hive
from hyperhive.hive.problems import InvalidHive, Problem


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Check the declared hive in FILE (TOML, or JSON if it is named so; - for stdin).

    Every problem is reported at once. Warnings do not make a hive bad.
    """
    try:
        checked = check_hive(file)
    except InvalidHive as error:
        if not as_json:
            raise
        click.echo(_json(error.source, ok=False, problems=error.problems))
        ctx.exit(error.exit_code)
    agents = list(checked.hive.agents)
    name = checked.hive.hive.name
    if as_json:
        click.echo(
            _json(checked.source, ok=True, problems=checked.warnings, hive=name, agents=agents)
        )
        return
    for warning in checked.warnings:
        click.echo(f"warning: {checked.source}: {warning.what}\n  {warning.todo}", err=True)
    counts = [_count(len(agents), "agent")]
    if checked.warnings:
        counts.append(_count(len(checked.warnings), "warning"))
    click.echo(f"ok: {checked.source}: hive {name}, {', '.join(counts)}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _json(source: str, *, ok: bool, problems: tuple[Problem, ...], **more: object) -> str:
    found = [asdict(problem) for problem in problems]
    return json.dumps({"ok": ok, "source": source, **more, "problems": found}, indent=2)

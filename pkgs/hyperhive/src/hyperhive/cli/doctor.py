"""`hyperhive doctor`: is this host fit for its hive?"""

import json
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Final

import click

from hyperhive.cli.output import COLUMNS, count, one_line
from hyperhive.doctor.finding import Finding, Level
from hyperhive.hive.load import load_hive
from hyperhive.hive.paths import DECLARED_HIVE, HostPaths

_INDENT: Final = " " * 6
_COLOURS: Final = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DECLARED_HIVE)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def doctor(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Look over this host: has it what the hive in FILE needs?

    Changes nothing. Some things only root can see. Exit status 1 if something fails.
    """
    from hyperhive.doctor.checks import findings
    from hyperhive.doctor.gather import gather

    found = findings(gather(load_hive(file), HostPaths.default(), time.time()))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], ensure_ascii=False, indent=2))
    else:
        for finding in found:
            click.echo(shown(finding))
        click.echo(total(found))
    if any(finding.level is Level.FAIL for finding in found):
        ctx.exit(1)


def shown(finding: Finding) -> str:
    """A finding for a person: its level, what was found, and in brackets what mends it."""
    words = one_line(finding.what)
    if finding.mend:
        words += f"  ({one_line(finding.mend)})"
    lines = wrap(words, COLUMNS - len(_INDENT), break_on_hyphens=False)
    level = click.style(f"{finding.level:<4}", fg=_COLOURS[finding.level])
    return f"{level}  " + f"\n{_INDENT}".join(lines)


def total(found: list[Finding]) -> str:
    """How many of each level there are."""
    levels = Counter(finding.level for finding in found)
    return (
        f"{levels[Level.OK]} ok, {count(levels[Level.WARN], 'warning')},"
        f" {count(levels[Level.FAIL], 'failure')}"
    )

"""`hyperhive render`: the declared hive as NixOS container definitions."""

import json
from pathlib import Path

import click

from hyperhive.errors import InputError
from hyperhive.hive.load import load_hive
from hyperhive.hive.names import parse_agent_name
from hyperhive.hive.paths import StatePaths
from hyperhive.render.agent import Host
from hyperhive.render.compare import Extent, State, Tree, compare
from hyperhive.render.tree import render_agent, render_hive
from hyperhive.render.write import Written, write_tree


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write to; it is made where it is missing.",
)
@click.option("--agent", "agent_name", metavar="NAME", help="Render the files of this agent only.")
@click.option(
    "--deploy-dir",
    type=click.Path(path_type=Path),
    help="Where the files will be on the host.  [default: /var/lib/hyperhive/deploy]",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; exit 1 if the directory differs, and say where."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def render(
    file: Path,
    out: Path,
    agent_name: str | None,
    deploy_dir: Path | None,
    check: bool,
    as_json: bool,
) -> None:
    """Render the hive in FILE as NixOS container definitions.

    Files that hyperhive did not write are left alone, and nothing is written where one of them,
    or one changed by hand, stands in the way.
    """
    hive = load_hive(file)
    host = _host(deploy_dir)
    if agent_name is None:
        tree, extent = render_hive(hive, host), Extent.WHOLE
    else:
        tree, extent = render_agent(hive, parse_agent_name(agent_name), host), Extent.PART
    if check:
        _check(tree, out, extent, as_json=as_json)
    else:
        _report(write_tree(tree, out, extent), out, as_json=as_json)


def _host(deploy_dir: Path | None) -> Host:
    if deploy_dir is None:
        return Host.default()
    if not deploy_dir.is_absolute():
        raise InputError(
            f"--deploy-dir {deploy_dir} is relative, but a container's conf file names it",
            "give an absolute path",
        )
    return Host(StatePaths.host_default(), deploy_dir)


def _check(tree: Tree, out: Path, extent: Extent, *, as_json: bool) -> None:
    states = compare(tree, out, extent).states
    drift = {path: state for path, state in states.items() if state is not State.SAME}
    if as_json:
        click.echo(json.dumps({"out": str(out), "drift": drift}, indent=2))
    elif not drift:
        click.echo(f"{out} is up to date: {len(states)} files")
    else:
        width = max(map(len, drift))
        for path, state in drift.items():
            click.echo(f"{path:{width}}  {state}")
    if drift:
        click.get_current_context().exit(1)


def _report(result: Written, out: Path, *, as_json: bool) -> None:
    if as_json:
        values = {
            "out": str(out),
            "written": result.written,
            "deleted": result.deleted,
            "unchanged": result.unchanged,
        }
        click.echo(json.dumps(values, indent=2))
        return
    counts = [f"{len(result.written)} written", f"{len(result.unchanged)} unchanged"]
    if result.deleted:
        counts.append(f"{len(result.deleted)} deleted")
    click.echo(f"{out}: {', '.join(counts)}")

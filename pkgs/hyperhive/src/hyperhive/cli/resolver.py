"""`hyperhive resolver`: tells private networks the host's name servers."""

import logging
from pathlib import Path
from typing import Final

import click

from hyperhive.errors import HyperhiveError
from hyperhive.hive.load import load_hive
from hyperhive.hive.paths import DECLARED_HIVE, RESOLVER
from hyperhive.logs import start_logging

logger: Final = logging.getLogger(__name__)


@click.command()
@click.argument("file", type=click.Path(path_type=Path), default=DECLARED_HIVE)
def resolver(file: Path) -> None:
    """Write the name servers that agents of the hive in FILE with a private network ask.

    They are those that the hive declares, else the host's own as far as they can be reached from
    there. A unit runs this whenever the host's change.
    """
    from hyperhive.deploy.resolver import choose_resolver, read_host_files, write_resolver

    hive = load_hive(file)
    start_logging("resolver")
    chosen = choose_resolver(hive.hive.nameservers, read_host_files())
    if write_resolver(RESOLVER, chosen):
        logger.info("name servers of private networks: %s", " ".join(chosen.servers) or "none")
    if not chosen.servers:
        raise HyperhiveError(
            "no name server of this host can be reached from a private network",
            "set services.hyperhive.nameservers",
        )

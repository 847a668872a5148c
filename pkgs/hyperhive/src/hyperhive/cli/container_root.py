"""`hyperhive container-root`: what hyperhive-root@.service runs before a container starts.

It imports little, since every start of a container waits for it.
"""

import logging
import os
from typing import Final

import click

from hyperhive.errors import InputError
from hyperhive.hive.names import container_name, parse_agent_name
from hyperhive.hive.paths import HostPaths
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields, start_logging

logger: Final = logging.getLogger(__name__)


@click.command()
@click.argument("container")
@click.pass_context
def container_root(context: click.Context, container: str) -> None:
    """Replace in the file system of CONTAINER what the host's root must not follow.

    The variables of the container's conf are in the environment, as its start script has them.
    """
    from hyperhive.deploy.container_root import mend_root

    agent = parse_agent_name(container.removeprefix("h-"))
    if container != container_name(agent):
        raise InputError(f"{container!a} is no agent's container", "name one like h-alice")
    start_logging("root", agent)
    copies = os.environ.get("COPY_RESOLV_CONF") == "1"
    try:
        for done in mend_root(HostPaths.default().container(agent).root, copies_resolv_conf=copies):
            logger.warning(
                "%s: %s: the host's root would have followed it",
                agent, done, extra=fields(LogEvent.ROOT_MENDED, agent=agent),
            )  # fmt: skip
    except OSError as error:
        logger.error(
            "%s does not start: its file system cannot be made safe for the host: %s",
            agent, error, extra=fields(agent=agent),
        )  # fmt: skip
        context.exit(1)

"""What the tests of the turn loop do to alice."""

from typing import Any

from hyperhive.broker.core import Core
from hyperhive.store import listing, messages
from hyperhive.store.messages import NewMessage
from tests.integration.broker.plane import FakeHarness


async def send(core: Core, body: str, sender: str = "operator") -> int:
    return await core.store.write(
        messages.send, NewMessage(sender, "alice", body), now=core.clock()
    )


async def write(core: Core, operation: Any, *args: Any) -> Any:
    return await core.store.write(operation, "alice", *args, now=core.clock())


async def first_turn(core: Core, alice: FakeHarness, **outcome: Any) -> None:
    """A turn that begins the session S and ends well."""
    await send(core, "hello")
    await alice.finish((await alice.turn()).turn, **outcome)


async def message_states(core: Core) -> list[tuple[str, str]]:
    rows = await core.store.read(listing.messages, agent="alice", after=0, limit=99)
    return [(row["state"], row["note"]) for row in rows]

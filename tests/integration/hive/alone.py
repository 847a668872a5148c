"""A hive of one agent, alice, whose claude is the real one and whose model is a function."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hyperhive.operator.models import Agent, Message, NewMessage, Turn
from tests.integration.hive.local import LocalHive, up, wait_for
from tests.scripted_api import ScriptedApi
from tests.scripted_steps import Call

HIVE: Final = """
[hive]
name = "lab"
model = "claude-haiku-4-5"

[agents.alice]
bash.allow = ["bash hold.sh"]
conversation = {{ notes_kib = 1 }}
[agents.alice.environment]
ANTHROPIC_BASE_URL = "{url}"
"""
KEY: Final = {"ANTHROPIC_API_KEY": "dummy"}


@contextmanager
def alone(directory: Path, api: ScriptedApi, claude: Path) -> Iterator[LocalHive]:
    """The hive until the end of the block; again in the same directory, with the same state."""
    file = directory / "hive.toml"
    file.write_text(HIVE.format(url=api.url))
    with up(file, state_of(directory), str(claude), KEY) as hive:
        yield hive


def state_of(directory: Path) -> Path:
    """The hive's state directory."""
    return directory / "state"


def alice(hive: LocalHive) -> Agent:
    """The agent, as it is now."""
    with hive.client() as client:
        (row,) = client.agents()
    return row


def tell(hive: LocalHive, text: str) -> int:
    """Sends her a message; its id."""
    with hive.client() as client:
        return client.send(NewMessage(to="alice", body=text)).id


def mail(hive: LocalHive) -> list[Message]:
    """Every message, in order."""
    with hive.client() as client:
        return client.messages(agent=None, after=0, limit=100)


def turns(hive: LocalHive) -> list[Turn]:
    """Her turns, in order."""
    with hive.client() as client:
        return client.turns(agent="alice", after=0, limit=100)


def kinds(hive: LocalHive) -> list[str]:
    """The kinds of her turns, in order."""
    return [str(turn.kind) for turn in turns(hive)]


def wait_prompt(api: ScriptedApi, words: str) -> Call:
    """The call whose prompt has these words, once it came."""

    def look() -> Call | None:
        return next((call for call in list(api.calls) if words in call.prompt), None)

    return wait_for(f"a prompt with {words!r}", look)

"""A whole hive in the testbed: broker, reconcile, watch, and agents in containers of their own.

    def test_something(hive: Hive) -> None:
        sent = hive.send("alice", "hello")          # as the operator, over the operator's socket
        assert hive.wait_mail("alice got: hello").sender == "alice"
        hive.wait_states({"alice": "idle"})
        hive.inside("alice", ["id", "-u"]).stdout   # as root of her container, or user="agent"
        hive.hyperhive("agent", "stop", "alice")    # the command, as the operator types it

The agents of `STANDARD` are manager, alice and bob. Their claude is the scripted one, and follows
script.json: it answers the operator with `NAME got: TEXT`; when told to `hold` it works for ten
minutes instead, but not when that comes a second time. `declare` makes another hive of it, in the
module's own option names. The dashboard listens on all addresses, with `TOKEN`.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any, Final

from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName
from hyperhive.hive.uids import UidRange, uid_range
from hyperhive.operator.client import OperatorClient, connect
from hyperhive.operator.models import Cancel, Message, NewMessage
from tests.e2e.environment import HYPERHIVE
from tests.e2e.host import HIVE_FILE, Host

DASHBOARD_PORT: Final = 8710
TOKEN: Final = "the-testbeds-own-token-of-the-dashboard"
TOKEN_FILE: Final = "/etc/hyperhive.token"
PROGRAM: Final = "/opt/tell-me"
"""What is run when the hive needs its operator; `TOLD` is what it wrote last."""
TOLD: Final = "/var/lib/hyperhive-notify/told"
STANDARD: Final[Mapping[str, Any]] = {
    "name": "lab",
    "model": "haiku",
    "externalInterface": "eth0",
    "dashboard": {"bind": "0.0.0.0", "port": DASHBOARD_PORT, "tokenFile": TOKEN_FILE},
    "notify": {"command": [PROGRAM]},
    "agents": {
        "manager": {"role": "manager", "bash": {"allow": ["git *"]}},
        "alice": {},
        "bob": {"extraNix": True},
    },
}
SCRIPT: Final = Path(__file__).with_name("script.json")
SCRIPT_INSIDE: Final = "/opt/claude/script.json"
OPERATOR_SOCKET: Final = "/run/hyperhive/operator.sock"

_TELLS: Final = f"""\
#!/bin/sh
{{ id -un; id -Gn; touch /var/lib/hyperhive/mine 2>&1; cat; }} > {TOLD}.new
mv {TOLD}.new {TOLD}
"""


class Hive:
    """See the module's text.

    Attributes:
        declared: `services.hyperhive`, as it was declared last.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.testbed = host.testbed
        self.declared: Mapping[str, Any] = {}
        host.write(TOKEN_FILE, TOKEN, mode=0o400)
        host.testbed.run(["chown", "hyperhive:", TOKEN_FILE])
        host.write(PROGRAM, _TELLS, mode=0o755)

    def declare(self, declared: Mapping[str, Any]) -> None:
        """Switch the host to another declaration."""
        self.declared = declared
        self.host.switch(declared)

    def edit(self, **agents: Any) -> str:
        """Change the declared hive as reconcile reads it, but not the broker's; what it was before.

        What is written is not what a switch would write: the next one sees a change.
        """
        file = self.testbed.path(HIVE_FILE)
        before = file.read_text()
        said = json.loads(before)
        for name, values in agents.items():
            said["agents"][name] |= values
        file.write_text(json.dumps(said, indent=1))
        return before

    def script(self, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Have every scripted claude follow `rules` first, from its next turn on."""
        self.host.write(SCRIPT_INSIDE, json.dumps([*rules, *json.loads(SCRIPT.read_text())]))

    def client(self) -> AbstractContextManager[OperatorClient]:
        """A client of the operator plane, from outside."""
        return connect(self.testbed.path(OPERATOR_SOCKET))

    def hyperhive(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a command of the operator's inside."""
        return self.testbed.run([HYPERHIVE, *words], check=check, timeout=120)

    def inside(
        self,
        agent: str,
        command: Sequence[str | Path],
        *,
        user: str | None = None,
        check: bool = True,
        input: str = "",
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in an agent's container."""
        container = f"h-{agent}"
        return self.testbed.run(command, container=container, user=user, check=check, input=input)

    def uids(self, agent: str) -> UidRange:
        """The range of an agent that declares none."""
        return uid_range(AgentName(agent))

    def unit(self, agent: str) -> str:
        """The unit of an agent's container."""
        return f"container@h-{agent}.service"

    def send(self, to: str, body: str) -> int:
        """Send a message as the operator; its id."""
        with self.client() as client:
            return client.send(NewMessage(to=to, body=body)).id

    def mail(self, to: str) -> list[Message]:
        """Every message to and from somebody, in order."""
        with self.client() as client:
            return client.messages(agent=to, after=0, limit=1000)

    def wait_mail(
        self, text: str, *, to: str = "operator", after: int = 0, seconds: float = 30
    ) -> Message:
        """The first message with `text` to `to` that came after the message `after`, once it is
        there."""
        with self.client() as client:

            def look() -> Message | None:
                mail = client.messages(agent=to, after=after, limit=1000)
                return next((m for m in mail if m.recipient == to and text in m.body), None)

            return self.testbed.wait_for(f"a message to {to} with {text!r}", look, seconds)

    def wait_states(self, states: Mapping[str, str], *, seconds: float = 30) -> None:
        """Wait until the agents named are in their states."""
        with self.client() as client:
            self.testbed.wait_for(
                f"{states}",
                lambda: states.items() <= {a.name: str(a.state) for a in client.agents()}.items(),
                seconds,
            )

    def wait_message(self, id: int, state: str, *, seconds: float = 30) -> Message:
        """A message, once it is in `state`."""
        with self.client() as client:

            def look() -> Message | None:
                (message,) = client.messages(agent=None, after=id - 1, limit=1)
                return message if message.state == state else None

            return self.testbed.wait_for(f"message {id} to be {state}", look, seconds)

    def standard(self) -> None:
        """Make it the hive of `STANDARD` with all agents idle, whatever an earlier test left."""
        self.script()
        if self.declared != STANDARD:
            self.declare(STANDARD)
        started: set[str] = set()
        with self.client() as client:

            def look() -> bool:
                agents = client.agents()
                for agent in agents:
                    if agent.turn is not None:
                        # It may have ended by itself since, and another may begin: a crash of the
                        # last test is told to the manager when it pleases.
                        with suppress(HyperhiveError):
                            client.cancel(agent.name, Cancel(messages="drop"))
                    elif agent.state == "offline" and agent.name not in started:
                        started.add(agent.name)
                        client.act(agent.name, "start")
                return all(agent.state == "idle" for agent in agents)

            self.testbed.wait_for("all agents to be idle", look)

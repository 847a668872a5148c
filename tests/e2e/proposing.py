"""A manager that proposes in its container, an operator that decides, and what a host is like.

sha = proposing.commit(hive, "alice", {"agent.toml": 'model = "opus"\n'})
id = proposing.request(hive, "alice", sha)        # the manager's claude calls the tool
before = proposing.host_state(hive)
hive.hyperhive("approve", str(id))
assert proposing.notice(hive, "deployed", id)["agent"] == "alice"
"""

import hashlib
import itertools
import json
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hyperhive.operator.approval_models import ApprovalDetail
from hyperhive.store.approval_states import OPEN
from tests.e2e.hive import Hive

CONFIG: Final = "/agents/{}/config"
"""Where the manager writes proposals about an agent."""
STATE: Final = "/var/lib/hyperhive"
DEPLOY: Final = f"{STATE}/deploy"
PROFILES: Final = "/nix/var/nix/profiles/per-container"
PLACES: Final = (
    DEPLOY,
    f"{STATE}/proposals",
    "/etc/hyperhive",
    "/etc/nixos-containers",
    "/etc/systemd/system",
    PROFILES,
    "/run/systemd/system",
)
"""What of the host must not change unless a proposal is deployed."""
GIT: Final = ["git", "-c", "safe.directory=*", "-C"]

# Makes a commit of exactly the files that standard input has, and prints its id.
_COMMIT: Final = """
set -e
git rm --quiet -r --cached --ignore-unmatch .
git clean --quiet -ffdx
python3 -c '
import json, pathlib, sys
for name, text in json.load(sys.stdin).items():
    pathlib.Path(name).write_text(text)
'
git add --all --force
git commit --quiet --allow-empty --message "As asked"
git rev-parse HEAD
"""
_IDENTITY: Final = """
export GIT_AUTHOR_NAME=manager GIT_AUTHOR_EMAIL=manager@lab.hive.internal
export GIT_COMMITTER_NAME=manager GIT_COMMITTER_EMAIL=manager@lab.hive.internal
"""
DEPLOY_SECONDS: Final = 90.0
"""How long a deploy may take here, also one that is cut short a few times."""
_numbers: Final = itertools.count()


def ask_manager(hive: Hive, *steps: Mapping[str, Any], says: str = "{output}") -> str:
    """Have the manager's claude do steps of a script; what the last tool said, or `says`."""
    token = f"job {next(_numbers)}"
    answer = {"to": "operator", "body": f"{token}: {says}"}
    done = [{"tool": "mcp__hyperhive__send", "input": answer}, {"say": "Done."}]
    when = {"agent": "manager", "from": "operator", "contains": f"{token}."}
    hive.script([{"when": when, "do": [*steps, *done]}])
    sent = hive.send("manager", f"{token}.")
    return hive.wait_mail(f"{token}: ", after=sent).body.removeprefix(f"{token}: ")


def call(hive: Hive, tool: str, **arguments: Any) -> str:
    """What a tool of the hive says to the manager's claude."""
    return ask_manager(hive, {"tool": f"mcp__hyperhive__{tool}", "input": arguments})


def calls(hive: Hive, tool: str, each: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a tool says to calls one after the other, in one turn of the manager."""
    kept = [f"said_{chr(ord('a') + at // 26)}{chr(ord('a') + at % 26)}" for at in range(len(each))]
    steps = [
        {"tool": f"mcp__hyperhive__{tool}", "input": arguments, "as": name}
        for name, arguments in zip(kept, each, strict=True)
    ]
    between = "\n-----\n"
    return ask_manager(hive, *steps, says=between.join(f"{{{n}}}" for n in kept)).split(between)


def make_ready(hive: Hive, agent: str) -> None:
    """Have the manager's repository about an agent made, if it is missing."""
    repository = hive.testbed.path(f"{STATE}/proposed/{agent}/config/.git")
    if not repository.exists():
        # A turn makes it, while claude is at work.
        ask_manager(hive, {"sleep": 1}, {"tool": "mcp__hyperhive__list_approvals", "input": {}})
        hive.testbed.wait_for(f"{repository}", repository.exists)


def shell(hive: Hive, agent: str, script: str, *, input: str = "") -> str:
    """What a script prints that runs as the manager's agent where it proposes about an agent."""
    make_ready(hive, agent)
    command = f"cd {CONFIG.format(agent)}{_IDENTITY}{script}"
    return hive.inside("manager", ["sh", "-ec", command], user="agent", input=input).stdout.strip()


def commit(hive: Hive, agent: str, files: Mapping[str, str]) -> str:
    """Commit these files and no others where the manager proposes; the commit's id."""
    return shell(hive, agent, _COMMIT, input=json.dumps(files))


def request(hive: Hive, agent: str, sha: str, **more: Any) -> int:
    """Have the manager ask for a commit; the id of the approval."""
    said = call(hive, "request_apply_commit", agent=agent, commit=sha, **more)
    found = re.search(r"Approval (\d+) about", said)
    assert found is not None, said
    return int(found[1])


def propose(hive: Hive, agent: str, files: Mapping[str, str], **more: Any) -> int:
    """Commit files and ask for them; the id of the approval."""
    return request(hive, agent, commit(hive, agent, files), **more)


def approve(hive: Hive, id: int, state: str = "deployed") -> ApprovalDetail:
    """Approve and wait for what becomes of it, which must be `state`."""
    with hive.client() as client:
        client.approve(id, None)
        hive.testbed.wait_for(
            f"the end of approval {id}",
            lambda: client.approval_row(id).state not in OPEN,
            DEPLOY_SECONDS,
        )
        detail = client.approval(id)
    assert detail.state == state, [detail.error, *detail.log]
    return detail


def states(hive: Hive) -> dict[int, str]:
    """The state of every approval."""
    with hive.client() as client:
        rows = client.approvals(agent=None, after=0, limit=1000, closed=True)
    return {row.id: str(row.state) for row in rows}


@contextmanager
def pending(hive: Hive, agent: str) -> Iterator[int]:
    """An approval that waits for the operator, and still does at the end; the host is the same."""
    id = propose(hive, agent, {"agent.toml": "# Pending.\n"})
    before = host_state(hive)
    try:
        yield id
        assert states(hive)[id] == "pending"
        assert host_state(hive) == before
    finally:
        with hive.client() as client:
            client.deny(id, "the test is done")


def notice(hive: Hive, event: str, id: int, *, to: str = "manager") -> dict[str, Any]:
    """What the hive tells of an approval, once it does."""

    def look() -> dict[str, Any] | None:
        for message in hive.mail(to):
            if message.sender == "system" and message.recipient == to and '"event"' in message.body:
                said: dict[str, Any] = json.loads(message.body)
                if said["event"] == event and said.get("id") == id:
                    return said
        return None

    return hive.testbed.wait_for(f"{to} to be told: {event} {id}", look)


def settings(hive: Hive, agent: str) -> dict[str, Any]:
    """What the harness in an agent's container is told by its system."""
    text = hive.inside(agent, ["cat", "/etc/hyperhive/agent.json"]).stdout
    said: dict[str, Any] = json.loads(text)
    return said


def runs(hive: Hive, *agents: str) -> dict[str, tuple[str, str]]:
    """What tells one run of a container and of the harness in it from another, for each agent."""
    of_harness = ["show", "--value", "--property=InvocationID", "hyperhive-harness.service"]
    return {
        agent: (
            hive.testbed.show(hive.unit(agent), "InvocationID"),
            hive.testbed.systemctl(f"--machine=h-{agent}", *of_harness),
        )
        for agent in agents
    }


def approved(hive: Hive, agent: str) -> dict[str, str]:
    """What was approved of an agent and deployed last, as root keeps it."""
    directory = hive.testbed.path(f"{DEPLOY}/approved/{agent}")
    return {file.name: file.read_text() for file in directory.glob("*")}


def log_of_deploys(hive: Hive) -> list[str]:
    """The first lines of the deploy repository's log, the newest first."""
    return hive.testbed.run([*GIT, DEPLOY, "log", "--format=%s"]).stdout.splitlines()


def refs(hive: Hive, repository: str) -> dict[str, str]:
    """What the refs of a repository on the host name."""
    lines = hive.testbed.run([*GIT, repository, "show-ref", "--head"], check=False).stdout
    return {ref: sha for sha, ref in map(str.split, lines.splitlines())}


def host_state(hive: Hive, *, deploying: bool = False) -> dict[str, str]:
    """What the host is like: each file with its mode, its owner and a digest of what is in it.

    Args:
        deploying: whether root may deploy meanwhile: then all that git keeps is left out, but
            for what refs name, and so is what the broker shows of the proposals.
    """
    state: dict[str, str] = {}
    for place in PLACES:
        if not (deploying and place.endswith("/proposals")):
            _look(hive.testbed.path(place), place, state)
    own = f"{DEPLOY}/.git/"
    # Of every run; of a moment; how often the last deploy was cut short.
    names = ("lock", "units-changed", "interrupted.json")
    passing = [f"{DEPLOY}/.reconciled/{name}" for name in names]
    state = {
        path: said
        for path, said in state.items()
        if path not in passing and not (deploying and path.startswith(own))
    }
    return state | {f"ref {ref}": sha for ref, sha in refs(hive, DEPLOY).items()}


def _look(place: Path, name: str, state: dict[str, str]) -> None:
    """Add what is at `place` and below to `state`; no link is followed."""
    seen = place.lstat()
    kind = f"{seen.st_mode:o} {seen.st_uid}:{seen.st_gid}"
    if stat.S_ISDIR(seen.st_mode):
        state[name] = kind
        for entry in place.iterdir():
            _look(entry, f"{name}/{entry.name}", state)
    elif stat.S_ISLNK(seen.st_mode):
        state[name] = f"{kind} -> {place.readlink()}"
    else:
        state[name] = f"{kind} {hashlib.sha256(place.read_bytes()).hexdigest()}"

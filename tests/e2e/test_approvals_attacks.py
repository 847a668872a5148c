"""Whoever asks for what nobody may have is refused, and the host is as it was before."""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from hyperhive.log_events import LogEvent
from hyperhive.render.network import link
from tests.e2e import proposing
from tests.e2e.environment import INTERPRETER
from tests.e2e.hive import DASHBOARD_PORT, Hive

pytestmark = pytest.mark.usefixtures("as_declared")

TOML: Final = 'model = "sonnet"\n'
# Commits an agent.toml and one more entry of the root tree, whatever its mode and name are; git
# itself would not. Its arguments are the mode, the name and what the entry holds.
ODD: Final = r"""
import subprocess, sys
def git(*words, data=b""):
    return subprocess.run(["git", *words], input=data, check=True, capture_output=True).stdout
def written(kind, data):
    words = ("hash-object", "-w", "--literally", "-t", kind, "--stdin")
    return git(*words, data=data).decode().strip()
mode, name, content = sys.argv[1], sys.argv[2], sys.argv[3].encode()
blob = written("blob", content)
inner = b"100644 agent.toml\0" + bytes.fromhex(blob)
held = written("tree", inner) if mode == "40000" else blob
entries = {name: (mode, held)}
entries.setdefault("agent.toml", ("100644", written("blob", b'model = "sonnet"\n')))
raw = b"".join(
    f"{mode} {name}\0".encode() + bytes.fromhex(sha)
    for name, (mode, sha) in sorted(entries.items())
)
print(git("commit-tree", "-m", "Odd", written("tree", raw)).decode().strip())
"""
# A message of JSON-RPC to a socket, and the answer to the request in it.
ASKS: Final = """
import json, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(10)
connection.connect(sys.argv[1])
for line in json.loads(sys.argv[2]):
    connection.sendall(json.dumps(line).encode() + b"\\n")
with connection.makefile() as answers:
    for answer in answers:
        if json.loads(answer).get("id") == 7:
            print(answer)
            break
"""
HELLO: Final[list[dict[str, Any]]] = [
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "odd", "version": "1"},
        },
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]


@pytest.fixture
def untouched(hive: Hive) -> Iterator[Hive]:
    """The hive, whose host and approvals are the same after the test as before."""
    proposing.call(hive, "list_approvals")
    before, runs = proposing.host_state(hive), proposing.runs(hive, "alice", "bob", "manager")
    asked = approvals(hive)
    yield hive
    assert proposing.host_state(hive) == before
    assert proposing.runs(hive, "alice", "bob", "manager") == runs
    assert approvals(hive) == asked


def approvals(hive: Hive) -> dict[int, str]:
    """The state of every approval."""
    with hive.client() as client:
        rows = client.approvals(agent=None, after=0, limit=1000, closed=True)
    return {row.id: str(row.state) for row in rows}


def refused(hive: Hive, agent: str, sha: str) -> str:
    """With which words a commit is refused."""
    said = proposing.call(hive, "request_apply_commit", agent=agent, commit=sha)
    assert "is pending" not in said
    return said


@pytest.mark.parametrize(
    ("mode", "name", "content"),
    [
        ("100644", "../bob/config/agent.toml", TOML),
        ("100644", "/etc/passwd", "root::0:0::/:/bin/sh\n"),
        ("40000", "..", TOML),
        ("40000", ".git", TOML),
        ("40000", "sub", TOML),
        ("120000", "agent.toml", "/etc/shadow"),
        ("120000", "README.md", "../../../../etc/hyperhive.token"),
        ("160000", "README.md", "module"),
        ("100755", "agent.toml", TOML),
        ("100644", ".gitattributes", "* filter=evil\n"),
        ("100644", ".gitmodules", '[submodule "a"]\n\tpath = a\n\turl = ext::touch /tmp/x\n'),
    ],
    ids=lambda value: value if len(value) < 30 else "",
)
def test_a_tree_with_what_may_not_be_in_it(
    untouched: Hive, mode: str, name: str, content: str
) -> None:
    script = f"python3 - {mode} {name} {shlex.quote(content)}"
    sha = proposing.shell(untouched, "alice", script, input=ODD)
    said = refused(untouched, "alice", sha)
    assert "not an ordinary file" in said or "which may not be there" in said


@pytest.mark.parametrize("agent", ["../bob", "alice/../bob", "/agents/alice", "nobody", "."])
def test_a_repository_that_is_no_agents(untouched: Hive, agent: str) -> None:
    sha = proposing.commit(untouched, "alice", {"agent.toml": TOML})
    assert "there is no agent" in refused(untouched, agent, sha)


@pytest.mark.parametrize("commit", ["main", "HEAD", "refs/heads/main", "{short}", "{upper}"])
def test_a_name_that_can_come_to_mean_something_else(untouched: Hive, commit: str) -> None:
    sha = proposing.commit(untouched, "alice", {"agent.toml": TOML})
    said = refused(untouched, "alice", commit.format(short=sha[:12], upper=sha.upper()))
    assert "git rev-parse HEAD" in said


@pytest.mark.parametrize(
    "toml",
    [
        'network = "host"',
        "uid_base = 0",
        'role = "manager"',
        "extra_nix = true",
        "nix_daemon = true",
        'state_version = "24.05"',
        'credentials = ["ANTHROPIC_API_KEY"]',
        'recipients = ["operator"]',
        '[limits]\nmemory = "64G"',
        '[[binds]]\nsource = "/etc"\ntarget = "/state/etc"',
        '[tools]\nallow = ["Bash"]',
        'claude = "/bin/sh"',
    ],
    ids=lambda toml: toml.split("\n")[0].split(" ")[0],
)
def test_settings_that_are_the_operators(untouched: Hive, toml: str) -> None:
    sha = proposing.commit(untouched, "alice", {"agent.toml": f"{toml}\n"})
    said = refused(untouched, "alice", sha)
    assert "bash.allow" in said, "it says what is allowed"


def test_extra_nix_where_the_operator_permits_none(untouched: Hive) -> None:
    sha = proposing.commit(untouched, "alice", {"agent.toml": TOML, "extra.nix": "{ }\n"})
    assert "extra_nix" in refused(untouched, "alice", sha)


def test_a_blob_of_a_gigabyte(untouched: Hive) -> None:
    script = (
        "truncate --size=1G README.md;"
        "git -c core.looseCompression=1 add --all; git commit --quiet --message Large;"
        "rm README.md; git rev-parse HEAD"
    )
    sha = proposing.shell(untouched, "alice", script)
    assert "64 KiB" in refused(untouched, "alice", sha)
    proposing.shell(untouched, "alice", "git reset --quiet --hard HEAD~; git gc --prune=now")


def test_only_the_manager_asks_for_commits_and_agents(untouched: Hive) -> None:
    sha = proposing.commit(untouched, "alice", {"agent.toml": TOML})
    matches = (f"MESSAGE_ID={LogEvent.TOOL_REFUSED}", "HYPERHIVE_AGENT=alice")
    calls: dict[str, dict[str, Any]] = {
        "request_apply_commit": {"agent": "alice", "commit": sha},
        "request_spawn": {"name": "eve"},
        "list_approvals": {},
        "cancel_approval": {"id": 1},
        "get_logs": {"agent": "bob", "lines": 10},
        "stop": {"agent": "bob"},
        "start": {"agent": "bob"},
        "restart": {"agent": "bob"},
    }
    for tool, arguments in calls.items():
        said = ask_mcp(untouched, "alice", tool, arguments)
        assert "error" in said or said["result"]["isError"], tool
    logged = untouched.testbed.journal(*matches, lines=100)
    assert all(tool in logged for tool in calls)
    listed = ask(untouched, "alice", "mcp.sock", [*HELLO, request("tools/list", {})])
    assert not {tool["name"] for tool in listed["result"]["tools"]} & set(calls)


@contextmanager
def pending(hive: Hive, agent: str) -> Iterator[int]:
    """An approval that waits for the operator, and still does at the end."""
    id = proposing.propose(hive, agent, {"agent.toml": "# Pending.\n"})
    before = proposing.host_state(hive)
    try:
        yield id
        assert approvals(hive)[id] == "pending"
        assert proposing.host_state(hive) == before
    finally:
        hive.hyperhive("deny", str(id), "--reason", "the test is done")


def test_no_agent_approves_over_any_socket(hive: Hive) -> None:
    with pending(hive, "alice") as id:
        for agent in ("alice", "manager"):
            for method in ("approve", "approve_approval", "approvals.approve", "begin_deploy"):
                said = ask_mcp(hive, agent, method, {"id": id})
                assert "error" in said or said["result"]["isError"]
                said = ask(hive, agent, "mcp.sock", [*HELLO, request(method, {"id": id})])
                assert "error" in said
                # Whoever says no hello first is not heard at all, and that is the harness's place.
                said = ask(hive, agent, "harness.sock", [request(method, {"id": id})], user="root")
                assert "result" not in said
            search = ["find", "/", "-xdev", "-name", "operator.sock"]
            assert hive.inside(agent, search, check=False).stdout == ""
            for host in (str(link(hive.uids(agent)).host), "127.0.0.1", "10.255.255.53"):
                words = ["curl", "--silent", "--max-time", "2", "--request", "POST", "--json", "{}"]
                url = f"http://{host}:{DASHBOARD_PORT}/api/v1/approvals/{id}/approve"
                done = hive.inside(agent, [*words, url], user="agent", check=False)
                assert (done.returncode in (7, 28), done.stdout) == (True, "")
        # The port asks for its token, whoever gets as far.
        url = f"http://127.0.0.1:{DASHBOARD_PORT}/api/v1/approvals/{id}/approve"
        words = ["curl", "--silent", "--write-out", "%{http_code}", "--request", "POST"]
        for more in ([], ["--header", "Authorization: Bearer wrong"]):
            done = hive.testbed.run([*words, "--json", "{}", *more, url])
            assert done.stdout.endswith("401")


def ask_mcp(hive: Hive, agent: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer to a call of a tool that an agent's own program makes."""
    lines = [*HELLO, request("tools/call", {"name": tool, "arguments": arguments})]
    return ask(hive, agent, "mcp.sock", lines)


def request(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """A request whose answer `ASKS` waits for."""
    return {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}


def ask(
    hive: Hive, agent: str, socket: str, lines: list[dict[str, Any]], *, user: str = "agent"
) -> dict[str, Any]:
    """The answer to a request from inside; empty if the connection was closed without one."""
    command: list[str] = [str(INTERPRETER), "-IS", "-c", ASKS]
    command += [f"/run/hyperhive/{socket}", json.dumps(lines)]
    if user == "root":
        command = ["setpriv", "--groups=agent", "--", *command]
    done = hive.inside(agent, command, user=user, check=False)
    said: dict[str, Any] = json.loads(done.stdout or "{}")
    return said


def deploy(hive: Hive, id: int | str) -> str:
    """Start the deploy unit of an approval, as only root and the broker can; its status."""
    unit = f"hyperhive-deploy@{id}.service"
    hive.testbed.run(["systemctl", "start", unit], check=False)
    status = hive.testbed.show(unit, "ExecMainStatus")
    hive.testbed.run(["systemctl", "reset-failed", unit], check=False)
    return status


def test_an_id_that_is_not_approved_or_was_deployed_deploys_nothing(hive: Hive) -> None:
    id = proposing.propose(hive, "alice", {"agent.toml": 'model = "opus"\n'})
    proposing.approve(hive, id)
    again = proposing.propose(hive, "alice", {"agent.toml": TOML})
    proposing.approve(hive, again)
    denied = proposing.propose(hive, "alice", {"agent.toml": "# Denied.\n"})
    hive.hyperhive("deny", str(denied), "--reason", "no")
    runs = proposing.runs(hive, "alice", "bob", "manager")
    with pending(hive, "alice") as waiting:
        for each in (id, again, denied, waiting, 999_999, "0", "1-2", "007"):
            assert deploy(hive, each) == "2", each
    assert proposing.runs(hive, "alice", "bob", "manager") == runs
    assert proposing.approved(hive, "alice") == {"agent.toml": TOML}


# What a manager, or whoever has taken over the broker's files, does once a commit is pinned.
LOOSE: Final = "find .git/objects -type f | grep -v pack | xargs -r chmod u+w"
AMENDED: Final = """
printf 'model = "opus"\\n' >agent.toml
git add agent.toml
git commit --quiet --amend --message Swapped
git reflog expire --expire=now --all
git gc --quiet --prune=now
"""


@pytest.mark.parametrize(
    "swap",
    [
        lambda hive: proposing.shell(hive, "alice", AMENDED),
        lambda hive: proposing.shell(hive, "alice", "cd /; rm -rf /agents/alice/config/.git"),
        lambda hive: swap_in_bare_repository(hive),
    ],
    ids=["amended", "deleted", "the broker's repository"],
)
def test_what_was_pinned_is_deployed_whatever_becomes_of_repositories(
    hive: Hive, swap: Callable[[Hive], object]
) -> None:
    toml = f"# {swap}\n[environment]\nPINNED = 'yes'\n"
    id = proposing.propose(hive, "alice", {"agent.toml": toml})
    swap(hive)
    proposing.approve(hive, id)
    assert proposing.settings(hive, "alice")["environment"]["PINNED"] == "yes"
    assert proposing.approved(hive, "alice") == {"agent.toml": toml}


def swap_in_bare_repository(hive: Hive) -> None:
    """Have every ref of the broker's repository name another commit, and lose what they named."""
    script = """
    cd /var/lib/hyperhive/proposals/alice
    git config user.name x; git config user.email x@y
    blob=$(printf 'model = "opus"\\n' | git hash-object -w --stdin)
    tree=$(printf '100644 blob %s\\tagent.toml\\n' $blob | git mktree)
    other=$(git commit-tree -m Swapped $tree)
    git for-each-ref --format='%(refname)' | while read -r ref; do git update-ref $ref $other; done
    git reflog expire --expire=now --all
    git gc --quiet --prune=now
    """
    hive.testbed.run(["sh", "-ec", script], user="hyperhive")


def test_a_broker_that_hands_over_other_files_than_were_approved(hive: Hive) -> None:
    other = proposing.propose(hive, "bob", {"agent.toml": 'model = "opus"\n'})
    id = proposing.propose(hive, "alice", {"agent.toml": TOML})
    before, runs = proposing.host_state(hive, deploying=True), proposing.runs(hive, "alice")
    swap = f"""
import sqlite3
db = sqlite3.connect("/var/lib/hyperhive/hive.sqlite")
db.execute("UPDATE approvals SET (files, objects) ="
           " (SELECT files, objects FROM approvals WHERE id = {other}) WHERE id = {id}")
db.commit()
"""
    hive.testbed.systemctl("stop", "hyperhive.service")
    hive.testbed.run(["python3", "-c", swap], user="hyperhive")
    hive.testbed.systemctl("start", "hyperhive.service")
    said = proposing.approve(hive, id, "failed")
    assert "is not" in said
    assert proposing.host_state(hive, deploying=True) == before
    hive.wait_states({"alice": "idle"})
    assert proposing.runs(hive, "alice") == runs
    hive.hyperhive("deny", str(other), "--reason", "the test is done")


def test_nothing_that_a_repository_names_is_run(hive: Hive) -> None:
    script = r"""
    mark='touch /agents/alice/config/RAN /tmp/RAN /var/lib/hyperhive/RAN'
    mkdir -p .git/hooks .git/info
    for hook in pre-commit post-checkout post-index-change reference-transaction pre-receive \
        update post-update post-receive; do
        printf '#!/bin/sh\n%s\n' "$mark" >.git/hooks/$hook
        chmod +x .git/hooks/$hook
    done
    git config core.fsmonitor "$mark;"
    git config core.sshCommand "$mark;"
    git config core.pager "$mark;"
    git config filter.evil.clean "$mark; cat"
    git config filter.evil.smudge "$mark; cat"
    git config filter.evil.required true
    git config diff.evil.textconv "$mark; cat"
    git config diff.external "$mark;"
    git config uploadpack.packObjectsHook "$mark;"
    git config extensions.partialClone origin
    git config remote.origin.url "ext::sh -c $mark"
    git config remote.origin.promisor true
    git config protocol.ext.allow always
    echo '* filter=evil diff=evil' >.git/info/attributes
    """
    sha = proposing.commit(hive, "alice", {"agent.toml": "# Hooks.\n"})
    try:
        proposing.shell(hive, "alice", script)
        id = proposing.request(hive, "alice", sha)
        hive.hyperhive("show", str(id))
        proposing.approve(hive, id)
        # An object that is missing would be fetched.
        assert "is not in" in refused(hive, "alice", "0123456789" * 4)
    finally:
        proposing.shell(hive, "alice", "cd /; rm -rf /agents/alice/config/.git")
    search = ["find", "/", "-xdev", "-name", "RAN"]
    assert hive.inside("manager", search, check=False).stdout == ""
    places = ["/", "/tmp", "/var/lib/hyperhive"]
    found = hive.testbed.run(["find", *places, "-xdev", "-name", "RAN"], check=False)
    assert found.stdout == ""

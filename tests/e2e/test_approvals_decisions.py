"""Nobody but the operator decides, and what was decided counts once."""

import json
from typing import Any, Final

import pytest

from hyperhive.log_events import LogEvent
from hyperhive.render.network import link
from tests.e2e import proposing
from tests.e2e.environment import INTERPRETER
from tests.e2e.hive import DASHBOARD_PORT, Hive

pytestmark = pytest.mark.usefixtures("as_declared")

TOML: Final = 'model = "sonnet"\n'
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


def test_no_agent_approves_over_any_socket(hive: Hive) -> None:
    with proposing.pending(hive, "alice") as id:
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
    with hive.client() as client:
        client.deny(denied, "no")
    runs = proposing.runs(hive, "alice", "bob", "manager")
    with proposing.pending(hive, "alice") as waiting:
        for each in (id, denied, waiting, 999_999, "007"):
            assert deploy(hive, each) == "2", each
    assert proposing.runs(hive, "alice", "bob", "manager") == runs
    assert proposing.approved(hive, "alice") == {"agent.toml": TOML}

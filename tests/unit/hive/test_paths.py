from pathlib import Path

from hyperhive.hive.names import AgentName
from hyperhive.hive.paths import StatePaths


def test_paths_of_a_host() -> None:
    paths = StatePaths.host_default()
    agent = paths.agent(AgentName("alice"))
    assert [str(path) for path in (
        paths.store,
        paths.operator_token,
        paths.operator_socket,
        paths.deploy,
        paths.approved,
        paths.proposed,
        paths.proposals,
        agent.state,
        agent.notes,
        agent.work,
        agent.claude,
        agent.proposed,
        agent.config,
        agent.proposals,
        agent.harness_socket,
        agent.mcp_socket,
        agent.pty_socket,
    )] == [
        "/var/lib/hyperhive/hive.sqlite",
        "/var/lib/hyperhive/operator.token",
        "/run/hyperhive/operator.sock",
        "/var/lib/hyperhive/deploy",
        "/var/lib/hyperhive/deploy/approved",
        "/var/lib/hyperhive/proposed",
        "/var/lib/hyperhive/proposals",
        "/var/lib/hyperhive/agents/alice/state",
        "/var/lib/hyperhive/agents/alice/state/notes.md",
        "/var/lib/hyperhive/agents/alice/state/work",
        "/var/lib/hyperhive/agents/alice/claude",
        "/var/lib/hyperhive/proposed/alice",
        "/var/lib/hyperhive/proposed/alice/config",
        "/var/lib/hyperhive/proposals/alice",
        "/run/hyperhive/agents/alice/harness.sock",
        "/run/hyperhive/agents/alice/mcp.sock",
        "/run/hyperhive/agents/alice/pty.sock",
    ]  # fmt: skip


def test_a_local_hive_keeps_everything_in_its_state_directory(tmp_path: Path) -> None:
    paths = StatePaths.local(tmp_path)
    agent = paths.agent(AgentName("a"))
    assert paths.operator_socket == tmp_path / "run" / "operator.sock"
    for path in (paths.store, paths.agents, agent.home, agent.settings, agent.mcp_socket):
        assert path.is_relative_to(tmp_path)

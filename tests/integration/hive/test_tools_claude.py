"""What a model gets to see of the tools' answers, through the real claude CLI."""

import json
from pathlib import Path
from typing import Final

import pytest

from hyperhive.broker.mail import MAX_BODY
from hyperhive.broker.tools.mail import MAX_TAKE
from hyperhive.operator.models import NewMessage
from tests.integration.hive.local import up, wait_for
from tests.scripted_api import ScriptedApi
from tests.scripted_steps import Call, Step, ToolUse

pytestmark = pytest.mark.claude

HIVE: Final = """
[hive]
name = "lab"
model = "claude-sonnet-5-5"
[agents.alice]
environment = {{ ANTHROPIC_BASE_URL = "{url}" }}
"""

STEPS: Final = [
    ToolUse("mcp__hyperhive__recv", {"wait_seconds": 60, "max": MAX_TAKE}),
    ToolUse(
        "mcp__hyperhive__ask_operator",
        {"question": "Which?", "options": ["tea", "coffee"], "wait": True},
    ),
    ToolUse("mcp__hyperhive__answer", {"id": 9, "text": "?"}),
    ToolUse("mcp__hyperhive__nap", {"seconds": 600}),
]


def model(call: Call) -> Step:
    """The model: one tool after the other."""
    done = len(call.results)
    return Step(tools=[STEPS[done]]) if done < len(STEPS) else Step(text="Done.")


def test_a_model_sees_whole_messages_and_what_each_tool_says(
    tmp_path: Path, claude_cli: Path
) -> None:
    file = tmp_path / "hive.toml"
    body = '\x01"é\n' * (MAX_BODY // 5)
    with ScriptedApi(model) as api:
        file.write_text(HIVE.format(url=api.url))
        key = {"ANTHROPIC_API_KEY": "dummy"}
        with up(file, tmp_path / "state", str(claude_cli), key) as hive:
            hive.wait_states(alice="idle")
            hive.run("send", "alice", "go")
            api.wait_for_calls(1)
            with hive.client() as client:
                client.send(NewMessage(to="alice", body=body))
            wait_for("the question", lambda: hive.ask("questions"))
            hive.run("answer", "1", "--option", "2")
            hive.wait_states(alice="napping")
        received, answered, refused, napping = api.calls[-1].results
    (message,) = json.loads(received)["messages"]
    assert message["body"] == body
    answer = json.loads(answered)
    assert (answer["state"], answer["answer"]) == ("answered", ["coffee"])
    assert "operator answered question 1" in answer["text"]
    assert refused.startswith("there is no question 9 put to you: the pending tool lists")
    assert json.loads(napping)["text"].startswith("End your turn now")

"""What the operator does goes to the journal, with the agent that it was done to."""

import logging
from pathlib import Path

import pytest

from hyperhive.log_events import LogEvent
from tests.integration.operator.serving import Operator, with_operator


def test_what_changed_something_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "hyperhive.operator.action_log")

    async def body(operator: Operator) -> None:
        await operator.ask("POST", "agents/alice/pause", {"reason": "lunch"})
        await operator.ask("PUT", "agents/manager/model", {"model": "opus"})
        await operator.ask("POST", "agents/alice/resume")

    with_operator(tmp_path, body)
    event = {"MESSAGE_ID": LogEvent.OPERATOR_ACTED}
    assert [(record.getMessage(), record.__dict__["journal"]) for record in _logged(caplog)] == [
        ("operator: POST /agents/alice/pause", {**event, "HYPERHIVE_AGENT": "alice"}),
        ("operator: PUT /agents/manager/model", {**event, "HYPERHIVE_AGENT": "boss"}),
        ("operator: POST /agents/alice/resume", {**event, "HYPERHIVE_AGENT": "alice"}),
    ]


def test_looking_and_what_is_refused_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hyperhive.operator.action_log")

    async def body(operator: Operator) -> None:
        await operator.ask("GET", "agents")
        await operator.ask("POST", "messages", {"to": "bob", "body": "hello"}, status=201)
        await operator.ask("POST", "messages/read", {"ids": []})
        await operator.refused("POST", "agents/eve/pause", {"reason": "lunch"}, status=404)
        await operator.refused("POST", "agents/alice/start", status=409)
        await operator.refused("POST", "nothing", status=404)

    with_operator(tmp_path, body)
    assert _logged(caplog) == []


def _logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [one for one in caplog.records if one.name == "hyperhive.operator.action_log"]

"""kill -9 of the broker, a harness or claude, at any moment: no message and no answer is lost, and
none comes twice without saying so."""

import json
import random
import re
import shlex
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from hyperhive.hive.load import parse_hive
from hyperhive.operator.client import OperatorClient
from hyperhive.operator.models import Event, Message, NewMessage, Question
from hyperhive.testing.scripted_claude import launcher
from tests.integration.hive.kill import DEADLINE, KillableHive, running

KILLS: Final = 50
"""Of each victim."""

VICTIMS: Final = ("broker", "harness", "claude")

LONGEST: Final = 0.25
"""Seconds between two kills at most: about half a turn."""

SCRIPT: Final = [
    {
        "when": {"agent": "alice", "from": "operator"},
        "do": [
            {
                "tool": "mcp__hyperhive__send",
                "input": {"to": "bob", "body": "pong {body}", "idempotency_key": "pong-{id}"},
            }
        ],
    },
    {
        "when": {"agent": "bob", "from": "alice", "matches": "[05]$"},
        "do": [{"tool": "mcp__hyperhive__ask_operator", "input": {"question": "keep {body}?"}}],
    },
    {"do": [{"say": "Noted."}]},
]


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_comes_twice_unsaid(tmp_path: Path) -> None:
    moments = random.Random("one seed, the same moments")
    victims = [victim for victim in VICTIMS for _ in range(KILLS)]
    moments.shuffle(victims)
    script, prompts = tmp_path / "script.json", tmp_path / "prompts"
    script.write_text(json.dumps(SCRIPT))
    prompts.mkdir()
    hive = parse_hive(
        {
            "hive": {"name": "lab"},
            "agents": {
                name: {"environment": {"SCRIPTED_CLAUDE_SCRIPT": str(script)}}
                for name in ("alice", "bob")
            },
        },
        "test",
    )
    claude = _noting_prompts(launcher(tmp_path), prompts, tmp_path / "claude.sh")
    sent: list[int] = []
    with running(hive, tmp_path / "state", claude) as it:
        for number, victim in enumerate(victims):
            if number % len(VICTIMS) == 0:
                new = NewMessage(to="alice", body=f"ping {number}", idempotency_key=str(number))
                sent.append(it.send(new))
            time.sleep(moments.uniform(0, LONGEST))  # the moment is the point
            _kill(it, victim, moments)
        messages = _settled(it, sent)
        questions = it.ask(
            lambda broker: broker.questions(agent="bob", after=0, limit=1000, closed=True)
        )
        repeats = it.ask(lambda broker: broker.events(agent=None, after=0, limit=1000))
        crashes = _crashes(it)
    assert len(set(sent)) == KILLS
    _nothing_lost(messages, sent)
    _every_question_answered(messages, questions)
    _nothing_twice_unsaid(prompts)
    assert any(event.kind == "requeued" for event in repeats), "no kill hit a turn: kill faster"
    _each_crash_told(crashes, messages)


def _crashes(it: KillableHive) -> list[Event]:
    """Every harness that is said to have died."""
    found: list[Event] = []
    after = 0
    while page := it.ask(partial(OperatorClient.events, agent=None, after=after, limit=1000)):
        found += [event for event in page if event.kind == "harness_crash"]
        after = page[-1].id
    return found


def _each_crash_told(crashes: list[Event], messages: list[Message]) -> None:
    """Only harnesses that were killed are said to have died. Not all of them: one may not have been
    connected yet, or its broker was killed before it could notice. The operator, who reads nothing,
    is told once of each agent's."""
    assert KILLS / 3 < len(crashes) <= KILLS
    notices = [json.loads(m.body) for m in messages if m.body.startswith("{")]
    assert {notice["event"] for notice in notices} == {"harness_crash"}
    first = {event.agent: event.turn for event in reversed(crashes)}
    assert [(notice["agent"], notice["turn"]) for notice in notices] == [
        (agent, first[agent]) for agent in dict.fromkeys(event.agent for event in crashes)
    ]


def _noting_prompts(claude: Path, prompts: Path, wrapper: Path) -> Path:
    """A claude that leaves each prompt it is given in a file of its own, then does its work."""
    note = f"p={shlex.quote(str(prompts))}/$$; cat > $p.new; mv $p.new $p; exec < $p"
    real = shlex.quote(str(claude))
    wrapper.write_text(f'#!/bin/sh\ncase "$*" in *--print*) {note};; esac\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def _kill(it: KillableHive, victim: str, moments: random.Random) -> None:
    agent = moments.choice(["alice", "bob"])
    match victim:
        case "broker":
            it.broker.end(signal.SIGKILL)
            it.broker.start()
        case "harness":
            it.harnesses[agent].end(signal.SIGKILL)
            it.harnesses[agent].start()
        case _:
            it.harnesses[agent].kill_claude()
    _let_go_on(it)


def _let_go_on(it: KillableHive) -> None:
    """Answers what is asked, and ends the pause after failed turns: the operator can."""
    for question in it.ask(lambda broker: broker.questions(agent=None, after=0, limit=1000)):
        it.answer(question.id, f"{question.question} yes")
    for agent in it.harnesses:
        it.resume(agent)


def _settled(it: KillableHive, sent: list[int]) -> list[Message]:
    """All messages, once none of the agents' is on its way any more."""
    deadline = time.monotonic() + DEADLINE

    while True:
        _let_go_on(it)
        messages = it.messages()
        waiting = [
            m for m in messages if m.state in ("queued", "leased") and m.recipient != "operator"
        ]
        open_questions = it.ask(lambda broker: broker.questions(agent=None, after=0, limit=9))
        if not waiting and not open_questions and len(messages) >= len(sent):
            return messages
        assert time.monotonic() < deadline, f"waited {DEADLINE:g} s for {waiting}"
        time.sleep(0.1)


def _nothing_lost(messages: list[Message], sent: list[int]) -> None:
    """Every ping was handled and has its pong; what was given up the operator was told of."""
    told = {m.in_reply_to for m in messages if m.sender == "system"}
    dead = {m.id for m in messages if m.state == "dead"}
    assert dead <= told
    by_id = {m.id: m for m in messages}
    assert all(by_id[id].state in ("acked", "dead") for id in sent)
    pongs = Counter(m.body for m in messages if m.sender == "alice")
    for id in sent:
        if by_id[id].state == "acked":
            assert pongs[f"pong {by_id[id].body}"] == 1


def _every_question_answered(messages: list[Message], questions: list[Question]) -> None:
    """Bob asked of some pongs, and each question has one answer, which is its own."""
    pongs = [m.body for m in messages if m.sender == "alice" and m.state == "acked"]
    to_ask = {f"keep {body}?" for body in pongs if body.endswith(("0", "5"))}
    assert to_ask
    assert to_ask <= {question.question for question in questions}
    answers = Counter(m.about for m in messages if m.kind == "answer")
    assert answers == Counter({question.id: 1 for question in questions})
    asked = {question.id: question.question for question in questions}
    for message in messages:
        if message.kind == "answer":
            assert message.about is not None
            assert message.body == f"{asked[message.about]} yes"
            assert message.state in ("acked", "dead")


def _nothing_twice_unsaid(prompts: Path) -> None:
    """Of all prompts with one message, at most one does not say that it may be a repeat."""
    first: Counter[int] = Counter()
    for path in prompts.iterdir():
        if path.suffix == ".new":
            continue  # claude was killed before it had read its prompt
        text = path.read_text()
        if not text:
            continue  # the harness was killed before it had written it
        found = re.search(r"^id: (\d+)$", text, re.M)
        if found is None:
            continue  # its harness was killed before it had written the prompt
        if not re.search(r"^repeat: ", text, re.M):
            first[int(found[1])] += 1
    assert first
    assert max(first.values()) == 1

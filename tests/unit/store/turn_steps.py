"""Steps of the state machine: turns, harnesses, the operator's wishes, crashes."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from hypothesis import strategies as st

from hyperhive.broker.harness_session import gone
from hyperhive.broker.outcomes import FAILURE_DELAYS
from hyperhive.hive.names import HIVE_SERVER, OPERATOR
from hyperhive.store import agents, cancelling, compaction, messages, naps, turns
from hyperhive.store.agents import Compaction, Nap
from hyperhive.store.cancelling import NothingToCancelError
from hyperhive.store.compaction import NothingToCompactError
from hyperhive.store.container_rows import Link
from hyperhive.store.messages import NewMessage
from hyperhive.store.model_choice import override_model
from hyperhive.store.settlement import Cancellation, Fate
from hyperhive.store.transaction import Transaction
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnEventKind, TurnKind
from tests.unit.store.checked_hive import NAMES
from tests.unit.store.living_hive import LivingHive, do_due, step
from tests.unit.store.message_steps import PICK

NAME: Final = st.sampled_from(NAMES)
ENDS: Final = st.sampled_from([OutcomeKind.OK, OutcomeKind.OK, OutcomeKind.FAILED, *OutcomeKind])
TOLD: Final = st.fixed_dictionaries(
    {
        "detail": st.sampled_from(["", "so it is"]),
        "context_tokens": st.sampled_from([None, 10, 90]),
        "context_window": st.sampled_from([None, 100]),
        "notes_bytes": st.sampled_from([None, 10, 100_000]),
        "mcp_failed": st.sampled_from([[], [], [], [HIVE_SERVER]]),
        "session_missing": st.booleans(),
        "no_claude": st.sampled_from([False, False, False, True]),
    }
)
"""What an outcome tells beside its kind."""


class TurnSteps(LivingHive):
    """What the scheduler, the harnesses and the operator do."""

    @step(when=LivingHive.connected, often=3, pick=PICK)
    def scheduler_looks(self, pick: int) -> None:
        self.look(self.one(pick, self.connected()))

    @step(
        when=LivingHive.running,
        often=3,
        pick=PICK,
        kind=ENDS,
        told=TOLD,
        retry=st.sampled_from([None, 30.0]),
    )
    def turn_ends(
        self, pick: int, kind: OutcomeKind, told: dict[str, Any], retry: float | None
    ) -> None:
        agent, now = self.one(pick, self.running()), self.tick()
        if agent.link is Link.CONNECTED:
            retry_at = None if retry is None else now + retry
            self.end(agent, Outcome(kind, retry_at=retry_at, **told))

    @step(
        when=LivingHive.running,
        pick=PICK,
        times=st.integers(2, 6),
        kind=st.sampled_from([None, OutcomeKind.FAILED, OutcomeKind.PROMPT_TOO_LONG]),
    )
    def turns_end_badly(self, pick: int, times: int, kind: OutcomeKind | None) -> None:
        """One after the other; without an outcome: with the harness, which comes again."""
        agent = self.one(pick, self.running())
        for _ in range(times):
            if agent.turn is None or agent.link is not Link.CONNECTED:
                return
            if kind is None:
                self.leave(agent)
                self.hello(agent, keep=False, claude=True)
            else:
                self.end(agent, Outcome(kind, "it broke"))
            self.check()
            self.now += FAILURE_DELAYS[-1]
            self.look(agent)

    @step(
        when=LivingHive.running,
        pick=PICK,
        session=st.booleans(),
        status=st.sampled_from(["compacting", "success"]),
    )
    def claude_tells(self, pick: int, session: bool, status: str) -> None:
        agent, now = self.one(pick, self.running()), self.tick()
        assert agent.turn is not None
        turn = agent.turn
        if session:
            event = TurnEvent(1, now, TurnEventKind.INIT, {"session": f"of {turn.id}"})
        else:
            event = TurnEvent(2, now, TurnEventKind.COMPACTION, {"status": status})
        for _ in range(2):  # events may be said again
            self.store.write(turns.record, agent.name, turn.id, [event], now=now)
        if session and turn.kind is not TurnKind.NOTES:
            agent.session = f"of {turn.id}"
        elif not session and turn.kind is TurnKind.MESSAGE:
            turn.compacting = status == "compacting"

    @step(
        when=LivingHive.away,
        pick=PICK,
        keep=st.booleans(),
        claude=st.sampled_from([True, True, True, False]),
    )
    def harness_says_hello(self, pick: int, keep: bool, claude: bool) -> None:
        self.hello(self.one(pick, self.away()), keep=keep, claude=claude)

    @step(when=LivingHive.connected, pick=PICK, why=st.sampled_from([None, None, "told to"]))
    def harness_goes(self, pick: int, why: str | None) -> None:
        self.leave(self.one(pick, self.connected()), why)

    @step(when=LivingHive.away, pick=PICK)
    def container_starts(self, pick: int) -> None:
        agent, now = self.one(pick, self.away()), self.tick()
        self.store.write(agents.set_link, agent.name, Link.STARTING, "", now=now)
        agent.link = Link.STARTING

    @step(when=LivingHive.talking, pick=PICK, seconds=st.sampled_from([5.0, 90.0, 900.0]))
    def naps(self, pick: int, seconds: float) -> None:
        agent, now = self.one(pick, self.talking()), self.tick()
        self.store.write(naps.begin_nap, agent.name, now + seconds, "tired", now=now)
        agent.nap = Nap(now, now + seconds, "tired")
        self.promises.told.append(("nap", agent.name))

    @step(name=NAME, fate=st.sampled_from([Fate.DONE, Fate.BACK, Fate.DROPPED]))
    def operator_cancels(self, name: str, fate: Fate) -> None:
        now, wish = self.tick(), Cancellation(fate, "by the operator")
        agent = self.agents[name]
        if agent.cancel(self.promises, fate):
            done = self.store.write(cancelling.cancel, name, wish, now=now)
            assert done.turn == (agent.turn and agent.turn.id)
        else:
            with pytest.raises(NothingToCancelError):
                self.store.write(cancelling.cancel, name, wish, now=now)

    @step(name=NAME, model=st.sampled_from([None, "haiku", "opus"]))
    def operator_chooses_a_model(self, name: str, model: str | None) -> None:
        agent, now = self.agents[name], self.tick()
        self.store.write(override_model, name, model, by=OPERATOR, now=now)
        agent.override = model
        agent.choose(self.promises)

    @step(name=NAME, what=st.sampled_from([*Compaction, "notes", "new"]))
    def operator_has_it_shorter(self, name: str, what: str) -> None:
        agent, now = self.agents[name], self.tick()
        match what:
            case "new":
                self.store.write(compaction.begin_anew, name, "why", now=now)
                agent.new_session = agent.turn is not None
                agent.session = None if agent.turn is None else agent.session
                agent.compaction = None
                agent.too_long.clear()
                self.promises.told.append(("new_session", name))
            case "notes":
                self._request(agent.notes_bytes, compaction.request_notes, name, "why")
                agent.notes_due |= agent.notes_bytes > 0
            case _:
                can = agent.session is not None or agent.turn is not None
                step = Compaction(what)
                self._request(can, compaction.request_compaction, name, step, "why")
                agent.compaction = step if can else agent.compaction

    def _request(self, can: object, request: Callable[..., None], name: str, *args: object) -> None:
        if not can:
            with pytest.raises(NothingToCompactError):
                self.store.write(request, name, *args, now=self.now)
            return
        self.store.write(request, name, *args, now=self.now)
        kind = "notes_due" if request is compaction.request_notes else "compaction_due"
        self.promises.told.append((kind, name))

    @step(
        declared=st.sampled_from([NAMES, NAMES, NAMES[:1]]),
        model=st.sampled_from(["haiku", "haiku", "sonnet"]),
        during=st.sampled_from([None, "send", "begin", "gone", "due"]),
        name=NAME,
        back=st.booleans(),
        boot=st.sampled_from(["one", "one", "two"]),
    )
    def broker_is_gone(
        self,
        declared: Sequence[str],
        model: str,
        during: str | None,
        name: str,
        back: bool,
        boot: str,
    ) -> None:
        """In order, or killed before an operation was committed: nothing of that is there."""
        now = self.tick()
        lost: dict[str, Callable[[Transaction], Any]] = {
            "send": lambda tx: messages.send(tx, NewMessage(OPERATOR, name, "x"), now=now),
            "begin": lambda tx: turns.begin(
                tx, name, fresh_session="lost", wake_for_operator=True, now=now
            ),
            "gone": lambda tx: gone(tx, name, None, now=now),
            "due": lambda tx: do_due(tx, now=now),
        }
        if during is None:
            self.store.restart()
        else:
            self.store.crash(lost[during])
        self.begin_broker(declared, model, boot)
        if back:
            for agent in self.away():
                self.hello(agent, keep=True, claude=True)

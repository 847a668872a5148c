"""What the store promises of agents and their turns, as a model in plain Python."""

from dataclasses import dataclass, field
from typing import Final

from hyperhive.hive.names import HIVE_SERVER, OPERATOR
from hyperhive.store.agents import AgentState, Compaction, Hold, HoldKind, Nap
from hyperhive.store.container_rows import Link
from hyperhive.store.settlement import Fate, Settlement
from hyperhive.store.turn_ends import MAX_LOST
from hyperhive.store.turns import NAP_GRACE
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind
from tests.unit.store.promised_containers import PromisedContainer
from tests.unit.store.promises import Promises

HELD: Final = {
    HoldKind.RATE_LIMITED: AgentState.RATE_LIMITED,
    HoldKind.NEEDS_LOGIN: AgentState.NEEDS_LOGIN,
}
TALKING: Final = (TurnKind.MESSAGE, TurnKind.CHECKPOINT)
"""Kinds of turns in which an agent has the hive's tools."""

OVERDUE: Final = "overdue"


@dataclass(slots=True)
class Running:
    """The turn that an agent runs.

    Attributes:
        told: whether the harness has been told to end it.
        compacting: whether its state is to be compacting.
    """

    id: int
    kind: TurnKind
    message: int | None
    model: str
    compacting: bool
    cut: bool = False
    wish: Fate | None = None
    told: bool = False


@dataclass(slots=True)
class Promised:
    """What is known of an agent, and what the scheduler knows of it.

    Attributes:
        look: whether a commit since the last look has woken it.
        timer: when the scheduler is to look again by itself.
        too_long: messages that were returned uncounted because the prompt was too long, since the
            conversation was last known to fit.
    """

    name: str
    declared: bool = True
    link: Link = Link.OFFLINE
    paused: bool = False
    hold: Hold | None = None
    nap: Nap | None = None
    turn: Running | None = None
    failures: int = 0
    session: str | None = None
    compaction: Compaction | None = None
    notes_due: bool = False
    notes_bytes: int = 0
    new_session: bool = False
    chosen: tuple[str, str] = ("", "")
    declared_model: str = ""
    override: str | None = None
    container: PromisedContainer = field(init=False)
    look: bool = False
    timer: float | None = None
    too_long: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.container = PromisedContainer(self.name)

    def state(self) -> AgentState:
        """What every list has to say of the agent."""
        if self.link is not Link.CONNECTED:
            return AgentState(self.link)
        if self.turn is not None:
            return AgentState.COMPACTING if self.turn.compacting else AgentState.THINKING
        if self.paused:
            return AgentState.PAUSED
        if self.hold is not None:
            return HELD.get(self.hold.kind, AgentState.FAILED)
        return AgentState.IDLE if self.nap is None else AgentState.NAPPING

    def due(self, promises: Promises, *, wakes: bool, now: float) -> str | None:
        """What a look at the agent has to begin, if anything."""
        if self.link is not Link.CONNECTED:
            return None
        if self.turn is not None:
            napping = self.nap is not None and self.nap.until > now
            slow = napping and self.nap is not None and now >= self.nap.since + NAP_GRACE
            return OVERDUE if self.turn.wish is not None or slow else None
        held = self.hold is not None and (self.hold.until is None or self.hold.until > now)
        if self.paused or held:
            return None
        queued = promises.queued(self.name)
        if self.nap is not None and self.nap.until > now:
            senders = {promises.letters[id].new.sender for id in queued}
            if not (wakes and OPERATOR in senders):
                return None
        if self.compaction is not None and self.session is not None:
            return self.compaction
        if queued:
            return TurnKind.MESSAGE
        return TurnKind.NOTES if self.notes_due else None

    def waits_end(self, promises: Promises, *, wakes: bool, now: float) -> None:
        """A look ends the waits whose time is over."""
        if self.hold is not None and self.hold.until is not None and self.hold.until <= now:
            self.hold = None
        if self.nap is None:
            return
        senders = {promises.letters[id].new.sender for id in promises.queued(self.name)}
        woken = wakes and self.turn is None and OPERATOR in senders
        if self.nap.until <= now or woken:
            self.end_nap(promises)

    def end_nap(self, promises: Promises) -> bool:
        if self.nap is None:
            return False
        self.nap = None
        promises.told.append(("nap_ended", self.name))
        return True

    def end_hold(self, *kinds: HoldKind) -> bool:
        if self.hold is None or self.hold.kind not in kinds:
            return False
        self.hold = None
        return True

    @property
    def model(self) -> str:
        return self.chosen[0]

    def choose(self, promises: Promises) -> None:
        """What the operator set holds from the next turn on, else what is declared."""
        before, layer = self.chosen, "hive" if self.override is None else "override"
        self.chosen = (self.declared_model if self.override is None else self.override, layer)
        if self.chosen == before or not before[0]:
            return
        promises.told.append(("model", self.name))
        if self.model != before[0]:
            self.end_hold(HoldKind.UNKNOWN_MODEL)

    def begun(self, promises: Promises, turn: Running) -> None:
        assert self.turn is None
        self.turn = turn
        promises.told.append(("turn_started", self.name))

    def cancel(self, promises: Promises, fate: Fate) -> bool:
        """Whether there was anything to cancel."""
        ended = self.turn is not None
        if self.turn is not None:
            self.turn.wish, self.turn.told = fate, False
        ended |= self.end_nap(promises)
        ended |= self.end_hold(HoldKind.RATE_LIMITED, HoldKind.FAILED)
        ended |= self.compaction is not None or self.notes_due
        self.compaction, self.notes_due = None, False
        if ended:
            self.failures = 0
            promises.told.append(("cancel", self.name))
        return ended

    def finished(self, promises: Promises, outcome: Outcome, after: Settlement, now: float) -> None:
        """The running turn has ended, and this was decided to follow from it."""
        turn = self._ended(promises, after.fate, now)
        assert after.fate in fates(outcome, turn), f"{outcome.kind}, {turn}: {after.fate}"
        self._count_too_long(outcome, after, turn)
        if turn.kind is not TurnKind.NOTES:
            self.session = outcome.session or self.session
        self.hold, self.failures = after.hold, after.failures
        self.notes_bytes = outcome.notes_bytes or self.notes_bytes
        self._goes_on(after.forget_session, after.compaction, after.notes_due is not None)

    def lost(self, promises: Promises, now: float, *, failed: bool = True) -> int | None:
        """The harness is gone, and with it the running turn, which has failed or not."""
        if self.turn is None:
            return None
        wish = self.turn.wish
        fate = Fate.FAILED if failed else Fate.BACK
        turn = self._ended(promises, fate if wish is None else wish, now)
        self.failures += failed and turn.kind is not TurnKind.MESSAGE
        due = self.failures < MAX_LOST
        self._goes_on(False, self.compaction if due else None, self.notes_due and due)
        return turn.id

    def _ended(self, promises: Promises, fate: Fate, now: float) -> Running:
        turn = self.turn
        assert turn is not None
        self.turn = None
        promises.told.append(("turn_finished", self.name))
        promises.settle(turn.id, fate, now)
        return turn

    def _goes_on(self, forget: bool, compaction: Compaction | None, notes_due: bool) -> None:
        if forget or self.new_session:
            self.session = compaction = None
        if self.new_session:
            # What did not fit into the old conversation is tried in one that the operator began.
            self.too_long.clear()
        self.compaction, self.notes_due, self.new_session = compaction, notes_due, False

    def _count_too_long(self, outcome: Outcome, after: Settlement, turn: Running) -> None:
        """Compact, then try again once: no message is returned uncounted twice in a row."""
        if outcome.kind is OutcomeKind.OK and turn.kind in TALKING:
            self.too_long.clear()
            return
        counted = after.fate is not Fate.BACK or turn.wish is not None or outcome.no_claude
        if outcome.kind is OutcomeKind.PROMPT_TOO_LONG and turn.message is not None and not counted:
            assert turn.message not in self.too_long, "returned uncounted again and again"
            self.too_long.add(turn.message)


def fates(outcome: Outcome, turn: Running) -> set[Fate]:
    """What may become of the messages of a turn that ended so."""
    if outcome.kind is OutcomeKind.OK:
        if turn.wish is not None and (turn.cut or HIVE_SERVER in outcome.mcp_failed):
            return {turn.wish}
        if turn.kind not in TALKING:
            return {Fate.DONE}
        if turn.kind is TurnKind.MESSAGE and HIVE_SERVER in outcome.mcp_failed:
            return {Fate.FAILED}
        return {Fate.BACK} if turn.cut else {Fate.DONE}
    if turn.wish is not None:
        return {turn.wish}
    if outcome.no_claude:
        return {Fate.BACK}
    match outcome.kind:
        case OutcomeKind.FAILED | OutcomeKind.TIMEOUT:
            return {Fate.FAILED} if turn.kind is TurnKind.MESSAGE else {Fate.BACK}
        case OutcomeKind.PROMPT_TOO_LONG if turn.kind is TurnKind.MESSAGE:
            return {Fate.BACK, Fate.FAILED}
        case _:
            return {Fate.BACK}

"""The harness of one agent: linked to the broker, running the turns it is given."""

import logging
import math
import os
import selectors
import signal
import socket
import time
from pathlib import Path
from typing import Any, Final

from hyperhive import __version__
from hyperhive.harness.backoff import Backoff
from hyperhive.harness.launcher import Launcher
from hyperhive.harness.link import Link
from hyperhive.harness.outbox import Call, Outbox
from hyperhive.harness.own_rules import rule_can_name
from hyperhive.harness.runner import Runner
from hyperhive.harness.turn import Turn
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.wire.harness import (
    PROTOCOL,
    ClaudeInfo,
    Hello,
    Leaving,
    Outcome,
    OutcomeKind,
    TurnCancel,
    TurnEvent,
    TurnFinished,
    TurnRun,
    TurnStarted,
    Welcome,
)
from hyperhive.wire.jsonrpc import ErrorCode, Failure, RpcError
from hyperhive.wire.records import from_json, to_json
from hyperhive.wire.settings import HarnessSettings

logger: Final = logging.getLogger(__name__)

REPORT_SECONDS: Final = 2.0
"""How long a harness that was told to stop waits for the broker to take what it has to say."""
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Harness:
    """See `run`.

    Args:
        digest: identifies the settings to the broker.
    """

    def __init__(self, settings: HarnessSettings, digest: str, launcher: Launcher) -> None:
        self._settings = settings
        self._digest = digest
        self._launcher = launcher
        self._selector = selectors.DefaultSelector()
        self._link = Link(Path(settings.sockets, "harness.sock"), self._selector, self)
        self._runner = Runner(settings, launcher, self._selector, self)
        self._turn: Turn | None = None
        self._next: TurnRun | None = None
        self._outbox: Outbox | None = None
        self._tell_at = -math.inf
        self._retry = Backoff(0.5, 10.0, lambda: 1.0)
        self._signals = 0
        self._why_it_leaves = ""
        self._leave_at = math.inf
        self._said_leaving = False
        self._heard = False

    def run(self) -> None:
        """Serve the broker until SIGTERM, SIGINT or SIGHUP; the running turn is ended then."""
        woken, waker = socket.socketpair()
        with woken, waker:
            for end in (woken, waker):
                end.setblocking(False)
            signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            for number in _STOP_SIGNALS:
                signal.signal(number, self._count_signal)
            self._selector.register(woken, selectors.EVENT_READ, lambda _: woken.recv(4096))
            self._launcher.clear()
            if not rule_can_name(self._settings.state):
                state = self._settings.state
                logger.warning("claude's rules cannot name %s: its files cannot be edited", state)
            self._runner.look_for_claude()
            while not self._step(time.monotonic()):
                pass
            self._link.close()

    def _step(self, now: float) -> bool:
        """Do what is due and wait for what comes; whether it is time to leave."""
        self._link.tick(now)
        if self._turn is not None:
            if self._outbox is not None:
                self._turn.pause(self._outbox.full)
            self._turn.tick(now)
        if self._signals and self._leave(now):
            return True
        if self._turn is None and self._next is not None:
            run, self._next = self._next, None
            self._start(run, now)
        self._tell(now)
        turn_deadline = math.inf if self._turn is None else self._turn.deadline
        tell_at = self._tell_at if self._tell_at > now else math.inf
        until = min(self._link.deadline, turn_deadline, tell_at, self._leave_at)
        timeout = None if until == math.inf else max(0.0, until - time.monotonic())
        for key, _ in self._selector.select(timeout):
            key.data(time.monotonic())
        return False

    # The broker

    def hello(self) -> Hello:
        """See `LinkListener`."""
        if self._runner.problem is not None:
            self._runner.look_for_claude()
        claude = self._runner.claude
        return Hello(
            protocol=PROTOCOL,
            agent=self._settings.name,
            harness=__version__,
            pid=os.getpid(),
            settings=self._digest,
            claude=None if claude is None else ClaudeInfo(claude.path, claude.version),
            running=None if self._outbox is None else self._outbox.turn,
            problem=self._runner.problem,
        )

    def welcomed(self, welcome: Welcome) -> None:
        """See `LinkListener`."""
        if self._outbox is not None and not welcome.keep:
            self._forget("the broker has put its messages back into the queue")

    def called(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """See `LinkListener`."""
        match method:
            case "turn.run":
                self._accept(from_json(TurnRun, params))
            case "turn.cancel":
                self._cancel(from_json(TurnCancel, params))
            case _:
                raise RpcError(ErrorCode.METHOD_NOT_FOUND, f"a harness has no method {method}")
        return {}

    def answered(self, failure: Failure | None) -> None:
        """See `LinkListener`."""
        if self._outbox is None:
            self._heard = self._said_leaving
        elif failure is None:
            self._retry.reset()
            self._outbox.answered()
            if self._outbox.delivered:
                self._outbox = None
                self._heard = self._said_leaving
        elif failure.code == ErrorCode.UNKNOWN_TURN:
            self._forget("the broker does not know it")
        elif failure.code == ErrorCode.STORE_UNAVAILABLE or self._outbox.ending:
            turn, why = self._outbox.turn, failure.message
            logger.error("turn %d: %s; telling it again", turn, why, extra=fields(turn=turn))
            self._outbox.repeat()
            self._tell_at = time.monotonic() + self._retry.delay()
        else:
            turn, why = self._outbox.turn, failure.message
            logger.error("turn %d: the broker refused: %s", turn, why, extra=fields(turn=turn))
            self._outbox.answered()

    def lost(self) -> None:
        """See `LinkListener`."""
        self._next = None  # the broker gives it to nobody or to the next connection
        if self._outbox is not None:
            self._outbox.repeat()

    def _tell(self, now: float) -> None:
        if self._link.ready and self._outbox is not None and now >= self._tell_at:
            call = self._outbox.next()
            if call is not None:
                self._link.call(call, now)

    # Turns

    def _accept(self, run: TurnRun) -> None:
        if self._outbox is not None and self._outbox.turn == run.turn:
            return  # the broker did not see that it was accepted
        if self._outbox is not None or self._next is not None:
            raise RpcError(ErrorCode.BUSY, "another turn is running")
        # Once nothing is left of a turn that was forgotten. Whoever is about to leave takes it too:
        # that it leaves gives the turn back, and a refusal could come before the broker knows.
        self._next = run

    def _cancel(self, cancel: TurnCancel) -> None:
        if self._next is not None and self._next.turn == cancel.turn:
            run, self._next = self._next, None
            self._outbox = Outbox(run.turn)
            self._finish(run.turn, self._runner.refuse(run, OutcomeKind.CANCELLED, cancel.reason))
        elif self._outbox is None or self._outbox.turn != cancel.turn:
            raise RpcError(ErrorCode.UNKNOWN_TURN, f"turn {cancel.turn} is not running here")
        elif self._turn is not None:
            extra = fields(turn=cancel.turn)
            logger.info("turn %d: cancelled: %s", cancel.turn, cancel.reason, extra=extra)
            self._turn.stop(OutcomeKind.CANCELLED, cancel.reason, time.monotonic())

    def _forget(self, why: str) -> None:
        """The turn does not count any more: end it and tell nobody."""
        if self._outbox is not None:
            turn = self._outbox.turn
            logger.warning("turn %d: ended and forgotten: %s", turn, why, extra=fields(turn=turn))
        self._outbox = None
        self._said_leaving = False  # if so, with this turn's end
        if self._turn is not None:
            now = time.monotonic()
            self._turn.stop(OutcomeKind.CANCELLED, why, now)
            self._turn.kill(now)

    def _start(self, run: TurnRun, now: float) -> None:
        self._outbox = Outbox(run.turn)
        match self._runner.start(run, now):
            case Turn() as turn:
                self._turn = turn
                self._outbox.start(TurnStarted(run.turn, turn.pid, time.time()))
            case Outcome() as outcome:
                self._finish(run.turn, outcome)

    def _finish(self, turn: int, outcome: Outcome) -> None:
        if self._outbox is not None:
            self._said_leaving = bool(self._signals)
            leaving = self._why_it_leaves if self._said_leaving else None
            self._outbox.finish(TurnFinished(turn, outcome, leaving))

    def turn_told(self, events: list[TurnEvent]) -> None:
        """See `TurnListener`."""
        if self._outbox is not None:
            self._outbox.add(events)

    def turn_ended(self, outcome: Outcome) -> None:
        """See `TurnListener`."""
        if self._turn is not None and self._outbox is not None:
            outcome = self._runner.conclude(self._turn, outcome)
            number, why = self._turn.run.turn, outcome.detail and f": {outcome.detail}"
            extra = fields(LogEvent.TURN_ENDED, turn=number, HYPERHIVE_OUTCOME=outcome.kind)
            logger.info("turn %d: %s%s", number, outcome.kind.value, why, extra=extra)
            self._finish(number, outcome)
        self._turn = None

    # The end

    def _count_signal(self, number: int, _: object) -> None:
        if self._signals == 0:
            name = signal.Signals(number).name
            self._why_it_leaves = f"the harness was told to end by {name}"
        self._signals += 1

    def _leave(self, now: float) -> bool:
        """End the turn, if there is one; whether all is told, or nobody is there to be told."""
        self._next = None
        if self._turn is not None:
            self._turn.stop(OutcomeKind.CANCELLED, "the harness was stopped", now)
            if self._signals > 1:
                self._turn.kill(now)
            return False
        self._leave_at = min(self._leave_at, now + REPORT_SECONDS)
        late = now >= self._leave_at
        if self._link.ready and not self._said_leaving and (self._outbox is None or late):
            self._said_leaving = True
            self._link.call(Call("leaving", to_json(Leaving(self._why_it_leaves))), now)
        # A broker that has heard `hello` takes an end without a word for a crash.
        return late or self._heard or not (self._link.ready or self._link.greeting)

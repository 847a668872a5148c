"""One turn: claude is started, fed and read, ended when it must be, and nothing of it stays.

Never blocks: whoever owns the selector calls `tick` when something happened or `deadline` passed.
"""

import logging
import math
import os
import selectors
import signal
from collections.abc import Callable
from enum import Enum
from typing import IO, Final, Protocol

from hyperhive.harness.error_output import ErrorOutput
from hyperhive.harness.events import Told
from hyperhive.harness.invocation import PERMISSION_MODE, Invocation
from hyperhive.harness.launcher import Launcher
from hyperhive.harness.record import TurnRecord
from hyperhive.harness.stream import TurnStream
from hyperhive.harness.verdict import Ending, gives_up
from hyperhive.logs import fields
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnEvent, TurnRun

logger: Final = logging.getLogger(__name__)

INTERRUPT_SECONDS: Final = 5.0
"""From SIGINT, at which claude records the interruption and ends its tools, to SIGTERM."""
TERMINATE_SECONDS: Final = 3.0
"""From SIGTERM to SIGKILL of everything."""
LINGER_SECONDS: Final = 0.3
"""How long what claude started may live on after it: its MCP servers see their input end."""
REPEAT_SECONDS: Final = 0.05
GIVE_UP_SECONDS: Final = 10.0
"""How long to go on killing what does not die (it is in the kernel) or is not ours to kill."""

_CHUNK: Final = 1 << 16


class _Stage(Enum):
    RUNNING = "claude works; the deadline is the turn's limit"
    INTERRUPTED = "SIGINT was sent"
    TERMINATED = "SIGTERM was sent"
    KILLING = "SIGKILL is sent again and again to everything"
    SWEEPING = "claude has ended; what it left behind goes next"


class TurnListener(Protocol):
    """Who wants to know about a turn."""

    def turn_told(self, events: list[TurnEvent]) -> None:
        """Some events came, in order."""

    def turn_ended(self, outcome: Outcome) -> None:
        """The turn has ended, and no process of it is left."""


class Turn:
    """A running turn; made by starting claude.

    Every `now` is seconds of the monotonic clock.

    Args:
        limit_seconds: after which the turn is ended with outcome timeout.
        selector: where its pipes are registered; a key's data is called, with the
            time, when it is ready.
        wall: gives seconds since the epoch, for what is told.

    Raises:
        OSError, ValueError: claude cannot be started.

    Attributes:
        pid: claude's process id.
        deadline: when `tick` must be called though nothing happened.
    """

    def __init__(
        self,
        run: TurnRun,
        invocation: Invocation,
        limit_seconds: float,
        *,
        launcher: Launcher,
        selector: selectors.BaseSelector,
        listener: TurnListener,
        wall: Callable[[], float],
        now: float,
    ) -> None:
        self.run: Final = run
        self._limit = limit_seconds
        self._launcher = launcher
        self._selector = selector
        self._listener = listener
        self._wall = wall
        self._stream = TurnStream(wall(), run.kind)
        self._running = running = launcher.start(invocation, run.turn, selector)
        self.pid: Final = running.pid
        self._stdin, self._stdout, self._errors = running.stdin, running.stdout, running.stderr
        self._unfed = memoryview(invocation.prompt)
        self._error_output = ErrorOutput(run.turn)
        self._unread = {self._stdout.fileno(), self._errors.fileno()}
        self._paused = False
        self._stopped: tuple[OutcomeKind, str] | None = None
        self._stage = _Stage.RUNNING
        self.deadline = now + limit_seconds
        self._give_up = math.inf
        for pipe in (self._stdin, self._stdout, self._errors):
            os.set_blocking(pipe.fileno(), False)
        selector.register(self._stdin, selectors.EVENT_WRITE, self._feed)
        selector.register(self._stdout, selectors.EVENT_READ, self._read_output)
        selector.register(self._errors, selectors.EVENT_READ, self._read_errors)

    @property
    def record(self) -> TurnRecord:
        """What claude said so far."""
        return self._stream.record

    def remark(self, told: Told) -> None:
        """Tell the turn's readers something that is not claude's."""
        self._listener.turn_told(self._stream.remark(told, self._wall()))

    def stop(self, kind: OutcomeKind, reason: str, now: float) -> None:
        """End the turn with this outcome. The first call decides."""
        if self._may_stop:
            self._stopped = (kind, reason)
            self.pause(False)
            self._running.signal(signal.SIGINT)
            self._stage, self.deadline = _Stage.INTERRUPTED, now + INTERRUPT_SECONDS

    @property
    def _may_stop(self) -> bool:
        return self._stopped is None and self._stage is not _Stage.SWEEPING

    def kill(self, now: float) -> None:
        """Lose no more time: SIGKILL to everything; after `stop`."""
        if self._stage is not _Stage.SWEEPING:
            self._stage, self.deadline = _Stage.KILLING, now

    def pause(self, paused: bool) -> None:
        """Leave claude's output in its pipe, so that it waits, or go on reading."""
        ending = self._stopped is not None or self._running.exit_code is not None
        if paused == self._paused or self._stdout.closed or (paused and ending):
            return
        self._paused = paused
        if paused:
            self._selector.unregister(self._stdout)
        else:
            self._selector.register(self._stdout, selectors.EVENT_READ, self._read_output)

    def tick(self, now: float) -> None:
        """Do what is due."""
        left = self._running.look()
        if self._stage is not _Stage.SWEEPING and self._running.exit_code is not None:
            self.pause(False)
            self._stage, self._give_up = _Stage.SWEEPING, now + GIVE_UP_SECONDS
            self.deadline = now if self._stopped else now + LINGER_SECONDS
        if self._stage is _Stage.SWEEPING:
            self._sweep(left, now)
        elif now >= self.deadline:
            self._escalate(now)

    def _escalate(self, now: float) -> None:
        match self._stage:
            case _Stage.RUNNING:
                self.stop(OutcomeKind.TIMEOUT, f"it took over {self._limit:g} s", now)
            case _Stage.INTERRUPTED:
                self._running.signal(signal.SIGTERM)
                self._stage, self.deadline = _Stage.TERMINATED, now + TERMINATE_SECONDS
            case _:
                self._stage, self.deadline = _Stage.KILLING, now + REPEAT_SECONDS
                self._running.kill()

    def _sweep(self, left: bool, now: float) -> None:
        if not left and not self._unread:
            self._finish()
        elif now >= self._give_up:
            turn = self.run.turn
            extra = fields(turn=turn)
            logger.error("turn %d: some of its processes could not be ended", turn, extra=extra)
            self._finish()
        elif now >= self.deadline:
            self._running.kill()
            self.deadline = now + REPEAT_SECONDS

    def _finish(self) -> None:
        self.deadline = math.inf
        for pipe in (self._stdin, self._stdout, self._errors):
            if not pipe.closed:
                self._close(pipe)
        self._running.close()
        self._launcher.remove(self.run.turn)
        self._error_output.finish()
        ending = Ending(self._running.exit_code, self._error_output.end, self._stopped)
        events, outcome = self._stream.finish(ending, self._wall())
        self._listener.turn_told(events)
        self._listener.turn_ended(outcome)

    def _feed(self, _: float) -> None:
        try:
            while self._unfed:
                self._unfed = self._unfed[os.write(self._stdin.fileno(), self._unfed) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            pass  # claude does not want it, or has ended: its outcome says why
        self._close(self._stdin)

    def _read_output(self, now: float) -> None:
        if chunk := self._read(self._stdout):
            self._listener.turn_told(self._stream.feed(chunk, self._wall()))
            mode = self._stream.record.permission_mode
            if mode not in (None, PERMISSION_MODE) and self._stopped is None:
                # Not the rules that were asked for: nothing more may run.
                self._stopped = (OutcomeKind.FAILED, f"claude runs in permission mode {mode}")
                self._running.signal(signal.SIGKILL)
            elif self._may_stop:
                self._stop_waiting(now)

    def _stop_waiting(self, now: float) -> None:
        """End a claude that only waits for the API: at once, and without the interruption by a user
        that SIGINT would leave in its conversation."""
        self._stopped = gives_up(self._stream.record)
        if self._stopped is not None:
            self._running.signal(signal.SIGTERM)
            self._stage, self.deadline = _Stage.TERMINATED, now + TERMINATE_SECONDS

    def _read_errors(self, _: float) -> None:
        self._error_output.feed(self._read(self._errors))

    def _read(self, pipe: IO[bytes]) -> bytes:
        try:
            chunk = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return b""
        if not chunk:
            self._close(pipe)
        return chunk

    def _close(self, pipe: IO[bytes]) -> None:
        self._unread.discard(pipe.fileno())
        if not (self._paused and pipe is self._stdout):
            self._selector.unregister(pipe)
        pipe.close()

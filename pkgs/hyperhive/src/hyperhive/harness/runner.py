"""From `turn.run` to a running claude, and from its end to what the turn came to.

Turns differ by their kind here and nowhere else in the harness but in how claude is run
(invocation.py) and in what counts as success (verdict.py).
"""

import logging
import os
import selectors
import time
from dataclasses import dataclass, replace
from typing import Final

from hyperhive.errors import HyperhiveError
from hyperhive.harness.claude import Claude, find_claude, probe
from hyperhive.harness.command import bridge_command
from hyperhive.harness.conversations import is_begun
from hyperhive.harness.credentials import read_credentials
from hyperhive.harness.events import notice
from hyperhive.harness.invocation import plan
from hyperhive.harness.launcher import Launcher
from hyperhive.harness.notes import compose, new_notes, read_answer, rewritten
from hyperhive.harness.notes_file import (
    Notes,
    notes_size,
    read_notes,
    remove_leftovers,
    replace_notes,
)
from hyperhive.harness.trim import one_line
from hyperhive.harness.turn import Turn, TurnListener
from hyperhive.log_events import LogEvent
from hyperhive.logs import fields
from hyperhive.wire.harness import Outcome, OutcomeKind, TurnKind, TurnRun
from hyperhive.wire.settings import HarnessSettings

logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Rewriting:
    """Notes that a turn rewrites, and the word that marks them in its prompt."""

    notes: Notes
    nonce: str


class Runner:
    """Starts the turns of one agent, one at a time, and ends them.

    Attributes:
        claude: the executable; None while there is none that can be used.
        problem: why there is none.
    """

    def __init__(
        self,
        settings: HarnessSettings,
        launcher: Launcher,
        selector: selectors.BaseSelector,
        listener: TurnListener,
    ) -> None:
        self._settings = settings
        self._launcher = launcher
        self._selector = selector
        self._listener = listener
        self._rewriting: _Rewriting | None = None
        self.claude: Claude | None = None
        self.problem: str | None = None

    def look_for_claude(self) -> None:
        """Find the executable, or the problem with it."""
        try:
            path = find_claude(self._settings.claude, os.environ.get("PATH", ""))
            self.claude = probe(path, {"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"})
        except HyperhiveError as error:
            self.claude, self.problem = None, f"{error.what}: {error.todo}"
            logger.error("no turn can run: %s", self.problem)
        else:
            self.problem = None
            logger.info("%s is claude %s", self.claude.path, self.claude.version)

    def start(self, run: TurnRun, now: float) -> Turn | Outcome:
        """Start a turn; an outcome if it ended before claude was started.

        Args:
            now: seconds of the monotonic clock.
        """
        self._rewriting = None
        try:
            begun = is_begun(self._settings.config, run.session)
            match run.kind:
                case TurnKind.COMPACT if not begun:
                    return self._not_needed(run, "there is no conversation to compact")
                case TurnKind.NOTES:
                    try:
                        run, begun = self._rewrite(run), False
                    except HyperhiveError as error:
                        return self._not_needed(run, error.what)
            turn = self._run_claude(replace(run, resume=begun), now)
        except HyperhiveError as error:
            refused = self.refuse(run, OutcomeKind.FAILED, f"{error.what}: {error.todo}")
            return replace(refused, no_claude=self.claude is None)
        except (OSError, ValueError) as error:  # ValueError: a NUL where the kernel takes none
            return self.refuse(run, OutcomeKind.FAILED, f"claude cannot be started: {error}")
        extra = fields(LogEvent.TURN_STARTED, turn=run.turn)
        logger.info("turn %d: claude runs as process %d", run.turn, turn.pid, extra=extra)
        if run.resume and not begun and run.kind is not TurnKind.NOTES:
            turn.remark(notice(f"claude has no conversation {run.session}; it begins anew"))
        return turn

    def refuse(self, run: TurnRun, kind: OutcomeKind, why: str) -> Outcome:
        """The outcome of a turn that cannot be started, or need not be any more."""
        extra = fields(LogEvent.TURN_ENDED, turn=run.turn, HYPERHIVE_OUTCOME=kind)
        logger.error("turn %d: not started: %s", run.turn, why, extra=extra)
        self._launcher.remove(run.turn)
        return self._outcome(kind, why)

    def conclude(self, turn: Turn, outcome: Outcome) -> Outcome:
        """Do what is left of a turn whose processes have ended."""
        rewriting, self._rewriting = self._rewriting, None
        if rewriting is not None and outcome.kind is OutcomeKind.OK:
            outcome = replace(outcome, detail=self._put(rewriting, turn))
        return replace(outcome, notes_bytes=notes_size(self._settings.state))

    def _rewrite(self, run: TurnRun) -> TurnRun:
        """The run with the notes in its prompt."""
        remove_leftovers(self._settings.state)
        notes = read_notes(self._settings.state)
        self._rewriting = _Rewriting(notes, os.urandom(8).hex())
        return replace(run, prompt=compose(notes.text, self._rewriting.nonce))

    def _put(self, rewriting: _Rewriting, turn: Turn) -> str:
        """Replace the notes by the answer, if it may; tells, and returns what happened."""
        old = rewriting.notes
        new, reason = new_notes(old.content, read_answer(turn.record, rewriting.nonce))
        if new is not None:
            try:
                replace_notes(self._settings.state, old, new)
            except HyperhiveError as error:
                new, reason = None, error.what
        before, after = len(old.content), None if new is None else len(new)
        turn.remark(rewritten(before, after, reason))
        if after is None:
            return one_line(f"the notes stay as they are: {reason}")
        return f"the notes are rewritten: {before} bytes before, {after} now"

    def _run_claude(self, run: TurnRun, now: float) -> Turn:
        if self.claude is None or not os.access(self.claude.path, os.X_OK):
            self.look_for_claude()  # it may have been installed, or moved by an update
        if self.claude is None:
            raise HyperhiveError("no claude can be used", self.problem or "")
        invocation = plan(
            self._settings,
            run,
            self.claude,
            self._launcher.prepare(run.turn),
            caller=os.environ,
            credentials=read_credentials(
                self._settings.credentials, os.environ.get("CREDENTIALS_DIRECTORY")
            ),
            bridge=bridge_command(
                self._settings.sockets,
                self._settings.proposed,
                self._settings.proposals,
                self._settings.hive,
            ),
        )
        return Turn(
            run,
            invocation,
            self._settings.turn_seconds,
            launcher=self._launcher,
            selector=self._selector,
            listener=self._listener,
            wall=time.time,
            now=now,
        )

    def _not_needed(self, run: TurnRun, why: str) -> Outcome:
        extra = fields(LogEvent.TURN_ENDED, turn=run.turn, HYPERHIVE_OUTCOME=OutcomeKind.OK)
        logger.info("turn %d: nothing to do: %s", run.turn, why, extra=extra)
        return self._outcome(OutcomeKind.OK, why)

    def _outcome(self, kind: OutcomeKind, why: str) -> Outcome:
        size = notes_size(self._settings.state)
        return Outcome(kind, detail=one_line(why), notes_bytes=size)

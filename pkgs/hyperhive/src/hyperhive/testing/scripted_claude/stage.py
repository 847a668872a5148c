"""What turns and compactions have in common: the API's answers, waiting, and sudden ends."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import count
from typing import Final

from hyperhive.testing.scripted_claude.api_answers import API_ANSWERS, ApiAnswer
from hyperhive.testing.scripted_claude.events import Event, Events
from hyperhive.testing.scripted_claude.session import Tokens
from hyperhive.testing.scripted_claude.signals import Signals
from hyperhive.testing.scripted_claude.steps import (
    ApiFailure,
    Exit,
    IgnoreSignals,
    ScriptError,
    SetUsage,
    Sleep,
    Step,
)

WATCHDOG: Final = "CLAUDE_CODE_RETRY_WATCHDOG"
"""Variable with which the CLI waits for the API as long as that says, and tells so."""


class Crash(Exception):
    """The script says to end the process with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Refused(Exception):
    """The API answers with an error."""

    def __init__(self, answer: ApiAnswer) -> None:
        super().__init__(answer.text)
        self.answer = answer


class Stage:
    """Does the steps that belong to every kind of scene.

    Args:
        tell: takes each event.
        environment: of the process.

    Attributes:
        tokens: of a model step.
    """

    def __init__(
        self,
        events: Events,
        tell: Callable[[Event], None],
        signals: Signals,
        environment: Mapping[str, str],
    ) -> None:
        self.events = events
        self.tell = tell
        self.signals = signals
        self.tokens = Tokens(11, 22, 33, 7)
        self._waits = environment.get(WATCHDOG, "0") not in ("", "0", "false")
        self._retries = int(environment.get("CLAUDE_CODE_MAX_RETRIES") or 10)

    def perform(self, step: Step) -> bool:
        """Do a step if it is one of those; whether it was.

        Raises:
            Refused, Crash: it says so.
            Signalled: while it waits.
            ScriptError: it asks for what is not there.
        """
        self.signals.check()
        match step:
            case Sleep(seconds):
                self._sleep(seconds)
            case SetUsage(numbers):
                self.tokens = _tokens(numbers)
            case ApiFailure(error, resets_in, retry_after):
                answer = self._answer(error, resets_in)
                if retry_after is not None and self._waits:
                    self._wait_for_the_api(answer, retry_after)
                raise Refused(answer)
            case IgnoreSignals():
                self.signals.ignore()
            case Exit(code):
                raise Crash(code)
            case _:
                return False
        return True

    def _sleep(self, seconds: float) -> None:
        with self.signals.interruptible():
            time.sleep(seconds)

    def _wait_for_the_api(self, answer: ApiAnswer, seconds: float) -> None:
        """Ask again whenever it is time, which never helps: the CLI goes on until it is stopped."""
        for attempt in count(1):
            self.tell(self.events.api_retry(answer, seconds, attempt, self._retries))
            self._sleep(seconds)

    def _answer(self, error: int | str, resets_in: float | None) -> ApiAnswer:
        answer = API_ANSWERS[error]
        if answer.status == 404:
            asked = {"model": self.events.model, "query_source": "sdk"}
            note = json.dumps(asked, separators=(",", ":"))
            print(f"[claude-code:unrecognized_model] {note}", file=sys.stderr)
        if resets_in is not None:
            answer = answer.until(round(self.events.now() + resets_in))
        if answer.limit is not None:
            self.tell(self.events.rate_limit(answer.limit))
        return answer._replace(text=answer.text.replace("{model}", self.events.model))


def _tokens(numbers: Mapping[str, float]) -> Tokens:
    unknown = set(numbers) - {field.name for field in fields(Tokens)}
    if unknown:
        raise ScriptError(f"unknown in usage: {', '.join(sorted(unknown))}")
    return Tokens(**dict(numbers))  # type: ignore[arg-type]

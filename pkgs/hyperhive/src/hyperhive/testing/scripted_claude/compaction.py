"""`/compact`: what the CLI prints when it compacts a conversation, in its order."""

from collections.abc import Sequence
from typing import Any, Final

from hyperhive.testing.scripted_claude.api_answers import ApiAnswer
from hyperhive.testing.scripted_claude.events import Event, new_uuid
from hyperhive.testing.scripted_claude.results import Ending, Figures
from hyperhive.testing.scripted_claude.script import Scene
from hyperhive.testing.scripted_claude.session import Session
from hyperhive.testing.scripted_claude.signals import Signalled
from hyperhive.testing.scripted_claude.stage import Refused, Stage
from hyperhive.testing.scripted_claude.steps import Compact, ScriptError, Step

COMMAND: Final = "/compact"

_NOTHING: Final = "Error: No messages to compact"
_TOO_LITTLE: Final = "Not enough messages to compact."
_TOO_LONG: Final = "Compaction failed · conversation could not be reduced below the context limit"
_ABORTED: Final = "API Error: Request was aborted."
_CANCELED: Final = "Compaction canceled."
_SUMMARY: Final = """\
This session is being continued from a previous conversation that ran out of context. The summary \
below covers the earlier portion of the conversation.

Summary:
{summary}"""


def is_compaction(prompt: str) -> bool:
    """Whether the CLI takes the prompt for its command: only at the very beginning."""
    return prompt.startswith(COMMAND) and prompt.split()[0] == COMMAND


class Compaction:
    """Compacts a conversation as the script says, and tells of it.

    A failure is no error for the CLI: its exit status is 0, and only `compact_result` tells it.

    Args:
        init: the event that the CLI prints once the compaction is over.
    """

    def __init__(self, stage: Stage, session: Session, init: Event, prompt: str) -> None:
        self.figures = Figures()
        self._stage = stage
        self._session = session
        self._init = init
        self._arguments = prompt.removeprefix(COMMAND).strip()

    def run(self, scene: Scene) -> Ending:
        """Compact, or fail to.

        Raises:
            Signalled: by SIGTERM.
            Crash: the script says so.
            ScriptError: a step is none of a compaction's.
        """
        if not self._session.resumed:
            self._stage.tell(self._init)
            self._tell_failure(_NOTHING)
            return _ending("")
        self._tell_status({"status": "compacting"})
        if not self._session.answered:
            self._fail(_TOO_LITTLE)
            self._stage.tell(self._output(_TOO_LITTLE, "stdout") | self._run())
            return _ending(_TOO_LITTLE)
        try:
            done = self._steps(scene.steps)
        except Refused as refused:
            done = Compact(error=_reason(refused.answer))
        except Signalled as signalled:
            if signalled.terminate:
                raise
            self._fail(_ABORTED)
            self._stage.tell(self._output(_CANCELED, "stdout"))
            return _ending("")
        if done.error is not None:
            self._fail(done.error)
            self._tell_failure(done.error)
            return _ending(done.error)
        self._succeed(done)
        return _ending("")

    def _steps(self, steps: Sequence[Step]) -> Compact:
        for step in steps:
            if isinstance(step, Compact):
                return step
            if not self._stage.perform(step):
                raise ScriptError(f"not a step of a compaction: {type(step).__name__}")
        return Compact()

    def _succeed(self, done: Compact) -> None:
        self.figures.run.add(self._stage.tokens)
        state = self._session.state
        before, state.weight = state.weight, done.tokens
        state.dropped += max(0, before - done.tokens)
        self._tell_status({"status": None, "compact_result": "success"})
        self._stage.tell(self._init)
        anchor, kept = new_uuid(), new_uuid()
        self._stage.tell(
            {
                "type": "system",
                "subtype": "compact_boundary",
                "session_id": self._stage.events.session,
                "uuid": new_uuid(),
                "compact_metadata": {
                    "trigger": "manual",
                    "pre_tokens": before,
                    "post_tokens": done.tokens,
                    "cumulative_dropped_tokens": state.dropped,
                    "duration_ms": 0,
                    "preserved_segment": {
                        "head_uuid": kept,
                        "anchor_uuid": anchor,
                        "tail_uuid": kept,
                    },
                    "preserved_messages": {
                        "anchor_uuid": anchor,
                        "uuids": [kept],
                        "all_uuids": [kept],
                    },
                },
                "logical_parent_uuid": kept,
            }
        )
        summary = self._said(_SUMMARY.format(summary=done.summary))
        self._stage.tell(summary | {"uuid": anchor, "isReplay": False, "isSynthetic": True})
        told = "<local-command-stdout>Compacted </local-command-stdout>"
        self._stage.tell(self._said(told) | {"isReplay": True})

    def _fail(self, error: str) -> None:
        failed = {"status": None, "compact_result": "failed", "compact_error": error}
        self._tell_status(failed)
        self._stage.tell(self._init)

    def _tell_failure(self, text: str) -> None:
        outcome = {"local_command_outcome": {"kind": "failed"}}
        self._stage.tell(self._output(text, "stderr") | self._run() | outcome)

    def _tell_status(self, members: dict[str, Any]) -> None:
        event = {"type": "system", "subtype": "status", **members}
        self._stage.tell(event | {"session_id": self._stage.events.session, "uuid": new_uuid()})

    def _output(self, text: str, stream: str) -> Event:
        """What the command printed, as a message."""
        marked = f"<local-command-{stream}>{text}</local-command-{stream}>"
        event = self._stage.events.synthetic(text, "end_turn", None)
        return event | {"local_command_source": marked}

    def _run(self) -> Event:
        return {"local_command_run": {"command": "compact", "args": self._arguments}}

    def _said(self, content: str) -> Event:
        message = {"role": "user", "content": content}
        return {"type": "user", "message": message, **self._stage.events.said()}


def _reason(answer: ApiAnswer) -> str:
    too_long = answer.reason == "prompt_too_long"
    return _TOO_LONG if too_long else f"Error during compaction: {answer.text}"


def _ending(text: str) -> Ending:
    return Ending("", None, text=text, command="compact")

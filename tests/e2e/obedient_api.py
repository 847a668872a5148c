"""A Messages API whose model does what it is told, for the real claude in a container.

    python -m tests.e2e.obedient_api PORT LOG

Listens on 127.0.0.1. A prompt with a line `do: [[TOOL, INPUT], ...]` in JSON makes the model call
these tools, one after the other, and then say `Done.`; without one it says `Nothing.`. The file LOG
is there once it listens; each request is a line of it: the names of the tools that the model has.
"""

import json
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any, Final

from tests.scripted_api import Call, ScriptedApi, Step, ToolUse

_TOLD: Final = re.compile(r"^do: (\[.*\])$", re.MULTILINE)


def told(*calls: tuple[str, dict[str, Any]]) -> str:
    """The line of a prompt that has these tools called."""
    return f"do: {json.dumps(calls)}"


def respond(call: Call) -> Step:
    """What the model does next."""
    found = _TOLD.search(call.prompt)
    if found is None:
        return Step(text="Nothing.")
    calls = json.loads(found[1])
    done = len(call.results)
    if done == len(calls):
        return Step(text="Done.")
    name, input = calls[done]
    return Step(tools=[ToolUse(name, input)])


def main(port: int, log: Path) -> None:
    """Answer until SIGTERM."""
    listening = threading.Event()

    def note(call: Call) -> Step:
        listening.wait()
        with log.open("a") as lines:
            print(json.dumps(call.tools), file=lines)
        return respond(call)

    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    with ScriptedApi(note, port):
        log.touch()
        listening.set()
        signal.sigwait([signal.SIGTERM])


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))

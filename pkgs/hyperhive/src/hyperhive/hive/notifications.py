"""What the declared hive says of notifications: which program is run, and for what."""

from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hyperhive.hive.tables import Declared
from hyperhive.hive.values import DECLARED_ERROR, Text


class NotifyEvent(StrEnum):
    """Why a hive may need its operator."""

    CONTAINER_CRASH = "container_crash"
    HARNESS_CRASH = "harness_crash"
    QUESTION = "question"
    """An agent asks the operator."""
    DEAD_LETTER = "dead_letter"
    """A message was given up after its last attempt."""
    NEEDS_LOGIN = "needs_login"
    LOOP_GUARD = "loop_guard"
    DEPLOYMENT_FAILED = "deployment_failed"
    APPROVAL = "approval"
    """Something is asked of the operator, who approves or denies it."""
    APPROVAL_FAILED = "approval_failed"
    """What the operator approved could not be done."""


ALL_EVENTS: Final = list(NotifyEvent)


class Notify(Declared):
    """A program of the operator's that is run when the hive needs the operator."""

    command: list[Text] = Field(
        default=[],
        max_length=64,
        description="The program, by its absolute path, and its arguments; it gets one JSON object"
        " on its standard input. Empty: none. They are world-readable on the host: no secrets here."
        " hyperhive-notify.service runs it; `hyperhive up` does not.",
        examples=[["/etc/hyperhive/tell-me", "--urgent"]],
    )
    events: list[Annotated[NotifyEvent, Field(strict=False)]] = Field(
        default=ALL_EVENTS,
        description="What it is run for.",
        examples=[["container_crash", "question"]],
    )

    @model_validator(mode="after")
    def _program_by_its_path(self) -> Self:
        if self.command and not self.command[0].startswith("/"):
            raise PydanticCustomError(
                DECLARED_ERROR,
                "{what}; {todo}",
                {
                    "what": f"command begins with {self.command[0][:40]!a}, not an absolute path",
                    "todo": "name the program by its path, and one that is to search the PATH as"
                    ' "/bin/sh", "-c", …',
                },
            )
        return self

"""What the operator's API says and takes of containers. Times are seconds since the epoch."""

from typing import Annotated

from pydantic import BaseModel, Field

from hyperhive.store.container_states import ContainerState, Wanted

MOST_LINES = 100
"""Journal lines that a report may carry."""

Words = Annotated[str, Field(max_length=1000)]
At = Annotated[float, Field(ge=0, le=1e11)]
JournalLine = Annotated[str, Field(max_length=4000)]


class Container(BaseModel):
    """An agent's container.

    Attributes:
        declared: whether the hive has such an agent now; the state of others is kept.
        autostart: whether the declaration starts it.
        wanted: what the operator said; None: nothing, so `autostart` holds.
        should_run: what follows from both.
        state: what its unit last was; None: nobody reported anything.
        invocation: systemd's id of the unit's run that this was reported of.
        kept: directories of the host that stay when the container is destroyed: what the agent
            knows, and the container's own files ("": agents have no containers).
    """

    agent: str
    declared: bool
    autostart: bool
    wanted: Wanted | None
    wanted_reason: str
    should_run: bool
    state: ContainerState | None
    reason: str
    since: float | None
    invocation: str | None
    kept: tuple[str, str] = ("", "")


class CrashReport(BaseModel):
    """See `store.container_states.Crash`."""

    result: Words
    status: Words
    lines: Annotated[list[JournalLine], Field(max_length=MOST_LINES)] = []


class ContainerReport(BaseModel):
    """What became of a container's unit. Saying it twice changes nothing the second time.

    Attributes:
        at: when it was seen.
        reason: one line for a reader.
        invocation: systemd's id of the unit's run; a crash is one per run.
        crash: set when the run ended and nobody had asked for it.
    """

    state: ContainerState
    reason: Words = ""
    at: At
    invocation: Annotated[str, Field(max_length=64)] | None = None
    crash: CrashReport | None = None


class DeploymentReport(BaseModel):
    """What reconciling did for one agent.

    Attributes:
        changes: what was done, a few words each; empty if nothing had to be.
        error: what failed, in one line; "" if all went well.
        former: whether it is an agent that is to have no container; without an error there is none.
    """

    changes: Annotated[list[Words], Field(max_length=50)] = []
    error: Words = ""
    former: bool = False

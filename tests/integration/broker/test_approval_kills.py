"""A broker is killed between every two steps of an approval: the next one makes up for it."""

import asyncio
import os
import signal
import warnings
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest

from hyperhive.broker.approvals import proposals
from hyperhive.broker.approvals.git import git
from hyperhive.broker.core import Core
from hyperhive.store.approval_states import OPEN
from hyperhive.store.database import Store
from tests.integration.broker.plane import broker
from tests.integration.broker.proposing import (
    ALICE,
    TOML,
    WHO,
    Proposed,
    deploying,
    every,
    refs,
    run_git,
)

MOST_STEPS: Final = 60
"""More than an approval has."""


class Steps:
    """Counts what leaves a trace on disk, and kills the process before one of them."""

    def __init__(self, last: int) -> None:
        self._left = last

    def step(self) -> None:
        """Count one, or die."""
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Have writes of the store and runs of git counted, before and after each."""
        write = Store.write

        async def counted_write(store: Store, *arguments: Any, **more: Any) -> Any:
            self.step()
            done = await write(store, *arguments, **more)
            self.step()
            return done

        async def counted_git(*arguments: Any, **more: Any) -> bytes:
            self.step()
            return await git(*arguments, **more)

        patch.setattr(Store, "write", counted_write)
        patch.setattr(proposals, "git", counted_git)


async def go_on(core: Core, commit: str, objects: dict[str, Any]) -> None:
    """Do what is not done yet, as a manager and an operator would who begin anew."""
    deploys = deploying(core)
    await core.approvals.resume()
    if not await every(core):
        await core.approvals.submit_commit("boss", "alice", commit, "Better", objects)
    (asked,) = await every(core)
    if asked.state == "pending":
        await core.approvals.approve(asked.id, WHO, commit)
    if asked.state in OPEN:
        assert await deploys.ended(asked.id) == "deployed"
    await core.approvals.settled()


def killed_at(
    steps: int, state: Path, commit: str, objects: dict[str, Any], patch: pytest.MonkeyPatch
) -> bool:
    """Run a broker in a process of its own that dies before a step; False if it came to an end."""
    with warnings.catch_warnings():
        # From 3.12 on Python warns of threads; the child uses nothing that they could hold.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        _child(steps, state, commit, objects, patch)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), "it failed by itself"
    return os.WIFSIGNALED(status)


def _child(
    steps: int, state: Path, commit: str, objects: dict[str, Any], patch: pytest.MonkeyPatch
) -> NoReturn:
    async def body() -> None:
        async with broker(state) as core:
            Steps(steps).watch(patch)
            await go_on(core, commit, objects)
            os._exit(0)

    try:
        asyncio.run(body())
    finally:
        os._exit(1)


def check(core: Core, commit: str) -> None:
    """See that everything is as if nothing had happened."""
    assert core.hive.agents[ALICE].model == "opus"
    assert refs(core) == {
        "refs/heads/main": commit,
        "refs/hyperhive/proposal/1": commit,
        "refs/tags/deployed/1": commit,
    }
    directory = core.paths.agent(ALICE).proposals
    # A git whose broker is gone reads the end of what it was to be told.
    assert run_git(directory, "fsck", "--strict", "--no-dangling") == ""
    assert run_git(directory, "show", "main:agent.toml") == TOML


@pytest.mark.slow
def test_wherever_it_is_killed_the_approval_is_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = Proposed(tmp_path / "config")
    commit = proposed.commit()
    objects = proposed.objects(commit)

    async def next_one(state: Path) -> None:
        async with broker(state) as core:
            await go_on(core, commit, objects)
            (done,) = await every(core)
            assert (done.id, done.state, done.tagged) == (1, "deployed", True)
            check(core, commit)

    steps = 0
    while killed_at(steps, tmp_path / f"s{steps}", commit, objects, monkeypatch):
        asyncio.run(next_one(tmp_path / f"s{steps}"))
        steps += 1
        assert steps < MOST_STEPS
    assert steps > 15, "there was something to be killed at"

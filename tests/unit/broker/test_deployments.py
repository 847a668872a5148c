"""Each approval is deployed until it has ended, and those of one agent one after the other."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from hyperhive.broker.approvals.deployments import PAUSES, Deployments
from hyperhive.errors import HyperhiveError
from hyperhive.hive.names import AgentName

ALICE, BOB = AgentName("alice"), AgentName("bob")


class Host:
    """What deploys, and what the store says of it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.running: set[AgentName] = set()
        self.ended: set[int] = set()
        self.given_up: dict[int, str] = {}
        self.pauses: list[float] = []
        self.endless_pauses = False
        self.release: dict[int, asyncio.Event] = {}
        self.how: Callable[[Host, int], None] = lambda host, id: host.ended.add(id)
        self.deployments = Deployments(
            self.deploy, self.is_unfinished, self.give_up, pause=self.pause
        )

    async def deploy(self, id: int, agent: AgentName) -> None:
        assert agent not in self.running, f"two deploys of {agent} at once"
        self.begun.append(id)
        self.running.add(agent)
        try:
            if id in self.release:
                await self.release[id].wait()
            await asyncio.sleep(0)
            self.how(self, id)
        finally:
            self.running.discard(agent)

    async def is_unfinished(self, id: int) -> bool:
        return id not in self.ended

    async def give_up(self, id: int, error: str) -> None:
        self.given_up[id] = error
        self.ended.add(id)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if self.endless_pauses:
            await asyncio.Event().wait()

    async def until(self, look: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not look():  # noqa: ASYNC110 - everything here happens in this loop's turns
                await asyncio.sleep(0)


def run(body: Callable[[Host], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        host = Host()
        try:
            await body(host)
        finally:
            await host.deployments.close()

    asyncio.run(main())


def test_one_that_ends_is_not_begun_again() -> None:
    async def body(host: Host) -> None:
        host.deployments.begin(1, ALICE)
        await host.until(lambda: host.ended == {1})
        await host.deployments.close()
        assert (host.begun, host.pauses, host.given_up) == ([1], [], {})

    run(body)


def test_those_of_one_agent_come_in_the_order_in_which_they_were_begun() -> None:
    async def body(host: Host) -> None:
        host.release = {1: asyncio.Event()}
        for id, agent in ((1, ALICE), (2, ALICE), (3, BOB), (4, ALICE)):
            host.deployments.begin(id, agent)
        await host.until(lambda: host.ended == {3})
        assert host.begun == [1, 3], "bob's does not wait for alice's"
        host.release[1].set()
        await host.until(lambda: host.ended == {1, 2, 3, 4})
        assert host.begun == [1, 3, 2, 4]

    run(body)


def test_one_that_is_under_way_is_not_begun_twice() -> None:
    async def body(host: Host) -> None:
        host.release = {1: asyncio.Event()}
        host.deployments.begin(1, ALICE)
        await host.until(lambda: host.begun == [1])
        host.deployments.begin(1, ALICE)
        host.release[1].set()
        await host.until(lambda: host.ended == {1})
        await host.deployments.close()
        assert host.begun == [1]

    run(body)


def test_one_that_ends_without_a_word_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)

    def third_time(host: Host, id: int) -> None:
        if len(host.begun) < 2:
            raise HyperhiveError("hyperhive-deploy@1.service failed")
        if len(host.begun) == 3:
            host.ended.add(id)

    async def body(host: Host) -> None:
        host.how = third_time
        host.deployments.begin(1, ALICE)
        await host.until(lambda: host.ended == {1})
        assert (host.begun, host.pauses) == ([1, 1, 1], [2.0, 10.0])
        assert host.given_up == {}
        assert "hyperhive-deploy@1.service failed" in caplog.text

    run(body)


def test_one_that_ends_while_nobody_waits_for_it_is_not_begun_again() -> None:
    def cut_short(host: Host, id: int) -> None:
        if id == 1:
            raise HyperhiveError("hyperhive-deploy@1.service was killed")
        host.ended.add(id)

    async def body(host: Host) -> None:
        host.how, host.endless_pauses = cut_short, True
        host.deployments.begin(1, ALICE)
        host.deployments.begin(2, ALICE)
        await host.until(lambda: host.pauses == [2.0])
        # systemd began its unit again, which ended well.
        host.ended.add(1)
        host.deployments.ended(1)
        await host.until(lambda: host.ended == {1, 2})
        assert host.begun == [1, 2]
        host.deployments.ended(1)

    run(body)


def test_one_that_never_says_how_it_ended_has_failed() -> None:
    def refused(_host: Host, _id: int) -> None:
        raise HyperhiveError("this broker does not deploy alice")

    async def body(host: Host) -> None:
        host.how = refused
        host.deployments.begin(1, ALICE)
        host.deployments.begin(2, ALICE)
        await host.until(lambda: host.ended == {1, 2})
        assert host.begun == [1] * 5 + [2] * 5
        assert host.pauses == [*PAUSES, *PAUSES]
        assert host.given_up[1] == (
            "the deploy unit ended 5 times without saying how: this broker does not deploy alice;"
            " it may be half done: see journalctl -u hyperhive-deploy@1"
        )

    run(body)


def test_a_bug_leaves_it_for_the_next_start(caplog: pytest.LogCaptureFixture) -> None:
    def bug(host: Host, id: int) -> None:
        if id == 1:
            raise ZeroDivisionError
        host.ended.add(id)

    async def body(host: Host) -> None:
        host.how = bug
        host.deployments.begin(1, ALICE)
        host.deployments.begin(2, ALICE)
        await host.until(lambda: host.ended == {2})
        assert host.begun == [1, 2]
        assert "approval 1 is left as it is until the next start" in caplog.text

    run(body)


def test_at_the_end_nothing_is_waited_for() -> None:
    async def body(host: Host) -> None:
        host.release = {1: asyncio.Event()}
        host.deployments.begin(1, ALICE)
        host.deployments.begin(2, ALICE)
        await host.until(lambda: host.begun == [1])
        await host.deployments.close()
        assert (host.begun, host.ended, host.given_up) == ([1], set(), {})

    run(body)

"""A deploy that ends before any of its changes: the next run has everything before or after."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from hyperhive.deploy.deployment import FailedError
from hyperhive.deploy.recovery import MOST_INTERRUPTIONS
from hyperhive.errors import HyperhiveError
from hyperhive.store.approval_states import ApprovalKind, ApprovalState
from hyperhive.store.container_states import Wanted
from tests.integration.deploy.approvals import ApprovalBroker, differences, everything
from tests.integration.deploy.fake_host import HIVE

pytestmark = pytest.mark.usefixtures("as_root")

OPUS: Final = 'model = "opus"\n'


class Killed(BaseException):
    """The run ends here."""


EVENTS: Final = {
    "open", "os.chmod", "os.chown", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink",
    "subprocess.Popen",
}  # fmt: skip
"""Audit events of changes to a host."""


class Interruption:
    """Lets a run end before one of its changes."""

    def __init__(self) -> None:
        self.left: int | None = None
        self.done = False
        self.error: Callable[[], BaseException] = Killed
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if self.left is None or event not in EVENTS or not self._changes(event, details):
            return
        self.left -= 1
        if self.left < 0:
            self.left, self.done = None, True
            raise self.error()

    def _changes(self, event: str, details: tuple[Any, ...]) -> bool:
        if event != "open":
            return True
        _, _, flags = details
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    @contextmanager
    def before(self, change: int, error: Callable[[], BaseException] = Killed) -> Iterator[None]:
        """Let a run end before its change number `change`."""
        self.left, self.error, self.done = change, error, False
        try:
            yield
        finally:
            self.left = None


INTERRUPTION: Final = Interruption()


def without_history(found: dict[str, Any]) -> dict[str, Any]:
    """A host without what is another at each time: the ids of commits."""
    return {name: what for name, what in found.items() if "/.git/" not in name}


@pytest.mark.parametrize("kind", [ApprovalKind.APPLY_COMMIT, ApprovalKind.SPAWN])
@pytest.mark.parametrize("how", ["killed", "error"])
@pytest.mark.slow
def test_a_deploy_that_ends_before_any_change_is_before_or_after(
    broker: ApprovalBroker, kind: ApprovalKind, how: str
) -> None:
    host = broker.host
    agent = "carl" if kind is ApprovalKind.SPAWN else "alice"
    interrupted = host.paths.records / "interrupted.json"
    change, ended = 0, False
    while not ended:
        before = everything(host)
        broker.propose(agent, f'model = "model-{change}"\n', kind=kind)
        interrupted.unlink(missing_ok=True)
        try:
            error = Killed if how == "killed" else lambda: OSError(28, "No space left on device")
            with INTERRUPTION.before(change, error):
                broker.deploy()
        except (Killed, HyperhiveError, OSError):
            pass
        ended = not INTERRUPTION.done
        if not ended and how == "killed":
            # The next run is of the same unit, or of reconcile.
            if change % 2 and broker.state() in ("approved", "building"):
                broker.deploy()
                assert broker.state() is ApprovalState.DEPLOYED
            else:
                host.whole(HIVE, broker)
        after = everything(host)
        changed = differences(without_history(before), without_history(after))
        match broker.state():
            case ApprovalState.DEPLOYED:
                assert f"state/deploy/approved/{agent}/agent.toml" in changed
                assert not [name for name in changed if ".new" in name], change
                assert host.whole(HIVE, broker)[agent].changes == [], change
                if kind is ApprovalKind.SPAWN:
                    broker.wanted[agent] = Wanted.PURGED
                    host.whole(HIVE, broker)
                    broker.wanted.clear()
            case state:
                assert changed == {}, (change, state, host.systemd.done)
        host.systemd.done.clear()
        # What tells that it was before or after has to be one of both.
        assert not (host.paths.records / "transaction.json").exists(), change
        change += 1 if how == "killed" else 3
    assert change > 60


def test_what_is_cut_short_again_and_again_has_failed(
    broker: ApprovalBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(name: str) -> Any:
        raise Killed

    monkeypatch.setattr(broker, "agent", ended)
    broker.propose("alice", OPUS)
    before = everything(broker.host)
    for _ in range(MOST_INTERRUPTIONS):
        assert broker.state() is not ApprovalState.FAILED
        with pytest.raises(Killed):
            broker.deploy()
        assert json.loads((broker.host.paths.records / "transaction.json").read_text())["id"] == 7
    with pytest.raises(FailedError, match="it was cut short 5 times"):
        broker.deploy()
    assert broker.state() is ApprovalState.FAILED
    assert differences(before, everything(broker.host)) == {}

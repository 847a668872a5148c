"""A deploy in a process of its own, that can be killed: systemd and the broker are kept in a file.

python -m tests.integration.deploy.deploy_process TOP deploy ID
python -m tests.integration.deploy.deploy_process TOP reconcile
"""

import os
import pickle
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from hyperhive.errors import HyperhiveError
from tests.integration.deploy.approvals import ApprovalBroker
from tests.integration.deploy.fake_host import HIVE, FakeHost, FakeSystemd, paths_of

WORLD: Final = "world"
CHANGES: Final = {
    "systemd": ("stop", "begin", "reload", "reset_failed"),
    "broker": ("begin_deploy", "end_deploy"),
}


def save(broker: ApprovalBroker, top: Path) -> None:
    """Keep what is not in files yet."""
    half = top / f"{WORLD}.new"
    units = {one.name: getattr(broker.host.systemd, one.name) for one in fields(FakeSystemd)}
    half.write_bytes(pickle.dumps((units, broker.approvals, broker.wanted)))
    half.replace(top / WORLD)


def load(host: FakeHost, top: Path) -> ApprovalBroker:
    """The broker and the units, as they were kept."""
    units, approvals, wanted = pickle.loads((top / WORLD).read_bytes())
    for name, value in units.items():
        setattr(host.systemd, name, value)
    return ApprovalBroker(host, approvals, wanted)


def saved_after(change: Callable[..., Any], keep: Callable[[], None]) -> Callable[..., Any]:
    """The same, and then it is kept."""

    def changes(*args: Any) -> Any:
        done = change(*args)
        keep()
        return done

    return changes


def main(top: Path, words: list[str]) -> int:
    """Do what the words say."""
    paths = paths_of(top)
    host = FakeHost(paths, FakeSystemd(paths), top / "log", top / "store")
    broker = load(host, top)
    for one, names in ((host.systemd, CHANGES["systemd"]), (broker, CHANGES["broker"])):
        for name in names:
            kept = saved_after(getattr(one, name), lambda: save(broker, top))
            object.__setattr__(one, name, kept)
    print("ready", flush=True)
    try:
        if words[0] == "deploy":
            broker.deploy(int(words[1]))
        else:
            host.whole(HIVE, broker)
    except HyperhiveError as error:
        print(error.what, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))

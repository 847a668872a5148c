"""Start jobs side by side."""

from dataclasses import dataclass, field
from typing import Literal

from hyperhive.deploy.starting import START_SECONDS, Starts
from hyperhive.errors import HyperhiveError
from hyperhive.systemd.unit_status import UnitStatus


@dataclass(frozen=True)
class FakeJob:
    """A job of a unit."""

    path: str

    def error(self, result: str) -> HyperhiveError | None:
        return None if result == "done" else HyperhiveError(f"{self.path}: {result}")


@dataclass
class FakeUnits:
    """A systemd whose jobs end while somebody waits, one a time."""

    refuses: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    results: dict[str, str] = field(default_factory=dict)
    under_way: list[str] = field(default_factory=list)
    most: int = 0
    clock: float = 0.0
    _ended: dict[str, str] = field(default_factory=dict)

    def begin(self, unit: str, verb: Literal["start"]) -> FakeJob | None:
        if unit in self.refuses:
            raise HyperhiveError(f"{unit} refused")
        if unit in self.runs:
            return None
        self.under_way.append(unit)
        self.most = max(self.most, len(self.under_way))
        return FakeJob(unit)

    def ended(self) -> dict[str, str]:
        ended, self._ended = self._ended, {}
        return ended

    def wait(self, seconds: float | None) -> None:
        assert seconds is not None
        for unit in self.under_way:
            result = self.results.get(unit, "done")
            if result != "never":
                self.under_way.remove(unit)
                self._ended[unit] = result
                self.clock += 1
                return
        self.clock += seconds

    def now(self) -> float:
        return self.clock

    def status(self, unit: str) -> UnitStatus:
        raise NotImplementedError

    def list(self, pattern: str) -> list[UnitStatus]:
        raise NotImplementedError

    def stop(self, unit: str) -> None:
        raise NotImplementedError

    def reset_failed(self, unit: str) -> None:
        raise NotImplementedError

    def reload(self) -> None:
        raise NotImplementedError


def started(units: FakeUnits, *names: str) -> dict[str, str]:
    """Start units; return what was said of each."""
    said: dict[str, str] = {}
    starts = Starts(units, units.now)
    for name in names:

        def done(error: HyperhiveError | None, name: str = name) -> None:
            assert name not in said
            said[name] = error.what if error else "done"

        starts.begin(name, done)
    starts.settle(most=0)
    return said


def test_each_end_is_told_once() -> None:
    units = FakeUnits(
        refuses=frozenset({"a"}), runs=frozenset({"b"}), results={"c": "failed", "d": "done"}
    )
    assert started(units, "a", "b", "c", "d") == {
        "a": "a refused",
        "b": "done",
        "c": "c: failed",
        "d": "done",
    }


def test_many_start_side_by_side_but_not_all_at_once() -> None:
    units = FakeUnits()
    names = [str(number) for number in range(50)]
    assert started(units, *names) == dict.fromkeys(names, "done")
    assert units.most == 8


def test_one_that_never_ends_keeps_nobody_for_ever() -> None:
    units = FakeUnits(results={"a": "never"})
    assert started(units, "a", "b") == {"a": "a: timeout", "b": "done"}
    assert START_SECONDS <= units.clock < START_SECONDS + 5

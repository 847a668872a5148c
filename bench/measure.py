"""What a measurement gives, and the arithmetic that all of them share."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """One figure beside its budget."""

    what: str
    budget: str
    value: str
    kept: bool
    note: str = ""

    def line(self) -> str:
        """The figure on one line."""
        return f"{'ok  ' if self.kept else 'MISS'} {self.what}: {self.value} (budget {self.budget})"


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` from 0 to 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def resident_megabytes(pid: int) -> float:
    """Resident memory of a process (VmRSS of proc_pid_status(5))."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return int(fields["VmRSS"].split()[0]) / 1024

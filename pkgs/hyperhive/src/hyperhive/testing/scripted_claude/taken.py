"""How often rules were taken that a script says to take a number of times."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_FILE: Final = "scripted-rules"


class Taken:
    """Counts rules by their marks, for all runs with a configuration directory of claude's."""

    def __init__(self, home: Path) -> None:
        self._path = home / _FILE
        self._counts = Counter(self._path.read_text().split() if self._path.exists() else ())

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each rule was taken so far."""
        return self._counts

    def add(self, mark: str) -> None:
        """Count that a rule is taken."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(f"{mark}\n")
        self._counts[mark] += 1

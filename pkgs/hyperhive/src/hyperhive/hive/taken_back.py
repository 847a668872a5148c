"""What a proposal takes away of what was approved before: most often by mistake, where it was made
from files that do not have it."""

from collections.abc import Mapping
from typing import Final

from hyperhive.hive.layers import Effective, Layer, Setting
from hyperhive.hive.proposal import EXTRA_NIX

TAKES_BACK: Final = "takes back what was approved"
_LAID_OVER: Final = frozenset({Layer.APPROVED, Layer.OVERRIDE})


def taken_items(was: Setting | None, becomes: Setting | None) -> list[str]:
    """What an approved list had and no longer has, each once."""
    if was is None or was.layer is not Layer.APPROVED or not isinstance(was.value, list):
        return []
    kept = set(becomes.value if becomes else [])
    return [item for item in dict.fromkeys(was.value) if item not in kept]


def is_taken_back(was: Setting | None, becomes: Setting | None) -> bool:
    """Whether a value was approved and now comes from what lies below, or a list has less."""
    if was is None or was.layer is not Layer.APPROVED:
        return False
    below = becomes is None or becomes.layer not in _LAID_OVER
    return below or bool(taken_items(was, becomes))


def takes_back(before: Effective | None, after: Effective) -> bool:
    """Whether any setting of an agent is taken back."""
    old = {} if before is None else before.settings
    return any(is_taken_back(was, after.settings.get(at)) for at, was in old.items())


def taken_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What is to be known of approved files that are no setting, one line each."""
    return [f"{EXTRA_NIX}: {TAKES_BACK}"] if EXTRA_NIX in before.keys() - after.keys() else []

"""What the tools that reach another agent know of the loop guard."""

from hyperhive.broker.core import Core
from hyperhive.store.loop_guard import LoopGuard


def loop_guard_of(core: Core) -> LoopGuard:
    """The declared guard."""
    rule = core.hive.hive.loop_guard
    return LoopGuard(rule.answers, rule.minutes * 60)


def paused_text(other: str, guard: LoopGuard) -> str:
    """What a model is told when the guard has paused it and `other`."""
    return (
        f"You and {other} have answered each other more than {guard.answers} times in"
        f" {guard.seconds / 60:g} min: both of you are paused after this turn, and the operator is"
        " told. End your turn."
    )

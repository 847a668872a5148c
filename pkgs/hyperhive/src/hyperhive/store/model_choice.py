"""Which model an agent's next turn runs with: what is declared, unless the operator set another."""

from dataclasses import dataclass
from typing import Final

from hyperhive.store.agents import HoldKind, end_hold
from hyperhive.store.transaction import Transaction

OVERRIDE: Final = "override"
"""The layer of a model that the operator set at run time."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model and the layer of the settings that names it."""

    model: str
    layer: str


def declare_model(tx: Transaction, agent: str, choice: ModelChoice, *, by: str, now: float) -> None:
    """Records what holds for an agent without an override.

    Args:
        by: who is said to have switched the model, if this switches it.
    """
    tx.connection.execute(
        "UPDATE agents SET model_declared = ?, model_declared_layer = ? WHERE name = ?",
        (choice.model, choice.layer, agent),
    )
    _apply(tx, agent, by=by, now=now)


def override_model(tx: Transaction, agent: str, model: str | None, *, by: str, now: float) -> None:
    """Sets the model from the next turn on; None: what is declared holds again.

    A turn that failed because the API has no such model is tried again with the new one.
    """
    tx.connection.execute("UPDATE agents SET model_override = ? WHERE name = ?", (model, agent))
    _apply(tx, agent, by=by, now=now)


def _apply(tx: Transaction, agent: str, *, by: str, now: float) -> None:
    declared, layer, override, model, was_layer = tx.connection.execute(
        "SELECT model_declared, model_declared_layer, model_override, model, model_layer"
        " FROM agents WHERE name = ?",
        (agent,),
    ).fetchone()
    chosen = ModelChoice(declared, layer) if override is None else ModelChoice(override, OVERRIDE)
    if chosen == ModelChoice(model, was_layer):
        return
    tx.connection.execute(
        "UPDATE agents SET model = ?, model_layer = ? WHERE name = ?",
        (chosen.model, chosen.layer, agent),
    )
    if not model:
        return  # a new agent
    tx.connection.execute(
        "UPDATE agents SET model_switched_at = ?, model_switched_by = ? WHERE name = ?",
        (now, by, agent),
    )
    data = {"model": chosen.model, "layer": chosen.layer, "was": model, "by": by}
    tx.event("model", data, at=now, agent=agent)
    if chosen.model != model:
        end_hold(tx, agent, HoldKind.UNKNOWN_MODEL, now=now)

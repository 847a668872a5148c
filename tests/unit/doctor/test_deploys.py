"""A deploy that is under way is none that was cut short."""

from dataclasses import replace

import pytest

from hyperhive.doctor.ask import Unknown
from hyperhive.doctor.checks_deploys import cut_short
from hyperhive.doctor.finding import Level
from hyperhive.doctor.units import BROKER
from tests.unit.doctor.good_host import GOOD, HOST, file, levels, with_entry


@pytest.mark.parametrize(
    ("unit", "active", "level"),
    [
        ("hyperhive-deploy@7.service", "activating", Level.OK),
        ("hyperhive-reconcile.service", "activating", Level.OK),
        ("hyperhive-deploy@7.service", "failed", Level.FAIL),
        ("hyperhive.service", "activating", Level.FAIL),
    ],
)
def test_who_is_at_work(unit: str, active: str, level: Level) -> None:
    assert not isinstance(GOOD.units, Unknown)
    there = replace(GOOD.units[BROKER], name=unit, active=active)
    left = with_entry(HOST.transaction, file(0, 0, 0o644))
    assert levels(cut_short, replace(left, units={**GOOD.units, unit: there})) == {level}

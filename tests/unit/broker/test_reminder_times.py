"""When a reminder is due."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hyperhive.broker.tools.times import MAX_AHEAD, due_at
from hyperhive.errors import InputError

NOW = 1790000000.0


@pytest.mark.parametrize(
    ("delay", "at", "due"),
    [
        (1.0, None, NOW + 1),
        (float(MAX_AHEAD), None, NOW + MAX_AHEAD),
        (None, NOW + 60, NOW + 60),
        (None, "1790000060", NOW + 60),
        (None, " 1790000060.5 ", NOW + 60.5),
        (None, "2026-09-21T14:14:20Z", NOW + 60),
        (None, "2026-09-21T16:14:20+02:00", NOW + 60),
        (None, "2026-09-21 14:14:20.250+00:00", NOW + 60.25),
    ],
)
def test_a_reminder_has_one_time(delay: float | None, at: float | str | None, due: float) -> None:
    assert due_at(delay, at, now=NOW) == due


@pytest.mark.parametrize(
    ("delay", "at", "said"),
    [
        (None, None, "give delay_seconds or at: one of both"),
        (60.0, NOW + 60, "give delay_seconds or at: one of both"),
        (0.5, None, "it is 2026-09-21T14:13:20Z now"),
        (-60.0, None, "1 s to 366 days later"),
        (MAX_AHEAD + 1.0, None, "1 s to 366 days later"),
        (None, NOW - 60, "1 s to 366 days later"),
        (None, NOW * 1000, "1 s to 366 days later"),
        (None, "nan", "1 s to 366 days later"),
        (None, "1e999", "1 s to 366 days later"),
        (None, "2026-09-21T14:14:20", "'2026-09-21T14:14:20' has no zone: write it as"),
        (None, "tomorrow", "'tomorrow' is no time: write it as"),
        (None, "", "'' is no time"),
        (None, "0001-01-01T00:00:00+23:59", "1 s to 366 days later"),
    ],
)
def test_other_times_are_refused(delay: float | None, at: float | str | None, said: str) -> None:
    with pytest.raises(InputError) as caught:
        due_at(delay, at, now=NOW)
    assert said in f"{caught.value.what}: {caught.value.todo}"


@given(st.text(max_size=30) | st.datetimes().map(str) | st.floats().map(str) | st.floats())
@example("9999-12-31T23:59:59-23:59")
@example("２０２６")
def test_whatever_is_given_is_a_time_ahead_or_refused(at: float | str) -> None:
    try:
        due = due_at(None, at, now=NOW)
    except InputError:
        return
    assert math.isfinite(due)
    assert NOW + 1 <= due <= NOW + MAX_AHEAD

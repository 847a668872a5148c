"""A burst is told once at its beginning, and then ever more rarely."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.hive.notifications import NotifyEvent
from hyperhive.notify.bursts import FIRST_SECONDS, LONGEST_SECONDS, Progress
from hyperhive.notify.notices import Notice
from tests.unit.notify.noted import AT, notice


class Told:
    """A progress that moves on, and what was told when."""

    def __init__(self) -> None:
        self.progress = Progress(0)
        self.told: list[tuple[float, Notice]] = []

    def happens(self, one: Notice, now: float) -> None:
        """Something happens; what was due before is told before."""
        while (due := self.progress.next_due) is not None and due <= now:
            self.look(due)
        self.look(now)
        self.progress, said = self.progress.take(self.progress.after + 1, one, now)
        if said is not None:
            self.told.append((now, said))

    def look(self, now: float) -> None:
        """Look at the clock until nothing is due."""
        while True:
            self.progress, said = self.progress.expire(now)
            if said is None:
                return
            self.told.append((now, said))

    def finish(self) -> None:
        """Wait until nothing is held."""
        while (due := self.progress.next_due) is not None:
            self.look(due)

    def counts(self) -> list[int]:
        """For how many each stood that was told."""
        return [said.count for _, said in self.told]


def test_the_first_is_told_at_once_and_what_follows_at_the_end_of_the_minute() -> None:
    story = Told()
    for second in range(30):
        story.happens(notice(text=f"crash {second}"), AT + second)
    assert [said.text for _, said in story.told] == ["crash 0"]
    assert story.progress.after == 30
    assert story.progress.next_due == AT + FIRST_SECONDS
    story.look(AT + FIRST_SECONDS)
    (_, (_, last)) = story.told
    assert (last.text, last.count) == ("crash 29", 29)
    assert story.progress.next_due is None


def test_others_are_told_at_once_meanwhile() -> None:
    story = Told()
    crash, bobs = notice(), notice(agent="bob")
    asked = notice(NotifyEvent.QUESTION)
    for one in (crash, crash, bobs, asked):
        story.happens(one, AT)
    assert [said for _, said in story.told] == [crash, bobs, asked]


def test_a_crash_loop_of_a_day_is_told_a_few_times_and_no_crash_is_left_out() -> None:
    story = Told()
    crashes = 24 * 360
    for number in range(crashes):
        story.happens(notice(), AT + 10 * number)
    story.finish()
    assert sum(story.counts()) == crashes
    assert len(story.told) < 40
    times = [at for at, _ in story.told]
    gaps = [after - before for before, after in pairwise(times)]
    assert gaps[:4] == [60.0, 120.0, 240.0, 480.0]
    assert max(gaps) == LONGEST_SECONDS


def test_a_minute_without_any_ends_the_burst() -> None:
    story = Told()
    story.happens(notice(), AT)
    story.happens(notice(), AT + FIRST_SECONDS)
    assert story.counts() == [1, 1]


def test_a_clock_that_was_set_back_holds_nothing_for_long() -> None:
    story = Told()
    story.happens(notice(), AT)
    story.happens(notice(), AT + 1)
    story.look(AT - 86400)
    assert story.counts() == [1, 1]
    story.look(AT - 2 * 86400)
    assert story.progress.bursts == ()
    story.happens(notice(), AT - 2 * 86400)
    assert story.counts() == [1, 1, 1]


def test_a_step_that_is_not_kept_has_changed_nothing() -> None:
    before = Progress(0)
    after, said = before.take(1, notice(), AT)
    assert said is not None
    assert before == Progress(0)
    again, told_again = replace(before).take(1, notice(), AT + 5)
    assert told_again == said
    assert again.after == after.after == 1


@given(
    st.lists(
        st.tuples(
            st.floats(0, 400, allow_nan=False),
            st.sampled_from(list(NotifyEvent)),
            st.sampled_from(["alice", "bob"]),
        ),
        max_size=60,
    )
)
def test_each_event_is_told_once_and_no_kind_twice_within_a_minute(
    steps: list[tuple[float, NotifyEvent, str]],
) -> None:
    story, now = Told(), AT
    for pause, event, agent in steps:
        now += pause
        story.happens(notice(event, agent), now)
    story.finish()
    assert sum(story.counts()) == len(steps)
    assert story.progress.after == len(steps)
    last: dict[tuple[NotifyEvent, str], float] = {}
    for at, said in story.told:
        key = (said.event, said.agent)
        assert at - last.get(key, -1.0) >= FIRST_SECONDS
        last[key] = at

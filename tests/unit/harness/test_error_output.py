"""What becomes of claude's standard error."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperhive.harness.error_output import KEPT, MOST_BYTES, MOST_LINES, ErrorOutput

HEAD = "turn 7: claude's standard error: "


def logged(caplog: pytest.LogCaptureFixture, *chunks: bytes) -> list[str]:
    """Return the lines that are logged of some chunks."""
    caplog.clear()
    caplog.set_level("INFO")
    output = ErrorOutput(7)
    for chunk in chunks:
        output.feed(chunk)
    output.finish()
    assert all(one.__dict__["journal"] == {"HYPERHIVE_TURN": "7"} for one in caplog.records)
    return [record.getMessage().removeprefix(HEAD) for record in caplog.records]


def test_each_line_is_logged_with_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, b"one\n\ntw", b"o \nthree") == ["one", "two", "three"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chunks=st.lists(st.binary(max_size=50)))
def test_nothing_is_lost_however_it_comes(
    caplog: pytest.LogCaptureFixture, chunks: list[bytes]
) -> None:
    whole = logged(caplog, b"".join(chunks))
    assert logged(caplog, *chunks) == whole
    assert len(whole) == sum(
        bool(line.decode("utf-8", "replace").rstrip()) for line in b"".join(chunks).split(b"\n")
    )


def test_it_does_not_fill_the_journal(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, *(b"again\n" for _ in range(2 * MOST_LINES)))
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == f"more than {MOST_LINES} lines; no more of them are logged"


def test_a_line_without_end_is_logged_in_parts(caplog: pytest.LogCaptureFixture) -> None:
    lines = logged(caplog, b"x" * (2 * MOST_BYTES + 1))
    assert [len(line) for line in lines] == [MOST_BYTES, MOST_BYTES, 1]


def test_its_end_is_kept() -> None:
    output = ErrorOutput(7)
    for number in range(10_000):
        output.feed(f"line {number}\n".encode())
    assert output.end.endswith("line 9998\nline 9999\n")
    assert len(output.end) == KEPT

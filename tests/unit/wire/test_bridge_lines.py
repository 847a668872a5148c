"""What the manager's bridge passes on, byte for byte."""

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.wire.bridge import MARK, Lines
from hyperhive.wire.jsonrpc import MAX_LINE

pieces = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from([b"\n", b"\r\n", MARK, MARK[:9], MARK[9:], b"x" * 200_000, b"\n" * 3]),
    ),
    max_size=40,
)


@given(pieces, st.lists(st.integers(1, 400_000), min_size=1, max_size=20))
def test_what_goes_in_comes_out(parts: list[bytes], sizes: list[int]) -> None:
    """However it is cut up; and the marked ones are just the whole lines that hold the mark."""
    said = b"".join(parts)
    lines, passed, marked = Lines(), [], []
    at, turn = 0, 0
    while at < len(said):
        size = sizes[turn % len(sizes)]
        for part, is_marked in lines.split(said[at : at + size]):
            passed.append(part)
            if is_marked:
                marked.append(part)
        at, turn = at + size, turn + 1
    assert b"".join(passed) + lines.rest() == said
    whole = [line + b"\n" for line in said.split(b"\n")[:-1]]
    # Whether a line at the limit is still held depends on how it came.
    short = [line for line in whole if MARK in line and len(line) <= MAX_LINE]
    assert [line for line in marked if len(line) <= MAX_LINE] == short
    assert set(marked) <= set(whole)


def test_a_line_is_passed_on_as_soon_as_it_is_whole() -> None:
    lines = Lines()
    assert lines.split(b'{"a": 1}\n{"b"') == [(b'{"a": 1}\n', False)]
    assert lines.split(b": 2}\n") == [(b'{"b": 2}\n', False)]
    assert lines.rest() == b""


def test_a_mark_that_comes_in_two_parts() -> None:
    lines = Lines()
    assert lines.split(b"one\n" + MARK[:5]) == [(b"one\n", False)]
    assert lines.split(MARK[5:] + b"\ntwo\n") == [(MARK + b"\n", True), (b"two\n", False)]


def test_a_line_that_the_broker_would_refuse_is_not_held() -> None:
    lines = Lines()
    start = b"x" * MAX_LINE
    assert lines.split(start) == [(start, False)]
    assert lines.split(MARK) == [(MARK, False)]
    assert lines.split(MARK + b"\n" + MARK + b"\n") == [(MARK + b"\n", False), (MARK + b"\n", True)]
    assert lines.rest() == b""

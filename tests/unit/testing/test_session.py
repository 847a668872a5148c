"""Sessions as claude keeps them: an id begins once, and is resumed with what was said."""

from pathlib import Path

import pytest

from hyperhive.testing.scripted_claude import session
from hyperhive.testing.scripted_claude.session import (
    SessionError,
    SessionState,
    Tokens,
    UnknownSession,
)

ID = "11111111-1111-4111-8111-111111111111"


ANSWER = {"type": "assistant", "message": {"model": "claude-opus-5-5"}}
ERROR = {"type": "assistant", "message": {"model": "<synthetic>"}}
BOUNDARY = {"type": "system", "subtype": "compact_boundary"}


def test_resumed_with_what_it_amounts_to(tmp_path: Path) -> None:
    first = session.begin(tmp_path, ID)
    first.state.totals.add(Tokens(1, 2, 3, 4, 0.5))
    first.state.weight, first.state.window, first.state.dropped = 10, 1_000_000, 7
    first.close()
    second = session.resume(tmp_path, ID)
    second.state.totals.add(Tokens(1, 2, 3, 4, 0.5))
    second.close()
    assert second.id == ID
    third = session.resume(tmp_path, ID)
    third.close()
    assert third.state == SessionState(Tokens(2, 4, 6, 8, 1.0), 10, 1_000_000, 7)


@pytest.mark.parametrize(
    ("entries", "answered", "compacted"),
    [
        ([], False, False),
        ([ERROR], False, False),
        ([ANSWER, ERROR], True, False),
        ([ANSWER, BOUNDARY], True, True),
    ],
)
def test_a_killed_run_leaves_what_was_said(
    tmp_path: Path, entries: list[dict[str, object]], answered: bool, compacted: bool
) -> None:
    first = session.begin(tmp_path, ID)
    for entry in entries:
        first.record(entry)
    second = session.resume(tmp_path, ID)  # `first` never came to close it
    assert (first.resumed, second.resumed) == (False, True)
    assert (second.answered, second.compacted) == (answered, compacted)
    second.close()
    first.close()


def test_nothing_is_kept_of_an_unkept_session(tmp_path: Path) -> None:
    unkept = session.begin_unkept(tmp_path, ID)
    unkept.record(ANSWER)
    unkept.close()
    assert (unkept.answered, list(tmp_path.iterdir())) == (True, [])


def test_resumed_after_a_kill_in_the_middle_of_a_line(tmp_path: Path) -> None:
    session.begin(tmp_path, ID).close()
    [path] = tmp_path.glob("*/*.jsonl")
    path.write_text(path.read_text() + '{"type": "user", "mess')
    session.resume(tmp_path, ID).close()


def test_an_id_begins_once(tmp_path: Path) -> None:
    session.begin(tmp_path, ID).close()
    with pytest.raises(SessionError, match=f"^Error: Session ID {ID} is already in use.$"):
        session.begin(tmp_path, ID)


@pytest.mark.parametrize("id", [ID, "../../x", "*", "a title"])
def test_unknown(tmp_path: Path, id: str) -> None:
    with pytest.raises(UnknownSession) as raised:
        session.resume(tmp_path, id)
    assert str(raised.value) == f"No conversation found with session ID: {id}"


def test_not_a_uuid(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match=r"^Error: Invalid session ID. Must be a valid UUID.$"):
        session.begin(tmp_path, "../x")

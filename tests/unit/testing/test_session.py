"""Sessions are kept as claude keeps them: an id begins once, and can be resumed with its totals."""

from pathlib import Path

import pytest

from hyperhive.testing.scripted_claude import session
from hyperhive.testing.scripted_claude.session import SessionError, Tokens, UnknownSession

ID = "11111111-1111-4111-8111-111111111111"


def test_resumed_with_its_totals(tmp_path: Path) -> None:
    first = session.begin(tmp_path, ID)
    first.totals.add(Tokens(1, 2, 3, 4, 0.5))
    first.close()
    second = session.resume(tmp_path, ID)
    second.totals.add(Tokens(1, 2, 3, 4, 0.5))
    second.close()
    assert second.id == ID
    third = session.resume(tmp_path, ID)
    third.close()
    assert third.totals == Tokens(2, 4, 6, 8, 1.0)


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

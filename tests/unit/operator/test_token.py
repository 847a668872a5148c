"""The dashboard's token and its file."""

import re
from pathlib import Path

import pytest

from hyperhive.errors import InputError
from hyperhive.operator.token import operator_token


def test_a_token_is_made_once(tmp_path: Path) -> None:
    own = tmp_path / "operator.token"
    token = operator_token(own, None)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert own.stat().st_mode & 0o7777 == 0o600
    assert operator_token(own, None) == token
    assert [path.name for path in tmp_path.iterdir()] == ["operator.token"]
    assert operator_token(tmp_path / "other.token", None) != token


def test_what_a_killed_broker_left_half_written_is_no_token(tmp_path: Path) -> None:
    half = tmp_path / "operator.token.new"
    half.write_text("half")
    half.chmod(0o644)
    token = operator_token(tmp_path / "operator.token", None)
    assert len(token) == 43
    assert not half.exists()


def test_a_link_laid_in_the_way_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    (tmp_path / "operator.token.new").symlink_to(elsewhere)
    operator_token(tmp_path / "operator.token", None)
    assert elsewhere.read_text() == "mine"


def test_a_given_token_is_read(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.write_text("0123456789abcdef01234567\n")
    given.chmod(0o640)
    assert operator_token(tmp_path / "own", given) == "0123456789abcdef01234567"
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("short", 0o600, "no token of 24 visible characters"),
        ("", 0o600, "no token"),
        ("two words that are long enough", 0o600, "no token"),
        ("ü" * 30, 0o600, "no token"),
        ("0123456789abcdef01234567", 0o644, "everyone"),
        ("0123456789abcdef01234567", 0o601, "everyone"),
    ],
)
def test_a_file_without_a_safe_token_is_refused(
    tmp_path: Path, content: str, mode: int, said: str
) -> None:
    given = tmp_path / "given"
    given.write_text(content)
    given.chmod(mode)
    with pytest.raises(InputError) as caught:
        operator_token(tmp_path / "own", given)
    assert said in caught.value.what
    assert content not in caught.value.what or not content
    assert caught.value.todo


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        operator_token(tmp_path / "own", tmp_path / "none")

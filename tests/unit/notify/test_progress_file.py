"""What is kept of how far the operator was told."""

from pathlib import Path

import pytest

from hyperhive.errors import HyperhiveError
from hyperhive.notify.bursts import Progress
from hyperhive.notify.progress_file import read_progress, write_progress
from tests.unit.notify.noted import AT, notice


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    assert read_progress(file) is None
    progress, _ = Progress(0).take(1, notice(), AT)
    progress, held = progress.take(2, notice(text="🐝 again"), AT + 1)
    assert held is None
    for one in (Progress(0), progress):
        write_progress(file, one)
        assert read_progress(file) == one
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]


def test_a_file_that_a_crash_left_half_written_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "progress.json"
    write_progress(file, Progress(5))
    (tmp_path / "progress.new").write_text('{"after": 6, "bu')
    assert read_progress(file) == Progress(5)
    write_progress(file, Progress(7))
    assert read_progress(file) == Progress(7)


@pytest.mark.parametrize("text", ["", "{}", '{"after": "x"}', "\0"])
def test_a_file_that_says_something_else_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "progress.json"
    file.write_text(text)
    with pytest.raises(HyperhiveError, match=str(file)) as caught:
        read_progress(file)
    assert "remove it" in caught.value.todo

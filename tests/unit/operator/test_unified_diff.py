"""Differences of files, which git itself can apply."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperhive.operator.unified_diff import files_diff
from tests.tools import program


def test_what_changes_is_named_by_file() -> None:
    before = {"agent.toml": 'model = "haiku"\n', "gone": "x\n", "same": "s\n"}
    after = {"agent.toml": 'model = "opus"\n', "new": "y", "same": "s\n"}
    assert files_diff(before, after).splitlines() == [
        "--- a/agent.toml",
        "+++ b/agent.toml",
        "@@ -1 +1 @@",
        '-model = "haiku"',
        '+model = "opus"',
        "--- a/gone",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-x",
        "--- /dev/null",
        "+++ b/new",
        "@@ -0,0 +1 @@",
        "+y",
        "\\ No newline at end of file",
    ]


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_only_a_line_feed_begins_a_line(end: str) -> None:
    shown = files_diff({}, {"agent.toml": f"a = 1{end}-b = 2\n"})
    assert [line[0] for line in shown.split("\n") if line] == ["-", "+", "@", "+"]


def test_texts_made_to_take_hours_take_none(tmp_path: Path) -> None:
    count = 32_768
    before = "".join(f"{number % 150}\n" for number in range(count))
    after = "".join(f"{number * 7 % 150}\n" for number in range(count)).rstrip("\n")
    (tmp_path / "agent.toml").write_text(before)
    began = time.process_time()
    diff = files_diff({"agent.toml": before}, {"agent.toml": after})
    assert time.process_time() - began < 5, "nothing is compared"
    _apply(str(program("git", "install git")), tmp_path, diff)
    assert (tmp_path / "agent.toml").read_text() == after


def test_files_that_are_alike_differ_in_nothing() -> None:
    assert files_diff({"a": "x", "b": ""}, {"b": "", "a": "x"}) == ""


TEXTS = st.text(alphabet=st.sampled_from("ab\n\t\u2028\r-+@ \\"), max_size=30)


@settings(max_examples=25, deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_git_makes_the_one_of_the_other(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str
) -> None:
    git = str(program("git", "install git"))
    directory = tmp_path_factory.mktemp("tree")
    file = directory / "agent.toml"
    file.write_bytes(before.encode())
    diff = files_diff({"agent.toml": before}, {"agent.toml": after})
    if diff:
        _apply(git, directory, diff)
    assert file.read_bytes() == after.encode()


def _apply(git: str, directory: Path, diff: str) -> None:
    command = [git, "apply", "--whitespace=nowarn", "--unidiff-zero", "-"]
    done = subprocess.run(command, cwd=directory, input=diff.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()

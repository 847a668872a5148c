"""Files of the host: only those that bear hyperhive's mark are read, and each is old or new."""

import os
from pathlib import Path

import pytest

from hyperhive.deploy.marked_files import (
    MARK,
    names_between,
    read_marked,
    remove_file,
    write_file,
)
from hyperhive.errors import HyperhiveError
from hyperhive.hive.models import HiveConfig
from hyperhive.render.agent import Host
from hyperhive.render.tree import render_hive

OURS = MARK + b"render`: x\nA=1\n"


def test_a_file_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "made" / "h-alice.conf"
    write_file(path, OURS)
    write_file(path, OURS + b"B=2\n")
    assert read_marked(path) == OURS + b"B=2\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["h-alice.conf"]
    remove_file(path)
    remove_file(path)
    assert read_marked(path) is None


def test_what_a_run_that_was_cut_short_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".h-alice.conf.new").write_text("half")
    write_file(tmp_path / "h-alice.conf", OURS)
    assert [entry.name for entry in tmp_path.iterdir()] == ["h-alice.conf"]


@pytest.mark.parametrize("kind", ["text", "empty", "link", "directory", "pipe"])
def test_somebody_elses_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "h-alice.conf"
    match kind:
        case "text":
            path.write_bytes(b"A=1\n" + OURS)
        case "empty":
            path.touch()
        case "link":
            (tmp_path / "other").write_bytes(OURS)
            path.symlink_to("other")
        case "directory":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    with pytest.raises(HyperhiveError, match=r"h-alice.conf was not written by hyperhive"):
        read_marked(path)


def test_every_rendered_definition_bears_the_mark() -> None:
    hive = HiveConfig.model_validate({"hive": {"name": "lab"}, "agents": {"alice": {}}})
    tree = render_hive(hive, Host.default())
    definitions = [text for path, text in tree.items() if path.startswith("containers/")]
    assert len(definitions) == 2
    assert all(text.startswith(MARK) for text in definitions)


def test_names_are_found(tmp_path: Path) -> None:
    for name in ("h-bob.conf", "h-alice.conf", "other.conf", "h-x.conf.bak", ".h-y.conf.new"):
        (tmp_path / name).touch()
    assert list(names_between(tmp_path, "h-", ".conf")) == ["alice", "bob"]
    assert list(names_between(tmp_path / "none", "h-", ".conf")) == []

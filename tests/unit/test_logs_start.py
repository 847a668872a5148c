"""Where a daemon's log goes, by what its standard error is."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.tools import ROOT

SAYS: Final = (
    "import logging, sys; sys.path.insert(0, sys.argv[1]);"
    " from hyperhive.logs import start_logging;"
    " start_logging('harness', 'alice'); logging.getLogger('x').warning('one\\n<0>two')"
)
COMMAND: Final = [sys.executable, "-I", "-S", "-c", SAYS, str(ROOT / "pkgs/hyperhive/src")]
"""Without site-packages, and so without systemd's module."""


def said(tmp_path: Path, environment: dict[str, str], *before: str) -> str:
    """Return what a daemon writes to a standard error that is a file."""
    log = tmp_path / "log"
    with log.open("w") as stream:
        status = os.fstat(stream.fileno())
        values = {
            name: value.replace("STREAM", f"{status.st_dev}:{status.st_ino}")
            for name, value in environment.items()
        }
        subprocess.run([*before, *COMMAND], stderr=stream, env=values, check=True)
    return log.read_text()


def test_people_get_the_time_and_who_speaks(tmp_path: Path) -> None:
    pattern = r"\d\d:\d\d:\d\d\.\d{3} alice W one\n    <0>two\n"
    assert re.fullmatch(pattern, said(tmp_path, {}))


def test_a_stream_of_the_journal_gets_priorities(tmp_path: Path) -> None:
    assert said(tmp_path, {"JOURNAL_STREAM": "STREAM"}) == "<4>one\n<4><0>two\n"


def test_a_service_gets_priorities_whatever_its_standard_error_is(tmp_path: Path) -> None:
    exports = 'export SYSTEMD_EXEC_PID=$$; exec "$@"'
    assert said(tmp_path, {}, "/bin/sh", "-c", exports, "sh") == "<4>one\n<4><0>two\n"


def test_what_a_program_has_inherited_says_nothing_of_its_own(tmp_path: Path) -> None:
    of_another = {"JOURNAL_STREAM": "8:12", "SYSTEMD_EXEC_PID": "1"}
    assert " alice W one\n" in said(tmp_path, of_another)

"""Values of a container's conf file, read back as its three readers do."""

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.render.conf import NspawnFlag, conf_value, nspawn_flags
from tests.tools import program
from tests.unit.render.env_file import read_env_file

HOSTILE = st.text(alphabet=st.sampled_from("ab/.-_=,+@%~!#&;|<>(){} \t\n\r\0\\\"'`$*?[]:é\u00a0"))


def written(flags: list[NspawnFlag]) -> str:
    """The line of a conf file that holds `flags`, between two others."""
    return f"A=1\nEXTRA_NSPAWN_FLAGS={nspawn_flags(flags)}\nB=2\n"


def test_flags_as_the_start_script_passes_them_on() -> None:
    flags = [
        NspawnFlag("--private-users-ownership", ("chown",), "uid_base"),
        NspawnFlag("--bind", ("/srv/a", "/b"), "binds[0]"),
    ]
    read = read_env_file(written(flags))
    assert read["EXTRA_NSPAWN_FLAGS"] == "--private-users-ownership=chown --bind=/srv/a:/b"


@given(st.text() | HOSTILE)
def test_a_flag_comes_through_whole_or_is_refused(value: str) -> None:
    flags = [NspawnFlag("--bind", (value, "/target"), "binds[0]")]
    try:
        text = written(flags)
    except InputError:
        return
    read = read_env_file(text)
    assert set(read) == {"A", "B", "EXTRA_NSPAWN_FLAGS"}
    words = re.split("[ \t\n]+", read["EXTRA_NSPAWN_FLAGS"])
    assert words == [f"--bind={value}:/target"]


@pytest.mark.parametrize("character", list(" \t\n\0\\\"'`$*?[]:"))
def test_what_would_be_split_or_expanded_is_refused(character: str) -> None:
    with pytest.raises(InputError, match=r"^binds\[0\]\.source: "):
        nspawn_flags([NspawnFlag("--bind", (f"/a{character}b",), "binds[0].source")])


def test_a_shell_reads_the_same(tmp_path: Path) -> None:
    bash = program("bash", "apt-get install bash")
    odd = ["/srv/a~b", "/srv/{x,y}", "/srv/#c", "/srv/!d", "/srv/größe", "/srv/a;b&c|d<e>(f)"]
    flags = [NspawnFlag("--bind", (path,), "binds") for path in odd]
    conf = tmp_path / "h-alice.conf"
    conf.write_text(written(flags))
    for name in ("a", "x", "y"):
        (tmp_path / name).touch()
    done = subprocess.run(
        [bash, "-c", f"set -a; . {conf}; printf '%s\\n' $EXTRA_NSPAWN_FLAGS"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.splitlines() == [f"--bind={path}" for path in odd]


@pytest.mark.parametrize("value", ["path:/var/lib/x/deploy", 524288, "10.231.0.16", 1, ""])
def test_a_plain_value_is_bare(value: object) -> None:
    assert conf_value(value, "field") == str(value)


@given(st.text() | HOSTILE)
def test_a_plain_value_is_read_alike_with_and_without_quotes_or_refused(value: str) -> None:
    try:
        text = f"A=1\nFLAKE={conf_value(value, 'field')}\nB=2\n"
    except InputError:
        return
    assert read_env_file(text) == {"A": "1", "FLAKE": value, "B": "2"}
    found = re.search("^FLAKE=(.*)$", text, re.MULTILINE)
    assert found is not None
    assert found[1] == value

"""The unit of a turn, and the file of its variables."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.harness.environment_file import environment_file
from hyperhive.harness.invocation import Invocation
from hyperhive.harness.unit import unit_name, unit_properties

INVOCATION = Invocation(
    argv=["/bin/claude", "--print", "$HOME"],
    environment={"TOKEN": "s3cret", "PATH": "/bin"},
    work="/state/work",
    prompt=b"",
    files={},
)
PASSED = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n"))
"""What systemd passes on."""


def test_properties() -> None:
    unit = unit_properties(INVOCATION, "alice", 12, 3600, "/run/turns/12/environment")
    said = {name: variant.value for name, variant in unit.items()}
    assert said["ExecStartEx"] == [("/bin/claude", INVOCATION.argv, ["no-env-expand"])]
    assert said["EnvironmentFiles"] == [("/run/turns/12/environment", False)]
    assert said["RuntimeMaxUSec"] == 3_660_000_000
    assert (said["User"], said["Group"]) == ("agent", "agent")
    assert said["WorkingDirectory"] == "/state/work"
    assert said["NoNewPrivileges"] is True
    assert b"HYPERHIVE_TURN=12" in said["LogExtraFields"]
    assert "s3cret" not in repr(unit)


def test_name() -> None:
    assert unit_name(12) == "hyperhive-turn-12.service"


def parsed(content: bytes) -> dict[str, str]:
    """What systemd reads (src/basic/env-file.c), for values that stand between double quotes."""
    text = content.decode()
    found, at = {}, 0
    while at < len(text):
        line = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"\n', re.DOTALL).match(text, at)
        assert line is not None, text[at:]
        found[line[1]] = re.sub(r'\\(["\\$`])', r"\1", line[2])
        at = line.end()
    return found


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), PASSED))
def test_variables_are_read_as_they_were(variables: dict[str, str]) -> None:
    assert parsed(environment_file(variables)) == variables


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("TOKEN", "s3cret\r", "variable TOKEN holds a control character"),
        ("TOKEN", "s3cret\x1b", "variable TOKEN holds a control character"),
        ("TOKEN", "s3cret\udcff", "variable TOKEN is not UTF-8"),
        ("A B", "s3cret", "'A B' is no name of a variable"),
    ],
)
def test_what_systemd_would_not_pass_is_refused(name: str, value: str, what: str) -> None:
    with pytest.raises(ValueError, match=what) as error:
        environment_file({name: value})
    assert "s3cret" not in str(error.value)

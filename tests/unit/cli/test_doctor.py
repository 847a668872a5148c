"""`hyperhive doctor`: a line for each finding, and an exit status."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.cli.doctor import shown, total
from hyperhive.cli.main import main
from hyperhive.cli.output import display_width
from hyperhive.doctor.facts import HostFacts
from hyperhive.doctor.finding import Finding, Level, fail, ok, warn
from tests.tools import ROOT
from tests.unit.doctor.good_host import GOOD

HIVE = str(ROOT / "examples" / "minimal.toml")


def looked_over(monkeypatch: pytest.MonkeyPatch, facts: HostFacts) -> None:
    """Has the doctor find a host that is not this one."""
    monkeypatch.setattr("hyperhive.doctor.gather.gather", lambda hive, host, now: facts)


def test_a_good_host_ends_with_status_0(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_over(monkeypatch, GOOD)
    result = CliRunner().invoke(main, ["doctor", HIVE])
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "ok    systemd 258"
    assert lines[-1].endswith(" ok, 0 warnings, 0 failures")
    assert max(map(display_width, lines)) <= 80


def test_a_failure_ends_with_status_1_and_says_how_to_mend_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_over(monkeypatch, replace(GOOD, forwarding=False, synchronised=False))
    result = CliRunner().invoke(main, ["doctor", HIVE])
    assert result.exit_code == 1
    assert "fail  the host does not forward IPv4" in result.stdout
    assert "warn  the clock is not synchronised  (set services.timesyncd.enable)" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(" ok, 1 warning, 1 failure")


def test_a_warning_alone_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_over(monkeypatch, replace(GOOD, synchronised=False))
    assert CliRunner().invoke(main, ["doctor", HIVE]).exit_code == 0


def test_json(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_over(monkeypatch, replace(GOOD, max_user_namespaces=0))
    result = CliRunner().invoke(main, ["doctor", HIVE, "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert {tuple(sorted(one)) for one in document} == {("level", "mend", "what")}
    assert [one["what"] for one in document if one["level"] == "fail"] == [
        "user namespaces are switched off"
    ]


def test_without_a_declared_hive_it_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["doctor", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 2


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (ok("all is well"), "ok    all is well"),
        (warn("a", "b"), "warn  a  (b)"),
        (fail("a", "b"), "fail  a  (b)"),
    ],
)
def test_a_finding_is_a_line(finding: Finding, line: str) -> None:
    assert click.unstyle(shown(finding)) == line


@given(st.text(min_size=1), st.text())
def test_no_path_or_message_acts_on_a_terminal(what: str, mend: str) -> None:
    lines = click.unstyle(shown(Finding(Level.FAIL, what, mend))).splitlines()
    assert all(unicodedata.category(char)[0] != "C" for line in lines for char in line)
    assert all(line.startswith((" " * 6, "fail")) for line in lines)


def test_the_total_counts_levels() -> None:
    assert total([ok("a"), ok("b"), fail("c", "d")]) == "2 ok, 0 warnings, 1 failure"

"""What is asked of the machine that the tests run on."""

import os
import stat
import sys
from pathlib import Path

import pytest

from hyperhive.doctor import gather
from hyperhive.doctor.ask import Answer, Unknown, ask, said
from hyperhive.doctor.checks import findings
from hyperhive.doctor.facts import Entry, Missing
from tests.unit.doctor.good_host import HIVE, HOST, NOW, SECRET


def test_any_machine_can_be_looked_over() -> None:
    facts = gather.gather(HIVE, HOST, NOW)
    assert "lo" in facts.interfaces
    assert facts.max_user_namespaces != 0
    assert set(facts.entries) >= {HOST.hive.operator_socket, SECRET}
    assert findings(facts)


def test_what_is_at_a_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    paths = [tmp_path, tmp_path / "link", tmp_path / "nothing", tmp_path / "file" / "below"]
    seen = gather._looked_at(paths, follow=False)
    assert [type(seen[path]) for path in paths] == [Entry, Entry, Missing, Missing]
    link, directory = seen[tmp_path / "link"], seen[tmp_path]
    assert isinstance(link, Entry)
    assert isinstance(directory, Entry)
    assert stat.S_ISLNK(link.mode)
    assert (directory.uid, stat.S_ISDIR(directory.mode)) == (os.getuid(), True)
    followed = gather._looked_at([tmp_path / "link"], follow=True)[tmp_path / "link"]
    assert isinstance(followed, Entry)
    assert stat.S_ISREG(followed.mode)


def test_name_servers_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "RESOLVER", tmp_path)
    assert gather._nameservers() == Missing()
    (tmp_path / "resolv.conf").write_text("# made\nnameserver 192.0.2.1\nsearch x\nnameserver\n")
    assert gather._nameservers() == ("192.0.2.1",)


def test_a_rule_is_found_by_what_it_permits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "_RULES", (tmp_path / "none", tmp_path))
    assert gather._rule() is False
    (tmp_path / "10-other.rules").write_text("polkit.addRule()")
    assert gather._rule() is False
    (tmp_path / "20.rules").write_text("/^(container@h-|hyperhive-deploy@)/")
    assert gather._rule() is True


def test_a_program_that_is_not_there_is_unknown() -> None:
    assert ask("no-such-program") == Unknown("there is no no-such-program")


def test_a_program_that_fails_says_why() -> None:
    words = [sys.executable, "-c", "import sys; sys.exit('first\\nbecause')"]
    assert said(*words) == Unknown(f"{sys.executable}: because")
    assert ask(*words) == Answer(1, "", "first\nbecause\n")


def test_a_program_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperhive.doctor.ask.SECONDS", 0.1)
    words = [sys.executable, "-c", "import time; time.sleep(60)"]
    assert said(*words) == Unknown(f"{sys.executable} did not answer in 0.1 s")


def test_programs_speak_english_and_know_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    heard = said(sys.executable, "-c", "import os; print(sorted(os.environ), os.environ['LC_ALL'])")
    assert isinstance(heard, str)
    assert "SECRET" not in heard
    assert heard.strip().endswith("C.UTF-8")


@pytest.mark.parametrize(
    ("answer", "flakes"),
    [
        ("echo true", True),
        ("echo false", False),
        (
            "echo 'error: trace' >&2; echo 'error: creating /nonexistent: denied' >&2; exit 1",
            Unknown("nix: error: creating /nonexistent: denied", denied=True),
        ),
        ("echo yes", Unknown("nix answers neither true nor false")),
    ],
)
def test_only_what_nix_says_of_flakes_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, flakes: bool | Unknown
) -> None:
    program = tmp_path / "nix"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo nix 2.31.1\n{answer}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    found = gather._nix()
    assert (found.version, found.flakes) == ((2, 31, 1), flakes)

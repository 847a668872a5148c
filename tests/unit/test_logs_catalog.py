"""The catalog of the journal has a text for each kind of event, and no other."""

import ast
import re
import subprocess
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from hyperhive import log_events
from hyperhive.log_events import LogEvent
from tests.checkout import package_modules
from tests.tools import ROOT, program

CATALOG: Final = Path(log_events.__file__).with_name("hyperhive.catalog")
FIELDS: Final = {
    "agent": "HYPERHIVE_AGENT",
    "turn": "HYPERHIVE_TURN",
    "approval": "HYPERHIVE_APPROVAL",
}
"""Arguments of `logs.fields` that are named otherwise in the journal."""


class Text(NamedTuple):
    """An entry of the catalog."""

    headers: dict[str, str]
    body: str


@pytest.fixture(scope="module")
def catalog() -> dict[str, Text]:
    """Return the entries by their ids (https://systemd.io/CATALOG)."""
    found = {}
    comment, *entries = re.split(r"^-- ", CATALOG.read_text(), flags=re.MULTILINE)
    assert all(line.startswith("#") or not line for line in comment.splitlines())
    for entry in entries:
        id, _, rest = entry.partition("\n")
        head, _, body = rest.partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        assert id not in found, f"{id} is there twice"
        found[id] = Text(headers, body.strip())
    return found


def variables(text: str) -> set[str]:
    """Return the fields that a text names as `@FIELD@`."""
    return set(re.findall(r"@([^@\s]*)@", text))


@lru_cache
def given() -> dict[str, set[str]]:
    """Return which fields the log calls of the package give with each event."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in package_modules().values():
        text = file.read_text()
        if "LogEvent." not in text or file.name == "log_events.py":
            continue
        for node in ast.walk(ast.parse(text)):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "fields"):
                continue
            names = {FIELDS.get(word.arg, word.arg) for word in node.keywords if word.arg}
            if "harness" in file.parts:
                names.add("HYPERHIVE_AGENT")  # its log has it in every entry
            # Where a variable says which event it is, it is one of the file's.
            where = (
                text if any(isinstance(one, ast.Name) for one in node.args) else ast.unparse(node)
            )
            for event in re.findall(r"LogEvent\.([A-Z_]+)", where):
                found[event] |= names
    return found


def test_each_event_has_a_text_and_each_text_an_event(catalog: dict[str, Text]) -> None:
    assert set(catalog) == {event.value for event in LogEvent}


def test_each_event_is_logged_by_something() -> None:
    assert set(given()) == {event.name for event in LogEvent}


@pytest.mark.parametrize("event", LogEvent, ids=lambda event: event.name)
def test_a_text_says_what_happened(catalog: dict[str, Text], event: LogEvent) -> None:
    text = catalog[event.value]
    assert text.headers.keys() == {"Subject", "Defined-By"}
    assert text.headers["Defined-By"] == "hyperhive"
    assert text.body
    assert all(len(line) <= 110 for line in text.body.splitlines())
    assert re.fullmatch("[0-9a-f]{32}", event.value)


@pytest.mark.parametrize("event", LogEvent, ids=lambda event: event.name)
def test_a_text_names_fields_that_its_entries_have(
    catalog: dict[str, Text], event: LogEvent
) -> None:
    text = catalog[event.value]
    named = variables(text.headers["Subject"]) | variables(text.body)
    assert named <= given()[event.name]


def test_the_document_lists_them() -> None:
    text = (ROOT / "docs" / "journal.md").read_text()
    rows = re.findall(r"^\| ([a-z ]+) \| `([0-9a-f]{32})` \|$", text, re.MULTILINE)
    assert rows == [(one.name.lower().replace("_", " "), one.value) for one in LogEvent]


def test_journalctl_takes_it(catalog: dict[str, Text], tmp_path: Path) -> None:
    journalctl = program("journalctl", "apt-get install systemd")
    place = tmp_path / "usr" / "lib" / "systemd" / "catalog"
    place.mkdir(parents=True)
    (place / CATALOG.name).symlink_to(CATALOG)
    of_root = [str(journalctl), f"--root={tmp_path}"]
    subprocess.run([*of_root, "--update-catalog"], check=True)
    for id, text in catalog.items():
        shown = subprocess.run(
            [*of_root, "--dump-catalog", id], capture_output=True, text=True, check=True
        ).stdout
        assert f"Subject: {text.headers['Subject']}\n" in shown
        assert text.body in shown

"""The manifest of a rendered directory."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.render.manifest import Manifest, digest, manifest_bytes, parse_manifest


def test_it_reads_what_it_writes() -> None:
    manifest = Manifest({"a/b": digest(b"1")}, {"a/b": digest(b"0")})
    assert parse_manifest(manifest_bytes(manifest), "m") == manifest


def test_it_knows_both_generations() -> None:
    manifest = Manifest({"a": digest(b"new")}, {"a": digest(b"old"), "b": digest(b"gone")})
    assert manifest.wrote("a", b"new")
    assert manifest.wrote("a", b"old")
    assert not manifest.wrote("a", b"edited")
    assert manifest.wrote("b", b"gone")
    assert not manifest.wrote("c", b"")
    assert manifest.paths() == {"a", "b"}


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", "a/."]
)
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    text = json.dumps({"version": 1, "files": {path: digest(b"")}, "replaced": {}})
    with pytest.raises(InputError, match="damaged entry"):
        parse_manifest(text.encode(), "m")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"version": 2, "files": {}, "replaced": {}}', b"\xff", b"null"]
)
def test_a_damaged_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match=r"^m is not"):
        parse_manifest(text, "m")


@given(st.binary(max_size=60))
def test_no_bytes_but_a_manifest_are_read(text: bytes) -> None:
    with pytest.raises(InputError):
        parse_manifest(text, "m")

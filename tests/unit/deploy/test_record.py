"""Records of agents, and what of a container's definition takes a restart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.deploy.record import NO_RECORD, Record, shape_digest, source_digest

CONF = b"# Written\nFLAKE=path:/a\nAUTO_START=1\nPRIVATE_USERS=524288\n"
DROP_IN = b"# Written\n[Service]\nMemoryMax=1G\nDeviceAllow=/dev/net/tun rwm\n"


def test_a_record_comes_back(tmp_path: Path) -> None:
    record = Record("digest", "/nix/store/system", "shape", "/nix/store/running")
    record.write(tmp_path / "records" / "alice.json")
    assert Record.read(tmp_path / "records" / "alice.json") == record


@pytest.mark.parametrize("text", [None, "", "[]", "7", "{", '{"other": 1}', "\0"])
def test_a_record_that_is_none_is_empty(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "alice.json"
    if text is not None:
        path.write_text(text)
    assert Record.read(path) == NO_RECORD


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"MemoryMax=1G", b"MemoryMax=2G\nTasksMax=7"),
        (b"MemoryMax=1G\n", b""),
        (b"# Written", b"# Written otherwise"),
        (b"AUTO_START=1", b"AUTO_START=0"),
        (b"path:/a", b"path:/b"),
    ],
)
def test_what_applies_to_a_running_container_keeps_its_shape(old: bytes, new: bytes) -> None:
    before = shape_digest(CONF, DROP_IN)
    assert shape_digest(CONF.replace(old, new), DROP_IN.replace(old, new)) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"=524288", b"=589824"),
        (b"DeviceAllow=/dev/net/tun rwm\n", b""),
        (b"[Service]", b"[Unit]\nAfter=x.service\n[Service]"),
        (b"PRIVATE_USERS", b"COPY_RESOLV_CONF=1\nPRIVATE_USERS"),
    ],
)
def test_everything_else_changes_it(old: bytes, new: bytes) -> None:
    before = shape_digest(CONF, DROP_IN)
    assert shape_digest(CONF.replace(old, new), DROP_IN.replace(old, new)) != before


trees = st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=4)


@given(trees, trees)
def test_a_digest_tells_trees_apart(one: dict[str, bytes], other: dict[str, bytes]) -> None:
    assert (source_digest(one) == source_digest(other)) == (one == other)

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.host_paths import parse_bind_source, parse_bind_target, parse_credential_path

paths = st.text(st.sampled_from("/.a b:$*%'\"\\\n~é"), max_size=12) | st.text(max_size=12)


@given(paths, st.sampled_from([parse_bind_source, parse_bind_target, parse_credential_path]))
def test_nothing_accepted_needs_quoting_or_leads_elsewhere(
    text: str, parse: Callable[[str], str]
) -> None:
    try:
        path = parse(text)
    except InputError:
        return
    assert path == text
    assert path.startswith("/")
    assert not set(path) & set(" \t\n:*?[]{}$`'\"\\%~#&;|<>()!,")
    assert not {".", ".."} & set(path.split("/"))


@pytest.mark.parametrize("target", ["/srv/x", "/mnt", "/home/agent", "/opt/tools", "/var/cache/x"])
def test_places_where_something_may_be_bound(target: str) -> None:
    assert parse_bind_target(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/nix",
        "/nix/store",
        "/run",
        "/run/hyperhive",
        "/state/work",
        "/claude",
        "/etc/passwd",
        "/proc",
        "/sys/fs",
        "/dev/null",
        "/tmp/x",
        "/usr/bin",
        "/var",
        "/agents",
        "/applied",
        "/root",
    ],
)
def test_places_that_are_taken(target: str) -> None:
    with pytest.raises(InputError, match="would cover"):
        parse_bind_target(target)


@pytest.mark.parametrize(
    "source", ["/var/lib/hyperhive/agents/bob", "/run/hyperhive", "/etc/hyperhive", "/etc", "/run"]
)
def test_the_hives_own_directories_are_not_shown(source: str) -> None:
    with pytest.raises(InputError, match="the hive's own"):
        parse_bind_source(source)


@pytest.mark.parametrize("source", ["/srv/shared", "/etc/ssl/certs", "/var/lib/other", "/run/x"])
def test_other_directories_may_be_shown(source: str) -> None:
    assert parse_bind_source(source) == source


def test_credentials_stay_out_of_the_store() -> None:
    assert parse_credential_path("/nix/store-of-secrets") == "/nix/store-of-secrets"
    with pytest.raises(InputError, match="everyone on the host can read"):
        parse_credential_path("/nix/store/abc")

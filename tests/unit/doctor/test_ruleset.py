"""What a table of nftables does with agents' packets."""

import json
import os
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.doctor.ruleset import read_ruleset
from tests.tools import need

TABLE = """
table inet hyperhive {{
    chain input {{
        type filter hook input priority filter - 5; policy {policy};
        {rules}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.231.0.0/16 oifname "eth0" masquerade
    }}
}}
"""
ESTABLISHED = 'iifname "ve-h-*" ct state established,related accept'
DROP = 'iifname "ve-h-*" drop'


def loaded(policy: str, rules: list[str]) -> str:
    """What nft says of the table once it is loaded, in a network of its own."""
    nft = need("nft", shutil.which("nft"), "apt-get install nftables")
    need("a network namespace", os.getuid() == 0, "run the tests as root")
    text = TABLE.format(policy=policy, rules="\n        ".join(rules))
    command = 'nft=$1; "$nft" -f - && "$nft" --json list table inet hyperhive'
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", command, "sh", nft],
        input=text,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("policy", "rules", "closed"),
    [
        ("accept", [ESTABLISHED, DROP], True),
        ("accept", [ESTABLISHED, 'iifname "ve-*" drop'], True),
        ("drop", [ESTABLISHED], True),
        ("drop", ['iifname "lo" accept', ESTABLISHED], True),
        ("accept", [ESTABLISHED], False),
        ("accept", [ESTABLISHED, 'iifname "eth0" drop'], False),
        ("accept", [ESTABLISHED, 'iifname "ve-h-alice" drop'], False),
        ("accept", ['iifname "ve-h-*" tcp dport 22 accept', DROP], False),
        ("accept", ["tcp dport 22 accept", DROP], False),
        ("accept", ['iifname "ve-h-*" ct state established,new accept', DROP], False),
        ("accept", ['iifname "ve-h-alice" accept', DROP], False),
        ("drop", ["accept"], False),
        ("accept", ['iifname "ve-h-*" tcp dport 22 drop'], False),
        ("accept", ['iifname "ve-h-*" counter drop'], True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_whether_the_host_is_closed_to_agents(policy: str, rules: list[str], closed: bool) -> None:
    found = read_ruleset(loaded(policy, rules))
    assert found.closed is closed
    assert found.loaded
    assert found.outside == {"eth0"}


def test_a_table_without_rules_leads_nowhere_and_closes_nothing() -> None:
    found = read_ruleset(json.dumps({"nftables": [{"table": {"name": "hyperhive"}}]}))
    assert (found.closed, found.outside) == (False, frozenset())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["chain", "rule", "match", "expr", "hook", "masquerade", "drop"]),
            inner | st.just("input"),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4))
def test_no_answer_of_a_stranger_breaks_it_or_counts_as_closed(items: list[Any]) -> None:
    try:
        found = read_ruleset(json.dumps({"nftables": items}))
    except ValueError:
        return
    assert found.loaded


@pytest.mark.parametrize("text", ["", "[]", '{"nftables": 3}', "nonsense"])
def test_what_is_no_answer_is_said(text: str) -> None:
    with pytest.raises(ValueError):
        read_ruleset(text)

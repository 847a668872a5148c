"""A manager that asks for what nobody may have is refused, and the host is as it was before."""

import json
import shlex
from typing import Final

import pytest

from tests.e2e import proposing
from tests.e2e.hive import Hive

pytestmark = pytest.mark.usefixtures("as_declared")

Tree = list[tuple[str, str, str]]
"""Entries: mode, name, what it holds. One of the mode 40000 holds an agent.toml with that."""

TOML: Final = 'model = "sonnet"\n'
# Commits root trees, whatever modes and names their entries have; git itself would not.
COMMITS: Final = r"""
import json, subprocess, sys
def git(*words, data=b""):
    return subprocess.run(["git", *words], input=data, check=True, capture_output=True).stdout
def written(kind, data):
    words = ("hash-object", "-w", "--literally", "-t", kind, "--stdin")
    return git(*words, data=data).decode().strip()
def tree(entries):
    raw = b""
    for name, mode, sha in sorted(entries):
        raw += f"{mode} {name}\0".encode() + bytes.fromhex(sha)
    return written("tree", raw)
for wanted in json.load(sys.stdin):
    entries = []
    for mode, name, content in wanted:
        sha = written("blob", content.encode())
        if mode == "40000":
            sha = tree([("agent.toml", "100644", sha)])
        entries.append((name, mode, sha))
    print(git("commit-tree", "-m", "Odd", tree(entries)).decode().strip())
"""
# Writes a blob of a gigabyte of zeros: git would take its time. Deflated, each MiB is the same.
LARGE: Final = r"""
import hashlib, os, zlib
size, mib = 1 << 30, bytes(1 << 20)
head = b"blob %d\0" % size
digest, check = hashlib.sha1(head), zlib.adler32(head)
for _ in range(size // len(mib)):
    digest.update(mib)
    check = zlib.adler32(mib, check)
def deflated(data, flush):
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(flush)
name = digest.hexdigest()
place = f".git/objects/{name[:2]}"
os.makedirs(place, exist_ok=True)
with open(f"{place}/{name[2:]}", "wb") as file:
    file.write(b"\x78\x01" + deflated(head, zlib.Z_FULL_FLUSH))
    file.write(deflated(mib, zlib.Z_FULL_FLUSH) * (size // len(mib)))
    file.write(deflated(b"", zlib.Z_FINISH) + check.to_bytes(4, "big"))
print(name)
"""

_WITH_TOML: Final = ("100644", "agent.toml", TOML)
# What may not be in a commit's root tree, by what is said of it.
TREES: Final[list[tuple[Tree, str]]] = [
    ([_WITH_TOML, ("100644", "../bob/config/agent.toml", TOML)], "which may not be there"),
    ([_WITH_TOML, ("100644", "/etc/passwd", "root::0:0::/:/bin/sh")], "which may not be there"),
    ([_WITH_TOML, ("40000", "..", TOML)], "which may not be there"),
    ([_WITH_TOML, ("40000", ".git", TOML)], "which may not be there"),
    ([_WITH_TOML, ("40000", "sub", TOML)], "which may not be there"),
    ([_WITH_TOML, ("100644", ".gitattributes", "* filter=evil")], "which may not be there"),
    ([_WITH_TOML, ("100644", ".gitmodules", "[submodule]")], "which may not be there"),
    ([("120000", "agent.toml", "/etc/shadow")], "a symbolic link"),
    ([_WITH_TOML, ("120000", "README.md", "../../../../etc/hyperhive.token")], "a symbolic link"),
    ([_WITH_TOML, ("160000", "README.md", "module")], "a submodule"),
    ([("100755", "agent.toml", TOML)], "not an ordinary file"),
    ([_WITH_TOML, ("100644", "extra.nix", "{ }")], "extra_nix"),
]
# What only the operator declares.
SETTINGS: Final = [
    'network = "host"',
    "uid_base = 0",
    'role = "manager"',
    "extra_nix = true",
    "nix_daemon = true",
    'state_version = "24.05"',
    'credentials = ["ANTHROPIC_API_KEY"]',
    'recipients = ["operator"]',
    '[limits]\nmemory = "64G"',
    '[[binds]]\nsource = "/etc"\ntarget = "/state/etc"',
    '[tools]\nallow = ["Bash"]',
    'claude = "/bin/sh"',
]


def commits(hive: Hive, trees: list[Tree]) -> list[str]:
    """Commit these trees where the manager proposes about alice; the ids."""
    script = f"python3 -c {shlex.quote(COMMITS)}"
    return proposing.shell(hive, "alice", script, input=json.dumps(trees)).split()


def refused(hive: Hive, wishes: list[tuple[str, str]]) -> list[str]:
    """With which words commits of agents are refused."""
    each = [{"agent": agent, "commit": commit} for agent, commit in wishes]
    said = proposing.calls(hive, "request_apply_commit", each)
    assert len(said) == len(wishes)
    assert not [words for words in said if "is pending" in words]
    return said


def test_trees_with_what_may_not_be_in_them(untouched: Hive) -> None:
    ids = commits(untouched, [tree for tree, _ in TREES])
    said = refused(untouched, [("alice", id) for id in ids])
    for words, (tree, expected) in zip(said, TREES, strict=True):
        assert expected in words, tree


def test_settings_that_are_the_operators(untouched: Hive) -> None:
    ids = commits(untouched, [[("100644", "agent.toml", f"{toml}\n")] for toml in SETTINGS])
    said = refused(untouched, [("alice", id) for id in ids])
    for words, toml in zip(said, SETTINGS, strict=True):
        assert toml.strip("[]").split(maxsplit=1)[0].strip("[]") in words
        assert "bash.allow" in words, "it says what is allowed"


def test_names_of_other_things_than_an_agents_commit(untouched: Hive) -> None:
    [sha] = commits(untouched, [[_WITH_TOML]])
    agents = ("../bob", "alice/../bob", "/agents/alice", "nobody", ".")
    for words in refused(untouched, [(agent, sha) for agent in agents]):
        assert "there is no agent" in words
    # Each of them can come to mean something else.
    names = ("main", "HEAD", "refs/heads/main", f"{sha}^0", sha[:12], sha.upper())
    for words in refused(untouched, [("alice", name) for name in names]):
        assert "git rev-parse HEAD" in words


def test_a_blob_of_a_gigabyte(untouched: Hive) -> None:
    blob = proposing.shell(untouched, "alice", f"python3 -c {shlex.quote(LARGE)}")
    assert proposing.shell(untouched, "alice", f"git cat-file -s {blob}") == str(1 << 30)
    tree = f"printf '100644 blob {blob}\tagent.toml\n' | git mktree"
    sha = proposing.shell(untouched, "alice", f"git commit-tree -m Large $({tree})")
    [words] = refused(untouched, [("alice", sha)])
    assert "64 KiB" in words
    proposing.shell(untouched, "alice", "git gc --quiet --prune=now")

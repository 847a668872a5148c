import base64
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.wire.git_objects import (
    ALLOWED,
    MOST_BYTES,
    CommitObjects,
    ObjectsError,
    commit_header,
    is_sha,
    made,
    read_objects,
    sha_of,
    tree_files,
    verified,
)
from hyperhive.wire.records import to_json

FILES = {"README.md": b"# alice\n", "agent.toml": b'model = "opus"\n', "extra.nix": b"{ }\n"}
SHA, OBJECTS = made(
    FILES,
    parent="2" * 40,
    name="hyperhive",
    email="hyperhive@lab.hive.internal",
    message="Use opus\n\nIt is the better one.\n",
    at=1_700_000_000,
)
BLOB = sha_of("blob", FILES["agent.toml"])
PERSON = b"a <a@b> 1700000000 +0000"


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def entry(name: bytes, mode: bytes = b"100644", sha: str = BLOB) -> bytes:
    return mode + b" " + name + b"\0" + bytes.fromhex(sha)


def commit_of(tree: bytes, *, blobs: dict[str, bytes] | None = None) -> tuple[str, CommitObjects]:
    """A commit of any tree, whatever is in it."""
    named = {BLOB: FILES["agent.toml"]} if blobs is None else blobs
    raw = b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (
        sha_of("tree", tree).encode(), PERSON, PERSON,
    )  # fmt: skip
    objects = {sha: encoded(data) for sha, data in named.items()}
    return sha_of("commit", raw), CommitObjects(encoded(raw), encoded(tree), objects)


def test_a_commit_is_what_its_objects_say() -> None:
    commit = verified(SHA, OBJECTS)
    assert commit.files == FILES
    assert commit.parents == ("2" * 40,)
    assert commit.author == "hyperhive <hyperhive@lab.hive.internal>"
    assert commit.message == "Use opus\n\nIt is the better one."
    assert commit.tree == sha_of("tree", base64.b64decode(OBJECTS.tree))


def test_a_first_commit_has_no_parent() -> None:
    files = {"agent.toml": b""}
    sha, objects = made(files, parent=None, name="h", email="h@x", message="", at=0)
    assert verified(sha, objects).parents == ()


def test_files_of_the_same_contents_share_a_blob() -> None:
    files = dict.fromkeys(ALLOWED, b"same\n")
    sha, objects = made(files, parent=None, name="h", email="h@x", message="m", at=0)
    assert len(objects.blobs) == 1
    assert verified(sha, objects).files == files


@given(data=st.data())
def test_no_bit_of_an_object_may_differ(data: st.DataObject) -> None:
    places: dict[str, tuple[str, Callable[[str], CommitObjects]]] = {
        "commit": (OBJECTS.commit, lambda new: dataclasses.replace(OBJECTS, commit=new)),
        "tree": (OBJECTS.tree, lambda new: dataclasses.replace(OBJECTS, tree=new)),
    } | {
        sha: (text, lambda new, sha=sha: with_blob(sha, new)) for sha, text in OBJECTS.blobs.items()
    }
    text, changed = places[data.draw(st.sampled_from(sorted(places)))]
    raw = bytearray(base64.b64decode(text))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(ObjectsError):
        verified(SHA, changed(encoded(bytes(raw))))


def with_blob(sha: str, text: str) -> CommitObjects:
    return dataclasses.replace(OBJECTS, blobs=OBJECTS.blobs | {sha: text})


@given(st.integers(0, 39), st.sampled_from("0123456789abcdef"))
def test_no_other_id_is_the_commits(at: int, digit: str) -> None:
    other = SHA[:at] + digit + SHA[at + 1 :]
    if other != SHA:
        with pytest.raises(ObjectsError, match="what came as the commit is not the commit"):
            verified(other, OBJECTS)


@pytest.mark.parametrize(
    "text",
    ["main", "HEAD", "", SHA[:12], SHA.upper(), SHA + "\n", f" {SHA}", SHA + "0", "refs/heads/x",
     "\x1b[2J", "a" * 10_000, "４" * 40],
)  # fmt: skip
def test_a_commit_is_named_by_its_full_id(text: str) -> None:
    assert not is_sha(text)
    with pytest.raises(ObjectsError, match="git rev-parse HEAD") as caught:
        verified(text, OBJECTS)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        (b"", "no agent.toml"),
        (entry(b"README.md"), "no agent.toml"),
        (entry(b"agent.toml", b"100755"), "an executable file"),
        (entry(b"agent.toml", b"120000"), "a symbolic link"),
        (entry(b"agent.toml", b"160000"), "a submodule"),
        (entry(b"agent.toml", b"40000"), "a directory"),
        (entry(b"agent.toml", b"100664"), "a file of mode 100664"),
        (entry(b"agent.toml", b"0100644"), "a file of mode 0100644"),
        (entry(b"agent.toml", b""), "is none"),
        (entry(b"agent.toml", b"10x644"), "is none"),
        (entry(b"agent.toml") + entry(b"agent.toml"), "twice or out of order"),
        (entry(b"agent.toml") + entry(b"README.md"), "twice or out of order"),
        (entry(b"README.md") + entry(b"agent.toml") + entry(b"README.md"), "out of order"),
        (entry(b".."), "'..', which may not be there: commit README.md, agent.toml, extra.nix"),
        (entry(b".git", b"40000"), "'.git'"),
        (entry(b".gitmodules"), "'.gitmodules'"),
        (entry(b"../agent.toml"), "'../agent.toml'"),
        (entry(b"/etc/passwd"), "'/etc/passwd'"),
        (entry(b"Agent.toml"), "'Agent.toml'"),
        (entry(b"agent.toml\n"), r"agent.toml\\n"),
        (entry(b"\x1b[2J"), r"x1b\[2J"),
        (entry(b"\xff\xfe"), "may not be there"),
        (entry(b"n" * 60_000), "may not be there"),
        (entry(b""), "is none"),
        (entry(b"agent.toml")[:-1], "is none"),
        (entry(b"agent.toml") + b"100644", "is none"),
        (b"\0" * 30, "is none"),
        (entry(b"agent.toml") * 2000, "list of files is over 64 KiB"),
    ],
)  # fmt: skip
def test_a_tree_holds_ordinary_files_of_these_names_alone(tree: bytes, words: str) -> None:
    with pytest.raises(ObjectsError, match=words) as caught:
        tree_files(tree)
    assert len(str(caught.value)) < 300
    assert str(caught.value).isprintable()
    with pytest.raises(ObjectsError, match=words):
        verified(*commit_of(tree))


@given(st.binary(max_size=200))
def test_a_tree_of_any_bytes_is_refused_in_words(tree: bytes) -> None:
    with pytest.raises(ObjectsError):
        tree_files(tree)


TREE = b"tree " + b"1" * 40 + b"\n"
PEOPLE = b"author %s\ncommitter %s\n" % (PERSON, PERSON)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "no tree"),
        (b"\n\nhello", "no tree"),
        (PEOPLE + b"\nx", "no tree"),
        (b"parent " + TREE[5:] + TREE + PEOPLE + b"\nx", "no tree"),
        (TREE.upper() + PEOPLE + b"\nx", "no tree"),
        (TREE + b"\nx", "no author"),
        (TREE + TREE + PEOPLE + b"\nx", "no author"),
        (TREE + b"parent 12\n" + PEOPLE + b"\nx", "no author"),
        (TREE + b"author %s\n\nx" % PERSON, "no author or no committer"),
        (TREE + b"author a <a\n@b> 0 +0000\ncommitter %s\n\nx" % PERSON, "no author"),
        (TREE + b"author a <a@b> 00 +0000\ncommitter %s\n\nx" % PERSON, "no author"),
        (TREE + b"author a <a@b> %s +0000\n" % (b"9" * 30) + PEOPLE, "no author"),
        (TREE + PEOPLE, "no end of its header"),
        (TREE + PEOPLE + b"x", "no end of its header"),
        (TREE + PEOPLE + b"\nx\0y", "NUL"),
        (TREE + PEOPLE + b"\n" + b"x" * MOST_BYTES, "over 64 KiB"),
    ],
)
def test_a_commit_is_as_git_commit_writes_it(raw: bytes, words: str) -> None:
    with pytest.raises(ObjectsError, match=words):
        commit_header(raw)


def test_a_commit_may_be_a_merge_signed_and_in_another_encoding() -> None:
    raw = (
        TREE + b"parent %s\n" % (b"2" * 40) + b"parent %s\n" % (b"3" * 40) + PEOPLE
        + b"encoding latin1\ngpgsig -----BEGIN\n abc\n \n -----END\n\ncaf\xe9\n"
    )  # fmt: skip
    header = commit_header(raw)
    assert header.parents == ("2" * 40, "3" * 40)
    assert header.message == "caf\N{REPLACEMENT CHARACTER}"


def test_a_header_after_the_message_began_is_message() -> None:
    header = commit_header(TREE + PEOPLE + b"\ntree " + b"4" * 40 + b"\n\nparent x\n")
    assert (header.tree, header.parents) == ("1" * 40, ())


@pytest.mark.parametrize(
    ("blobs", "words"),
    [
        ({}, "contents of agent.toml did not come"),
        ({BLOB: b"other"}, "what came as agent.toml is not the blob"),
        ({BLOB: FILES["agent.toml"], sha_of("blob", b"x"): b"x"}, "is no file of the commit"),
        ({BLOB: b"x" * (MOST_BYTES + 1)}, "agent.toml is over 64 KiB"),
        ({BLOB: b"x" * 1_000_000}, "agent.toml is over 64 KiB"),
    ],
)
def test_the_files_that_come_are_those_of_the_tree(blobs: dict[str, bytes], words: str) -> None:
    with pytest.raises(ObjectsError, match=words):
        verified(*commit_of(entry(b"agent.toml"), blobs=blobs))


def test_the_largest_file_is_taken_and_a_byte_more_is_not() -> None:
    most = {"agent.toml": b"x" * MOST_BYTES}
    sha, objects = made(most, parent=None, name="h", email="h@x", message="m", at=0)
    assert verified(sha, objects).files == most
    more = {"agent.toml": b"x" * (MOST_BYTES + 1)}
    with pytest.raises(ObjectsError, match=r"agent\.toml is over 64 KiB"):
        made(more, parent=None, name="h", email="h@x", message="m", at=0)


@pytest.mark.parametrize("garbage", ["!", "====", "a", "\n", "é", "QUJ\nD", "QUJD" * 100_000])
def test_what_is_no_base64_is_refused(garbage: str) -> None:
    with pytest.raises(ObjectsError, match=r"base64|over 64 KiB"):
        verified(SHA, dataclasses.replace(OBJECTS, commit=garbage))
    with pytest.raises(ObjectsError, match=r"base64|over 64 KiB"):
        verified(SHA, dataclasses.replace(OBJECTS, tree=garbage))
    with pytest.raises(ObjectsError, match=r"base64|over 64 KiB"):
        verified(SHA, with_blob(BLOB, garbage))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "came without the commit's objects"),
        ({"error": "git is missing"}, "git is missing"),
        ({}, "commit is missing"),
        ([], "not an object"),
        ("x", "not an object"),
        ({"commit": 1, "tree": "", "blobs": {}}, "commit is int"),
        ({"commit": "", "tree": "", "blobs": []}, "blobs is list"),
        ({"commit": "", "tree": "", "blobs": {"x": None}}, "blobs.x"),
        ({"error": 1}, "commit is missing"),
    ],
)
def test_what_comes_with_a_call_is_read_or_refused(value: object, words: str) -> None:
    with pytest.raises(ObjectsError, match=words):
        read_objects(value)


def test_objects_come_with_a_call_as_json() -> None:
    assert read_objects(to_json(OBJECTS)) == OBJECTS


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a<b", "a>b", "a\0b"])
def test_a_name_cannot_add_to_the_header(name: str) -> None:
    for author, email in ((name, "a@b"), ("a", name)):
        with pytest.raises(ObjectsError, match="author"):
            made(FILES, parent=None, name=author, email=email, message="m", at=0)


def test_a_parent_is_a_full_id() -> None:
    with pytest.raises(ObjectsError, match="full id"):
        made(FILES, parent="main", name="h", email="h@x", message="m", at=0)

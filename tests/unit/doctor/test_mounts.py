"""mountinfo: which mount a path leads to."""

from pathlib import Path, PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from hyperhive.doctor.mounts import Mount, mount_of, parse_mounts

TOP = PurePosixPath("/")
LINES = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 /in\\040side /with\\040blank ro,nosuid - tmpfs tmpfs rw
31 22 0:26 / /a rw shared:5 master:2 - ext4 /dev/sdb rw
"""


def mount(id: int, parent: int, at: str, *, read_only: bool = False) -> Mount:
    return Mount(id, parent, TOP, PurePosixPath(at), "ext4", read_only)


def test_lines_become_mounts() -> None:
    assert parse_mounts(LINES) == (
        Mount(22, 1, TOP, TOP, "ext4", False),
        Mount(30, 22, PurePosixPath("/in side"), PurePosixPath("/with blank"), "tmpfs", True),
        Mount(31, 22, TOP, PurePosixPath("/a"), "ext4", False),
    )


def test_what_the_kernel_says_of_this_process_is_understood() -> None:
    text = Path("/proc/self/mountinfo").read_text()
    mounts = parse_mounts(text)
    assert len(mounts) == len(text.splitlines())
    proc = mount_of(mounts, PurePosixPath("/proc/self/mountinfo"))
    assert proc is not None
    assert proc.kind == "proc"
    assert Path(proc.at).is_mount()


def test_the_last_of_several_mounts_at_a_place_counts() -> None:
    mounts = [mount(1, 0, "/"), mount(2, 1, "/a"), mount(3, 2, "/a", read_only=True)]
    found = mount_of(mounts, PurePosixPath("/a/b"))
    assert found == mounts[2]


def test_a_mount_further_up_hides_what_lies_below_it() -> None:
    mounts = [mount(1, 0, "/"), mount(2, 1, "/a/b", read_only=True), mount(3, 1, "/a")]
    assert mount_of(mounts, PurePosixPath("/a/b")) == mounts[2]
    assert mount_of(mounts, PurePosixPath("/other")) == mounts[0]


def test_a_name_that_begins_alike_is_another() -> None:
    mounts = [mount(1, 0, "/"), mount(2, 1, "/nix/var")]
    assert mount_of(mounts, PurePosixPath("/nix/variant")) == mounts[0]


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert mount_of(parse_mounts(text), PurePosixPath("/a")) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["/", "/a", "/a/b", "/c"])),
        max_size=8,
    )
)
def test_however_they_lie_on_each_other_an_answer_comes(
    trees: list[tuple[int, int, str]],
) -> None:
    mounts = [mount(id, parent, at) for id, parent, at in trees]
    found = mount_of(mounts, PurePosixPath("/a/b/c"))
    assert found is None or PurePosixPath("/a/b/c").is_relative_to(found.at)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.errors import InputError
from hyperhive.hive.limits import memory_bytes, parse_cpu, parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 * 2**30),
        ("1.5G", 3 * 2**29),
        ("512M", 2**29),
        ("1T", 2**40),
        ("67108864", 2**26),
        ("50%", None),
        ("12.5%", None),
        ("infinity", None),
    ],
)
def test_amounts_of_memory(text: str, size: int | None) -> None:
    assert parse_memory(text) == text
    assert memory_bytes(text) == size


@pytest.mark.parametrize(
    "text", ["", "4g", "4GB", "4 G", "-4G", "4G\n", "0%", "101%", "1e9", "G", "9" * 30]
)
def test_no_amounts_of_memory(text: str) -> None:
    with pytest.raises(InputError):
        parse_memory(text)


@pytest.mark.parametrize("text", ["0", "4", "63M", "655K"])
def test_memory_that_nothing_runs_in(text: str) -> None:
    with pytest.raises(InputError, match="less than a container needs"):
        parse_memory(text)


@pytest.mark.parametrize("text", ["1%", "50%", "200%", "12.5%"])
def test_shares_of_processor_time(text: str) -> None:
    assert parse_cpu(text) == text


@pytest.mark.parametrize("text", ["", "2", "0%", "0.5%", "%", "200 %", "infinity", "-1%", "200%\n"])
def test_no_shares_of_processor_time(text: str) -> None:
    with pytest.raises(InputError):
        parse_cpu(text)


@given(st.text(st.sampled_from("0123456789.KMGTPE%infty \n"), max_size=24) | st.text())
def test_whatever_is_accepted_is_one_word_of_ascii(text: str) -> None:
    for parse in (parse_memory, parse_cpu):
        try:
            found = parse(text)
        except InputError:
            continue
        assert found.isascii()
        assert found.isprintable()
        assert " " not in found

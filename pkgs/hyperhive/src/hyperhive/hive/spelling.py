"""Guesses of what a misspelt name was meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST_GUESSED = 64


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, or None if none is like it.

    Case and the kind of separator are not taken for differences: `systemPrompt` is near
    `system_prompt`.
    """
    if len(word) > _LONGEST_GUESSED:
        return None
    plain = {_plain(name): name for name in sorted(known)}
    found = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """A line that suggests the nearest known name, or `otherwise` if there is none."""
    guess = nearest(word, known)
    return f'did you mean "{guess}"?' if guess else otherwise


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")

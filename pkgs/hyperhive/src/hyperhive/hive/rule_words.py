"""The words of the text inside `Bash(...)`, read just closely enough to judge it."""

import re
from typing import Final

_QUOTED: Final = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.")
_HARMLESS: Final = re.compile(r"[0-9]*>&[0-9]|[0-9&]?>\s*/dev/null")
_OPERATOR: Final = re.compile(r"[|;&<>]")


def words(specifier: str) -> list[str]:
    """The words, `:*` at the end being the word `*`. Quotes are not looked at."""
    if specifier.endswith(":*"):
        specifier = f"{specifier[:-2]} *"
    return specifier.split()


def operators(specifier: str) -> bool:
    """Whether it holds an operator of the shell that joins commands or redirects to a file."""
    return bool(_OPERATOR.search(_HARMLESS.sub("", _QUOTED.sub("", specifier))))


def is_assignment(word: str) -> bool:
    """Whether a word before a command sets a variable for it."""
    return bool(re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word))


def program_name(word: str) -> str:
    """The name of a program without its directory and what follows a wildcard."""
    return word.partition("*")[0].rpartition("/")[2]

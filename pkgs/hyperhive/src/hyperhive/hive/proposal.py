"""What a proposal is: the files of a commit about one agent.

What stands in agent.toml is read by `agent_toml`; `agent_toml_edit` and `agent_toml_template` write
one. The rest of the package imports them from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hyperhive.errors import InputError
from hyperhive.hive.agent_toml import AGENT_TOML, MAY_SET, InvalidProposal, parse_agent_toml
from hyperhive.hive.agent_toml_edit import with_rule
from hyperhive.hive.agent_toml_template import template
from hyperhive.hive.override import Override

__all__ = [
    "AGENT_TOML",
    "EXTRA_NIX",
    "MAY_SET",
    "MOST_BYTES",
    "README",
    "InvalidProposal",
    "Override",
    "Proposal",
    "parse_agent_toml",
    "parse_proposal",
    "template",
    "with_rule",
]

EXTRA_NIX: Final = "extra.nix"
README: Final = "README.md"
MOST_BYTES: Final = 65536
"""Of one file."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """The files of a proposal, read.

    Attributes:
        override: what agent.toml says.
        extra_nix: free-form NixOS configuration, if there is any.
        files: the texts of all files by their names.
    """

    override: Override
    extra_nix: str | None
    files: dict[str, str]


def parse_proposal(files: Mapping[str, bytes], *, extra_nix: bool) -> Proposal:
    """What the files of a proposal say.

    Args:
        files: their bytes by their names in the commit's tree.
        extra_nix: whether the agent may have an extra.nix.

    Raises:
        InvalidProposal: agent.toml says what it may not.
        InputError: there are other files, or they are no text.
    """
    _check_names(files, extra_nix=extra_nix)
    texts = {name: _text(name, content) for name, content in files.items()}
    return Proposal(parse_agent_toml(texts[AGENT_TOML]), texts.get(EXTRA_NIX), texts)


def extra_nix_refused() -> InputError:
    """What is said of an extra.nix of an agent that may have none."""
    return InputError(
        f"{EXTRA_NIX}: the operator does not declare extra_nix for this agent",
        "leave the file out, or ask the operator to set extra_nix = true",
    )


def _check_names(files: Mapping[str, bytes], *, extra_nix: bool) -> None:
    allowed = (AGENT_TOML, README, EXTRA_NIX) if extra_nix else (AGENT_TOML, README)
    for name in sorted(files.keys() - set(allowed)):
        if name == EXTRA_NIX:
            raise extra_nix_refused()
        raise InputError(
            f"{name[:80]!a} is no file of a proposal", f"leave only {', '.join(allowed)}"
        )
    if AGENT_TOML not in files:
        raise InputError(f"there is no {AGENT_TOML}", "add it; an empty one changes nothing")


def _text(name: str, content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{name} is {len(content)} bytes long", f"use at most {MOST_BYTES} bytes in one file"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}: line {line} is not UTF-8", "save the file as UTF-8") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{name}: line {line} holds a NUL character", "remove it")
    return text

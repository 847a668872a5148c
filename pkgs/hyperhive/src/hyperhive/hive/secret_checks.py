"""Finds secrets that stand in the clear anywhere in a declared hive."""

from collections.abc import Iterator

from hyperhive.hive.problems import NOTHING, Level, Location, Problem, problem
from hyperhive.hive.secrets import NamedSecret, named_secret, secret_kind
from hyperhive.hive.syntax import walk


def secret_problems(data: object) -> Iterator[Problem]:
    """Every secret in the decoded file, also where the file has other problems."""
    for location, value in walk(data):
        for text in (value, location[-1] if location else None):
            kind = secret_kind(text) if isinstance(text, str) else None
            if kind:
                yield problem(
                    Level.ERROR, location, NOTHING, f"holds {kind} in the clear", _todo(location)
                )
        if len(location) > 1 and location[-2] == "environment" and isinstance(value, str):
            yield from _named(location, value)


def _named(location: Location, value: str) -> Iterator[Problem]:
    match named_secret(str(location[-1]), value):
        case NamedSecret.CERTAIN if not secret_kind(value):
            yield problem(
                Level.ERROR, location, NOTHING, "holds a secret in the clear", _todo(location)
            )
        case NamedSecret.POSSIBLE:
            yield problem(
                Level.WARNING,
                location,
                NOTHING,
                "looks like a secret, and is world-readable in the Nix store",
                _todo(location),
            )


def _todo(location: Location) -> str:
    """Where the secret belongs: under the credentials of the agent it was found in."""
    agent = location[1] if len(location) > 1 and location[0] == "agents" else "NAME"
    variable = location[-1] if "environment" in location[-2:-1] else "VARIABLE"
    return (
        "put it into a file outside of the store, and name that:"
        f' agents.{agent}.credentials.{variable} = "/run/secrets/…"'
    )

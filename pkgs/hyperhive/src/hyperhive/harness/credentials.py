"""Secrets of an agent: read from files at each turn, never kept and never on a command line."""

from collections.abc import Mapping
from pathlib import Path

from hyperhive.errors import HyperhiveError


def read_credentials(files: Mapping[str, str], directory: str | None) -> dict[str, str]:
    """The values of an agent's secret variables; a newline at the end of a file is not part of it.

    Args:
        files: variable name to file.
        directory: where relative names are looked up (systemd's $CREDENTIALS_DIRECTORY).

    Raises:
        HyperhiveError: a file cannot be read or holds what no variable can hold; names the
            variable, never the value.
    """
    return {variable: _read(variable, file, directory) for variable, file in files.items()}


def _read(variable: str, file: str, directory: str | None) -> str:
    path = Path(file)
    if not path.is_absolute():
        if directory is None:
            raise HyperhiveError(
                f"credential {variable}: {file} is relative and there is no CREDENTIALS_DIRECTORY",
                "give an absolute path, or load it as a systemd credential",
            )
        path = Path(directory, file)
    try:
        value = path.read_bytes()
    except OSError as error:
        raise HyperhiveError(
            f"credential {variable}: {path} cannot be read: {error.strerror}",
            "write the file, readable by the harness",
        ) from None
    value = value.removesuffix(b"\n")
    if b"\0" in value or not value:
        fault = "is empty" if not value else "holds a NUL byte"
        raise HyperhiveError(f"credential {variable}: {path} {fault}", "write the secret as text")
    return value.decode("utf-8", "surrogateescape")

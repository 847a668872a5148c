"""Unix socket addresses, also where the path is longer than a socket address may be."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MAX_ADDRESS: Final = 107
"""Bytes of a path in sockaddr_un on Linux, less the terminating NUL (unix(7))."""


@contextmanager
def address(path: Path) -> Iterator[str]:
    """An address for `bind` or `connect` that means `path`, valid inside the `with` block.

    A path over `MAX_ADDRESS` bytes is reached through an open descriptor of its directory.

    Raises:
        OSError: the directory of a long path cannot be opened.
    """
    if len(os.fsencode(path)) <= MAX_ADDRESS:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)

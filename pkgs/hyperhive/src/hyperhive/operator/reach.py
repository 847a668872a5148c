"""Requests to a broker that may restart meanwhile, and what is said if none answers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx

from hyperhive.errors import HyperhiveError, NoBrokerError

RETRY_SECONDS: Final = 5.0
"""How long a broker that is not there is waited for: it may restart."""

_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5

_START: Final = "start one: hyperhive up FILE, or systemctl start hyperhive.service"


def look_for(socket: Path) -> None:
    """Looks whether there is an operator socket.

    Raises:
        NoBrokerError: there is none.
        HyperhiveError: this user may not look.
    """
    try:
        socket.stat()
    except PermissionError:
        raise _not_permitted(socket) from None
    except OSError:
        raise NoBrokerError(f"no broker at {socket}: it is not there", _START) from None


@contextmanager
def in_words(socket: Path) -> Iterator[None]:
    """Says in words why nobody answers at a socket.

    Raises:
        NoBrokerError: nobody answers there.
        HyperhiveError: the broker went away, or this user may not talk to it.
    """
    try:
        yield
    except httpx.ConnectError as error:
        if isinstance(_cause(error), PermissionError):
            raise _not_permitted(socket) from None
        raise NoBrokerError(f"no broker answers at {socket} ({error})", _START) from None
    except httpx.TransportError as error:
        raise HyperhiveError(
            f"the broker at {socket} went away ({error})", "see its log, and ask again"
        ) from None


def send(
    http: httpx.Client, request: httpx.Request, *, repeatable: bool, patience: float
) -> httpx.Response:
    """Sends a request, again while the broker restarts.

    Args:
        patience: seconds for which a broker that is not there is waited for.
        repeatable: whether asking twice does no more than asking once; if not, it is only sent
            again as long as no broker can have had it.

    Raises:
        httpx.TransportError: nobody answered in that time.
    """
    deadline, pause = time.monotonic() + patience, _PAUSE
    while True:
        try:
            return http.send(request)
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            unheard = isinstance(error, httpx.ConnectError)
            if isinstance(_cause(error), PermissionError) or not (unheard or repeatable):
                raise
            if time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _not_permitted(socket: Path) -> HyperhiveError:
    return HyperhiveError(
        f"{socket}: you are not permitted to talk to this broker",
        "ask as root, or as a member of the group hyperhive",
    )


def _cause(error: BaseException) -> BaseException:
    """What an error began with."""
    return error if error.__cause__ is None else _cause(error.__cause__)

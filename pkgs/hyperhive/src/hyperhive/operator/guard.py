"""What stands before the API where it is reached by TCP: a token, and no foreign page's requests.

A browser on the operator's machine can be made to send requests by any page it shows. So a request
must carry the token in a header, which no foreign page can set; must name an address or a known
host (a name that an attacker's DNS leads here is refused); and if it comes from a page, from ours.
"""

import hmac
import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from fastapi.responses import JSONResponse

from hyperhive.operator import models
from hyperhive.operator.asgi import App, Receive, Scope, Send

_SCHEME: Final = "bearer "

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
"""`name:port`, `1.2.3.4:port` or `[::1]:port` (RFC 9112, 3.2)."""


class Guard:
    """An ASGI application before another one."""

    def __init__(self, app: App, token: str, hosts: Iterable[str]) -> None:
        """Args:
        hosts: names that a request may name as its host, besides localhost and IP addresses.
        """
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(name.lower() for name in hosts) | {"localhost"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or answers 401 or 403."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        refusal = self._foreign(headers) or self._unknown(headers)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            await refusal(scope, receive, send)

    def _foreign(self, headers: list[tuple[bytes, bytes]]) -> JSONResponse | None:
        hosts, origins = _values(headers, b"host"), _values(headers, b"origin")
        if len(hosts) != 1 or not is_known_host(hosts[0], self._hosts):
            return _refused(
                403,
                "the request names no host that is known here",
                "open the dashboard by an IP address or localhost",
            )
        if any(not is_same_origin(origin, hosts[0]) for origin in origins):
            return _refused(403, "the request comes from another page", "open the dashboard itself")
        return None

    def _unknown(self, headers: list[tuple[bytes, bytes]]) -> JSONResponse | None:
        shown = _values(headers, b"authorization")
        if len(shown) == 1 and shown[0].lower().startswith(_SCHEME):
            token = shown[0][len(_SCHEME) :].strip().encode()
            if hmac.compare_digest(token, self._token):
                return None
        answer = _refused(
            401, "the request shows no valid token", "send Authorization: Bearer TOKEN"
        )
        answer.headers["WWW-Authenticate"] = 'Bearer realm="hyperhive"'
        return answer


def is_known_host(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header names an IP address, or one of the names (in lower case)."""
    parts = _HOST.fullmatch(host)
    if parts is None:
        return False
    name = parts[1].lower()
    if name in names:
        return True
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an Origin header (RFC 6454) means pages of the host that the request names."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def _refused(status: int, what: str, todo: str) -> JSONResponse:
    return JSONResponse(models.Error(error=what, todo=todo).model_dump(), status)

"""What the dashboard's port asks of a request before anybody answers it."""

import asyncio
from typing import Any, Final

import httpx
import pytest
from fastapi.responses import PlainTextResponse
from hypothesis import given
from hypothesis import strategies as st

from hyperhive.operator.asgi import Receive, Scope, Send
from hyperhive.operator.guard import Guard, is_known_host, is_same_origin

TOKEN: Final = "a" * 43
NAMES: Final = frozenset({"localhost", "hive.example"})


async def answering(scope: Scope, receive: Receive, send: Send) -> None:
    """What stands behind the guard."""
    await PlainTextResponse("the hive")(scope, receive, send)


def asked(headers: list[tuple[str, str]], method: str = "GET") -> httpx.Response:
    """The answer to a request with these headers and no others."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=Guard(answering, TOKEN, ["Hive.example"]))
        raw = [(name.encode(), value.encode()) for name, value in headers]
        request = httpx.Request(method, "http://x/api/v1/agents", headers=raw)
        if not any(name == "Host" for name, _ in headers):
            del request.headers["Host"]
        return await transport.handle_async_request(request)

    return asyncio.run(ask())


def shown(token: str = TOKEN, host: str = "127.0.0.1:8710", **more: str) -> list[tuple[str, str]]:
    return [("Host", host), ("Authorization", f"Bearer {token}"), *more.items()]


@pytest.mark.parametrize(
    "headers",
    [
        shown(),
        shown(host="localhost:8710"),
        shown(host="[::1]:8710"),
        shown(host="HIVE.example"),
        shown(Origin="http://127.0.0.1:8710"),
        shown(host="hive.example", Origin="https://hive.example"),
        [("Host", "127.0.0.1"), ("Authorization", f"bearer  {TOKEN}")],
    ],
    ids=str,
)
def test_who_has_the_token_is_let_in(headers: list[tuple[str, str]]) -> None:
    assert asked(headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        [("Host", "127.0.0.1")],
        shown(token=""),
        shown(token=TOKEN[:-1]),
        shown(token=TOKEN + "a"),
        shown(token="ä" * 43),
        [("Host", "127.0.0.1"), ("Authorization", f"Basic {TOKEN}")],
        [("Host", "127.0.0.1"), ("Authorization", TOKEN)],
        [*shown(), ("Authorization", f"Bearer {TOKEN}")],
        [("Host", "127.0.0.1"), ("Cookie", f"token={TOKEN}")],
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "HEAD"])
def test_who_has_not_is_not(headers: list[tuple[str, str]], method: str) -> None:
    answer = asked(headers, method)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        shown(host="attacker.example:8710"),
        shown(host=""),
        shown(host="127.0.0.1.attacker.example"),
        shown(host="localhost:8710@attacker.example"),
        [("Authorization", f"Bearer {TOKEN}")],
        [*shown(), ("Host", "127.0.0.1:8710")],
        shown(Origin="http://attacker.example"),
        shown(Origin="null"),
        shown(Origin="http://127.0.0.1:8711"),
        shown(Origin="file://127.0.0.1:8710"),
        shown(Origin="http://[::1"),
        [*shown(Origin="http://127.0.0.1:8710"), ("Origin", "http://attacker.example")],
    ],
    ids=str,
)
def test_a_request_of_another_page_is_refused_with_the_token_too(
    headers: list[tuple[str, str]],
) -> None:
    assert asked(headers).status_code == 403


@given(st.text(max_size=40))
def test_a_host_that_is_let_in_is_an_address_or_a_known_name(host: str) -> None:
    known: Any = is_known_host(host, NAMES)
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    assert not known or name.lower() in NAMES or set(name) <= set("0123456789abcdefABCDEF.:[]")


@given(st.text(max_size=40))
def test_no_other_origin_is_the_same(origin: str) -> None:
    same = is_same_origin(origin, "127.0.0.1:8710")
    assert not same or origin.lower().startswith(
        ("http://127.0.0.1:8710", "https://127.0.0.1:8710")
    )

"""The broker's end of harness.sock for a test: says what it is told, keeps what it hears."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hyperhive.wire.harness import (
    Outcome,
    TurnEvent,
    TurnEvents,
    TurnFinished,
    TurnKind,
    TurnRun,
    Welcome,
)
from hyperhive.wire.jsonrpc import (
    Failure,
    Message,
    Notification,
    Request,
    Result,
    RpcError,
    decode,
    encode,
)
from hyperhive.wire.records import from_json, to_json
from hyperhive.wire.sockets import address

DEADLINE: Final = 20.0

Answer = Callable[[Request], dict[str, Any]]
"""Answers a request of the harness; an RpcError that it raises is the answer."""


class FakeBroker:
    """Listens on `directory`/harness.sock; a context manager.

    Attributes:
        heard: every request of the harness, oldest first.
        answers: the answers of the harness by request id.
        answer: how requests are answered; {} by default, and a welcome for hello.
        keep: what the welcome says.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "harness.sock"
        self._changed = threading.Condition()
        self._ids = itertools.count(1)
        self._threads: list[threading.Thread] = []
        self._peer: socket.socket | None = None
        self._listener: socket.socket | None = None
        self.heard: list[Request] = []
        self.answers: dict[int | str, Result | Failure] = {}
        self.answer: Answer = lambda request: {}
        self.keep = True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._path.unlink(missing_ok=True)
        self._listener = listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with address(self._path) as name:
            listener.bind(name)
        listener.listen()
        self._spawn(self._accept, listener)

    def stop(self) -> None:
        """Be gone, as a broker that was killed: no socket, no connection."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._path.unlink(missing_ok=True)
        self.drop()
        for thread in self._threads:
            thread.join(DEADLINE)
        self._threads.clear()

    def drop(self) -> None:
        """Close the connection."""
        with self._changed:
            peer, self._peer = self._peer, None
        if peer is not None:
            with contextlib.suppress(OSError):  # the harness has gone first
                peer.shutdown(socket.SHUT_RDWR)

    def send(self, message: Message | bytes) -> None:
        """Send a message, or bytes that may be none."""
        assert self._peer is not None, "no harness is connected"
        self._peer.sendall(message if isinstance(message, bytes) else encode(message))

    def call(self, method: str, params: dict[str, Any]) -> Result | Failure:
        """Call the harness and wait for its answer."""
        id = next(self._ids)
        self.send(Request(id, method, params))
        answer: Result | Failure = self.until(lambda: self.answers.get(id), f"answer to {method}")
        return answer

    def run_turn(
        self,
        turn: int = 1,
        prompt: str = "wake",
        *,
        model: str = "claude-sonnet-5-5",
        session: str = "5b6b2f0e-0000-4000-8000-000000000001",
        resume: bool = False,
        kind: TurnKind = TurnKind.MESSAGE,
    ) -> Result | Failure:
        """Have the harness run a turn."""
        return self.call("turn.run", to_json(TurnRun(turn, prompt, model, session, resume, kind)))

    def cancel(self, turn: int = 1, reason: str = "the test says so") -> Result | Failure:
        """Have the harness cancel a turn."""
        return self.call("turn.cancel", {"turn": turn, "reason": reason})

    def until(self, look: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
        """What `look` finds, as soon as it finds something."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not (found := look()):
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} in {seconds} s; heard {self.methods()}"
                self._changed.wait(left)
            return found

    def methods(self) -> list[str]:
        """The methods called so far."""
        return [request.method for request in self.heard]

    def requests(self, method: str) -> list[dict[str, Any]]:
        """The params of every call of a method."""
        return [request.params for request in self.heard if request.method == method]

    def hello(self, count: int = 1) -> dict[str, Any]:
        """The `count`th hello, when it has come."""
        self.until(lambda: len(self.requests("hello")) >= count, f"hello number {count}")
        return self.requests("hello")[count - 1]

    def started(self, turn: int = 1) -> dict[str, Any]:
        """What `turn.started` said."""
        return self._about("turn.started", turn)

    def outcome(self, turn: int = 1, seconds: float = DEADLINE) -> Outcome:
        """The turn's outcome, when it has come."""
        return from_json(TurnFinished, self._about("turn.finished", turn, seconds)).outcome

    def events(self, turn: int = 1) -> list[TurnEvent]:
        """The turn's events so far, each once, in order; none may be missing."""
        events: dict[int, TurnEvent] = {}
        for params in self.requests("turn.events"):
            batch = from_json(TurnEvents, params)
            if batch.turn == turn:
                events.update({event.seq: event for event in batch.events})
        assert sorted(events) == list(range(1, len(events) + 1))
        return [events[seq] for seq in sorted(events)]

    def _about(self, method: str, turn: int, seconds: float = DEADLINE) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            return next((p for p in self.requests(method) if p["turn"] == turn), None)

        found: dict[str, Any] = self.until(look, f"{method} of turn {turn}", seconds)
        return found

    def _spawn(self, target: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(sock,), name=f"fake-broker-{target}")
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with self._changed:
                self._peer = peer
            self._spawn(self._serve, peer)

    def _serve(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            try:
                for line in lines:
                    self._receive(peer, decode(line))
            except OSError:
                return

    def _receive(self, peer: socket.socket, message: Message) -> None:
        assert not isinstance(message, Notification), message
        if isinstance(message, Request):
            reply: Result | Failure
            try:
                value = self.answer(message)
                if message.method == "hello":
                    value = to_json(Welcome(broker="fake", keep=self.keep)) | value
                reply = Result(message.id, value)
            except RpcError as error:
                reply = Failure(message.id, error.code, error.message)
            with contextlib.suppress(OSError):  # it has gone; what it said before it did counts
                peer.sendall(encode(reply))
        with self._changed:
            if isinstance(message, Request):
                self.heard.append(message)
            elif message.id is not None:
                self.answers[message.id] = message
            self._changed.notify_all()

"""A scripted Messages API on 127.0.0.1, for tests that run the real claude CLI without a model.

    script = [Step(tools=[ToolUse("Bash", {"command": "echo hi"})]), Step(text="Done.")]
    with ScriptedApi(script) as api:
        run_claude(ANTHROPIC_BASE_URL=api.url, ANTHROPIC_API_KEY="dummy")
    assert api.calls[1].results == ["hi"]

Each request for a model step takes the first step whose `when` fits, or is given to a function:

    def respond(call: Call) -> Step:
        if call.results:
            return Step(text="Sent.")
        return Step(tools=[ToolUse("mcp__hyperhive__send", {"to": "bob", "body": "hi"})])

The requests that arrived stay in `calls`, so that a test can look at what the CLI made of its
flags; a call knows its session, prompt, system prompt, tools and tool results.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.scripted_steps import EXHAUSTED, USAGE, ApiError, Call, Step, ToolUse, new_id

__all__ = ["ApiError", "Call", "Respond", "ScriptedApi", "Step", "ToolUse"]

Respond = Callable[[Call], Step]


class ScriptedApi:
    """The server; a context manager. Requests are answered in threads of their own.

    Args:
        port: to listen on; 0: any that is free.

    Attributes:
        url: value of ANTHROPIC_BASE_URL.
        calls: requests for a model step so far, oldest first.
        others: every other request, which a well set up CLI does not make.
    """

    def __init__(self, script: Sequence[Step] | Respond, port: int = 0) -> None:
        self.calls: list[Call] = []
        self.others: list[Call] = []
        self._respond = script if callable(script) else None
        self._steps = [] if callable(script) else [(step, step.repeat) for step in script]
        self._arrived = threading.Condition()
        self.stopping = threading.Event()
        self._server = _Server(self, port)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="scripted-api"
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for_calls(self, count: int, timeout: float = 20) -> list[Call]:
        """The calls, as soon as there are `count` of them.

        Raises:
            AssertionError: there are not that many after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._arrived:
            while len(self.calls) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{len(self.calls)} of {count} model steps asked in {timeout} s"
                self._arrived.wait(left)
            return list(self.calls)

    def step_for(self, call: Call) -> Step:
        """Record a call and choose its answer."""
        with self._arrived:
            self.calls.append(call)
            self._arrived.notify_all()
            if self._respond is None:
                return self._take(call)
        return self._respond(call)

    def _take(self, call: Call) -> Step:
        for index, (step, left) in enumerate(self._steps):
            if step.fits(call):
                if left == 1:
                    del self._steps[index]
                elif left is not None:
                    self._steps[index] = (step, left - 1)
                return step
        return Step(text=EXHAUSTED)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, api: ScriptedApi, port: int) -> None:
        self.api = api
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing; tests look at `calls`."""

    def do_POST(self) -> None:
        """Answer a model step."""
        self.close_connection = True
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, self.path, headers, body)
        if self.path.partition("?")[0] == "/v1/messages":
            try:
                self._answer(call, self.server.api.step_for(call))
            except (BrokenPipeError, ConnectionResetError):
                return  # the client was killed: many tests do that on purpose
        elif self.path.partition("?")[0] == "/v1/messages/count_tokens":
            self.server.api.others.append(call)
            self._json(200, {"input_tokens": max(1, length // 4)})
        else:
            self._unknown(call)

    def do_GET(self) -> None:
        """Refuse: the CLI has nothing to get here."""
        self._unknown(Call(self.command, self.path, {}, {}))

    do_HEAD = do_GET

    def _unknown(self, call: Call) -> None:
        self.close_connection = True
        self.server.api.others.append(call)
        self._json(404, {"type": "error", "error": {"type": "not_found_error", "message": "?"}})

    def _answer(self, call: Call, step: Step) -> None:
        self.server.api.stopping.wait(step.delay)
        if step.error is not None:
            self._json(step.error.status, _error(step.error), step.error.headers)
        elif call.body.get("stream"):
            self._stream(call, step)
        else:
            usage = {**USAGE, **step.usage}
            self._json(200, _message(call, step) | {"content": step.blocks(), "usage": usage})

    def _stream(self, call: Call, step: Step) -> None:
        self._head(200, {"content-type": "text/event-stream; charset=utf-8", **step.headers})
        usage = {**USAGE, **step.usage}
        begun = _message(call, step) | {"stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        self._event("message_start", message=begun)
        if step.drop:
            return
        if step.hang:
            while not self.server.api.stopping.wait(0.1):
                self._event("ping")  # fails as soon as the client has gone
            return
        for index, block in enumerate(step.blocks()):
            start, deltas = _deltas(block)
            self._event("content_block_start", index=index, content_block=start)
            for delta in deltas:
                self._event("content_block_delta", index=index, delta=delta)
            self._event("content_block_stop", index=index)
        if step.stream_error is not None:
            self._event("error", error=_error(step.stream_error)["error"])
            return
        delta = {"stop_reason": step.ends_with, "stop_sequence": None}
        self._event("message_delta", delta=delta, usage={"output_tokens": usage["output_tokens"]})
        self._event("message_stop")

    def _event(self, kind: str, **members: Any) -> None:
        data = json.dumps({"type": kind, **members})
        self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())
        self.wfile.flush()

    def _json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        length = str(len(data))
        kind = "application/json"
        self._head(status, {"content-type": kind, "content-length": length, **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "request-id": new_id("req"), "connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()


def _message(call: Call, step: Step) -> dict[str, Any]:
    return {
        "id": new_id("msg"),
        "type": "message",
        "role": "assistant",
        "model": step.model or call.body.get("model", "unknown"),
        "content": [],
        "stop_reason": step.ends_with,
        "stop_sequence": None,
    }


def _deltas(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    match block["type"]:
        case "text":
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": block["text"]}]
        case "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}, [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case _:
            partial = json.dumps(block["input"])
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": partial}]


def _error(error: ApiError) -> dict[str, Any]:
    body = {"type": error.type, "message": error.message}
    return {"type": "error", "error": body, "request_id": new_id("req")}

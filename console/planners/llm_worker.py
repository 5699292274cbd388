"""The process that talks to a model: `python -P -m console.planners.llm_worker`.

The only file that imports litellm, which takes seconds and 170 MB and must not stall anybody. It makes
one attempt per request and reports what happened; retries, time limits and what to make of a reply are
the engine's side's business (llm_call.py), which ends this process to cancel a call. Keys come from its
environment and leave it only towards the provider. It ends when its standard input does.
"""

from __future__ import annotations

import importlib
import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from console.catalog.spec import Catalog
from console.planners import llm_callbacks as callbacks
from console.planners import llm_wire as wire
from console.planners import rendering
from console.planners.local_server import CannotRun, LocalServer

HEARD_EVERY = 0.25
"""Seconds between two reports on a reply that is coming in."""

BYTES_PER_TOKEN = 3
"""For estimates, which must not be too low."""

LEAST_REPLY = 256
"""Tokens; where less is left for the reply, the prompt is too long."""

_WRAPPERS = re.compile(r"(?:litellm\.)?\w+(?:Error|Exception)(?:: | - )")
"""What litellm puts in front of a provider's words."""

_NO_CREDIT = ("insufficient_quota", "exceeded your current quota", "credit balance is too low")
"""What providers say, with various statuses, when waiting does not help."""

_LOOPBACK = ("http://127.", "http://localhost", "http://[::1]")


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    wanted = callbacks.names(os.environ)
    requests = _requests(callbacks.GRACE if wanted else 0.0)
    began = time.monotonic()
    # Not an import statement: a type checker would follow it into half a million lines.
    litellm: Any = importlib.import_module("litellm")
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    litellm.drop_params = False
    wire.write(answers, wire.Ready(seconds=time.monotonic() - began))
    unusable = _install(litellm, wanted)
    local, redactor = LocalServer(), rendering.redactor(os.environ, Catalog())
    while body := requests.get():
        match wire.ASKED.validate_json(body):
            case wire.Look() as look:
                wire.write(answers, _known(litellm, look))
            case wire.Ask() if unusable:
                wire.write(answers, wire.Failure(kind="callback", detail=unusable))
            case wire.Ask() as ask:
                said = _answered(litellm, ask, local, answers)
                if isinstance(said, wire.Failure):  # some providers repeat the address with the key in it
                    said = said.model_copy(update={"detail": redactor.redact(said.detail)})
                wire.write(answers, said)
    if wanted:
        callbacks.drain(litellm)


def _answered(
    litellm: Any, ask: wire.Ask, local: LocalServer, answers: BinaryIO
) -> wire.Answer | wire.Failure:
    try:
        ask = local.hosted(ask)
    except CannotRun:
        return wire.Failure(kind="local")
    return _Call(litellm, ask, answers, local.key(ask.api_base)).outcome()


def _named(litellm: Any, model: str, api_base: str) -> str:
    """The model as litellm wants it: one of a server of one's own needs no provider in front."""
    if not api_base:
        return model
    try:
        litellm.get_llm_provider(model)
    except Exception:  # noqa: BLE001 - litellm is foreign code: whatever it raises, it does not know it
        return f"openai/{model}"
    return model


def _table(litellm: Any, model: str) -> dict[str, Any]:
    """What litellm knows of the model's price and limits."""
    known = litellm.model_cost
    return known.get(model) or known.get(model.partition("/")[2]) or {}


def _known(litellm: Any, look: wire.Look) -> wire.Known:
    """What can be told of a model without asking it."""
    try:
        provider = str(litellm.get_llm_provider(_named(litellm, look.model, look.api_base))[1])
    except Exception:  # noqa: BLE001 - as above
        return wire.Known(provider="")
    missing = litellm.validate_environment(look.model).get("missing_keys") or () if not look.api_base else ()
    table = _table(litellm, look.model)
    return wire.Known(
        provider=provider,
        missing=tuple(map(str, missing)),
        window=table.get("max_input_tokens"),
        price_in=table.get("input_cost_per_token"),
        price_out=table.get("output_cost_per_token"),
    )


def _install(litellm: Any, wanted: tuple[str, ...]) -> str:
    """Why the callbacks that are asked for cannot be used, or ""."""
    try:
        callbacks.install(litellm, wanted)
    except callbacks.BadCallback as error:
        return str(error)
    return ""


def _requests(grace: float) -> queue.SimpleQueue[bytes]:
    """What arrives on standard input; after its end nothing, and after `grace` seconds more the process
    ends, whatever a call is doing."""
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    stdin = os.fdopen(os.dup(0), "rb")

    def listen() -> None:
        while (body := wire.read(stdin)) is not None:
            inbox.put(body)
        inbox.put(b"")
        time.sleep(grace)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    return inbox


class _Stop(Exception):
    """Ends a call with a failure of our own making."""

    def __init__(self, failure: wire.Failure) -> None:
        super().__init__(failure.detail)
        self.failure = failure


class _Call:
    """One attempt."""

    def __init__(self, litellm: Any, ask: wire.Ask, answers: BinaryIO, key: str = "") -> None:
        self._litellm, self._answers, self._key = litellm, answers, key
        named = _named(litellm, ask.model, ask.api_base)
        self._table = _table(litellm, named)
        self._ask = ask.model_copy(update={"model": named})
        self._ask = self._ask.model_copy(update={"max_tokens": self._longest()})
        self._began = time.monotonic()
        self._parts: list[str] = []
        self._size = 0
        self._finish = ""
        self._is_page = False
        self._used: Any = None
        self._prices: tuple[float, float] = (0.0, 0.0)

    def outcome(self) -> wire.Answer | wire.Failure:
        try:
            self._look_before()
            for part in self._stream():
                self._parts.append(part)
            return self._answer()
        except _Stop as stop:
            return stop.failure
        except Exception as error:  # noqa: BLE001 - litellm is foreign code: its fault becomes data
            return self._failed(error)

    def _longest(self) -> int:
        """Tokens that the reply may have: what the model can give, and what its context leaves."""
        ask, table, window = self._ask, self._table, self._window
        left = max(window - self._prompt_tokens, LEAST_REPLY) if window else ask.max_tokens
        return min(ask.max_tokens, table.get("max_output_tokens") or ask.max_tokens, left)

    # ── before ───────────────────────────────────────────────────────────────────────────────────

    def _look_before(self) -> None:
        """Everything that can be said without asking: a missing key, the price, the context."""
        ask, table = self._ask, self._table
        free = ask.api_base.startswith(_LOOPBACK)
        price_in = ask.price_in if ask.price_in is not None else table.get("input_cost_per_token")
        price_out = ask.price_out if ask.price_out is not None else table.get("output_cost_per_token")
        if free and ask.price_in is None:
            price_in, price_out = 0.0, 0.0
        if ask.budget is not None and (price_in is None or price_out is None):
            raise _Stop(wire.Failure(kind="price"))
        self._prices = (price_in or 0.0, price_out or 0.0)
        estimate = self._prompt_tokens * self._prices[0] + ask.max_tokens * self._prices[1]
        if ask.budget is not None and estimate > ask.budget:
            raise _Stop(wire.Failure(kind="budget", detail=f"${estimate:.4f}"))
        window = self._window
        if window and window - self._prompt_tokens < LEAST_REPLY:
            told = f"about {self._prompt_tokens} tokens; {window} fit, with the reply"
            raise _Stop(wire.Failure(kind="context", detail=told))
        if not ask.api_base:
            missing = self._litellm.validate_environment(ask.model).get("missing_keys") or ()
            if missing:
                raise _Stop(wire.Failure(kind="key", detail=", ".join(missing)))

    @property
    def _window(self) -> int:
        """Tokens that fit the model; 0 when nobody knows."""
        return self._ask.context or self._table.get("max_input_tokens") or 0

    @property
    def _prompt_tokens(self) -> int:
        texts = [message["content"] for message in self._ask.messages]
        size = sum(len(text.encode("utf-8", "replace")) for text in texts)
        return size // BYTES_PER_TOKEN + 8 * len(texts)

    # ── the call ─────────────────────────────────────────────────────────────────────────────────

    def _stream(self) -> Iterator[str]:
        """The pieces of the reply as they come."""
        told = 0.0
        stream = self._litellm.completion(**self._arguments())
        self._is_page = "html" in _content_type(stream)
        for chunk in stream:
            self._used = getattr(chunk, "usage", None) or self._used
            for choice in chunk.choices[:1]:
                self._finish = choice.finish_reason or self._finish
                part = self._part(choice.delta)
                self._size += len(part)
                if self._size > self._ask.reply_cap:
                    raise _Stop(self._incomplete("size", f"more than {self._ask.reply_cap} characters"))
                if part:
                    yield part
            if time.monotonic() - told >= HEARD_EVERY:
                told = time.monotonic()
                wire.write(self._answers, self._heard())

    def _part(self, delta: Any) -> str:
        for call in (delta.tool_calls or ())[:1]:
            return call.function.arguments or ""
        return delta.content or ""

    def _arguments(self) -> dict[str, Any]:
        ask = self._ask
        arguments: dict[str, Any] = {
            "model": ask.model,
            "messages": list(ask.messages),
            "max_tokens": ask.max_tokens,
            "timeout": ask.timeout,
            "stream": True,
            "stream_options": {"include_usage": True},
            "num_retries": 0,
            "max_retries": 0,
        }
        if ask.temperature is not None:
            arguments["temperature"] = ask.temperature
        if ask.api_base:
            arguments["api_base"] = ask.api_base
            if self._key:
                arguments["api_key"] = self._key
            elif self._litellm.validate_environment(ask.model).get("missing_keys"):
                arguments["api_key"] = "none"  # a server of one's own wants none, but the client does
        return arguments | self._shape()

    def _shape(self) -> dict[str, Any]:
        ask = self._ask
        if ask.form == "json_schema":
            schema = {"name": ask.name, "strict": True, "schema": ask.schema_}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        if ask.form == "tool":
            name = f"submit_{ask.name}"
            function = {"name": name, "description": f"Hand in the {ask.name}.", "parameters": ask.schema_}
            choice = {"type": "function", "function": {"name": name}}
            return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
        if ask.form == "json_object":
            return {"response_format": {"type": "json_object"}}
        return {}

    # ── after ────────────────────────────────────────────────────────────────────────────────────

    def _counts(self) -> tuple[int, int]:
        """Tokens of the prompt and of the reply: the provider's count, else an estimate."""
        if self._used is not None and self._used.total_tokens:
            return self._used.prompt_tokens or 0, self._used.completion_tokens or 0
        return self._prompt_tokens, -(-self._size // 4)

    def _cost(self) -> float:
        tokens_in, tokens_out = self._counts()
        return tokens_in * self._prices[0] + tokens_out * self._prices[1]

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _heard(self) -> wire.Heard:
        return wire.Heard(tokens=self._counts()[1], seconds=self._seconds(), cost=self._cost())

    def _answer(self) -> wire.Answer | wire.Failure:
        reply = "".join(self._parts)
        if self._is_page:
            return self._incomplete("html", "")
        if not reply.strip() and self._finish == "length":
            return self._incomplete("length", str(self._ask.max_tokens))
        if not reply.strip():
            return self._incomplete("empty", "")
        if reply.lstrip()[:15].lower().startswith(("<!doctype", "<html")):
            return self._incomplete("html", "")
        tokens_in, tokens_out = self._counts()
        return wire.Answer(
            reply=reply,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost=self._cost(),
            seconds=self._seconds(),
            finish=self._finish,
            longest=self._ask.max_tokens,
        )

    def _incomplete(self, kind: wire.FailureKind, detail: str, status: int = 0) -> wire.Failure:
        cost = self._cost() if self._parts else 0.0
        return wire.Failure(kind=kind, detail=detail, status=status, partial="".join(self._parts), cost=cost)

    def _failed(self, error: Exception) -> wire.Failure:
        status = getattr(error, "status_code", None)
        response = getattr(error, "response", None)
        headers = getattr(error, "litellm_response_headers", None) or getattr(response, "headers", None) or {}
        said = _WRAPPERS.sub("", str(error))
        failure = self._incomplete(self._kind(error, status), said, int(status or 0))
        return failure.model_copy(update={"retry_after": str(headers.get("retry-after", ""))})

    def _kind(self, error: Exception, status: int | None) -> wire.FailureKind:
        names = {type(one).__name__ for one in _causes(error)}
        text = str(error).lower()
        if "ContextWindowExceededError" in names:
            return "context"
        if names & {"ConnectError", "ConnectTimeout", "ReadError", "RemoteProtocolError", "ProxyError"}:
            return "connection"
        if names & {"Timeout", "ReadTimeout", "APITimeoutError", "PoolTimeout"}:
            return "stall"
        if "provider not provided" in text or status == 404:
            return "model"
        if "missing credentials" in text or status in (401, 403):
            return "key"
        if status == 402 or any(words in text for words in _NO_CREDIT):
            return "quota"
        if status == 429:
            return "rate"
        if "<html" in text or "<!doctype" in text:
            return "html" if (status or 0) < 500 else "server"
        if "jsondecodeerror" in text or "JSONDecodeError" in names:
            return "html"
        if status is not None and 400 <= status < 500:
            return "request"
        return "server" if status else "other"


def _content_type(stream: Any) -> str:
    """How the server calls what it sends; "" where the client does not tell."""
    response = getattr(getattr(stream, "completion_stream", None), "response", None)
    return str((getattr(response, "headers", None) or {}).get("content-type", ""))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from; litellm wraps several layers."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


if __name__ == "__main__":
    main()

"""The worker against a server that is slow, wrong and rude. One worker serves all of these tests."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from console.planners import llm_wire as wire
from console.planners.llm_call import ModelError, Question
from console.planners.llm_link import AttemptFailed, Link
from tests.models.server import Act, ModelServer, Page, Refusal, Reply

pytestmark = pytest.mark.xdist_group("model")

TEXT = '{"steps": [1, 2, 3, 4, 5, 6, 7, 8, 9]}'


class Call:
    """One attempt: what was heard on the way, the answer or the failure."""

    def __init__(self, worker: Link, server: ModelServer, *acts: Act | str, **changes: object) -> None:
        server.plays(*acts)
        self.heard: list[wire.Heard] = []
        self.answer: wire.Answer | None = None
        self.failure = wire.Failure(kind="other")
        asked = {
            "model": "stub",
            "messages": ({"role": "user", "content": "plan"},),
            "api_base": server.base,
            "timeout": 40.0,
        }
        self.ask = wire.Ask.model_validate(asked | changes)

        async def hear(heard: wire.Heard) -> None:
            self.heard.append(heard)
            server.gate.set()

        async def main() -> None:
            try:
                self.answer = await worker.attempt(self.ask, hear)
            except AttemptFailed as error:
                self.failure = error.failure

        anyio.run(main)


def test_a_reply_is_told_while_it_comes_and_counted_at_its_end(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Reply(TEXT, waits=True), price_in=1e-3, price_out=2e-3)
    assert call.answer
    assert (call.answer.reply, call.answer.finish) == (TEXT, "stop")
    assert (call.answer.tokens_in, call.answer.tokens_out) == (1000, 200)
    assert call.answer.cost == pytest.approx(1.4)
    assert 0 < call.heard[0].tokens < 200


@pytest.mark.parametrize("form", ["json_schema", "tool", "json_object", "text"])
def test_each_form_is_asked_for_and_read(worker: Link, server: ModelServer, form: wire.Form) -> None:
    call = Call(worker, server, TEXT, form=form, schema={"type": "object"})
    assert call.answer
    assert call.answer.reply == TEXT
    (asked,) = server.asked
    assert asked.form == form
    assert "max_retries" not in asked.body


@pytest.mark.parametrize(
    ("act", "kind", "status"),
    [
        (Refusal(401, "wrong key"), "key", 401),
        (Refusal(403, "no"), "key", 403),
        (Refusal(402, "insufficient balance"), "quota", 402),
        (Refusal(429, "You exceeded your current quota, please check your plan"), "quota", 429),
        (Refusal(400, "Your credit balance is too low to access the API"), "quota", 400),
        (Refusal(404, "no such model"), "model", 404),
        (Refusal(400, "response_format is not supported"), "request", 400),
        (Refusal(400, "This model's maximum context length is 4096 tokens"), "context", 400),
        (Refusal(500, "boom"), "server", 500),
        (Refusal(502, "bad gateway", html=True), "server", 502),
        (Page(), "html", 0),
        (Reply(""), "empty", 0),
    ],
)
def test_what_went_wrong_is_told_apart(
    worker: Link, server: ModelServer, act: Act, kind: str, status: int
) -> None:
    call = Call(worker, server, act)
    assert (call.failure.kind, call.failure.status) == (kind, status)
    assert not call.failure.detail.startswith("litellm")
    assert len(server.asked) == 1, "the worker tries nothing again by itself"


def test_a_key_that_the_server_repeats_is_not_told(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Refusal(400, "bad request for https://x/v1?key=sk-canary"))
    assert call.failure.kind == "request"
    assert "key=<secret:STUB_API_KEY>" in call.failure.detail


def test_a_busy_server_is_told_with_its_wait(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Refusal(429, "slow down", (("retry-after", "7"),)))
    assert (call.failure.kind, call.failure.retry_after) == ("rate", "7")


def test_nobody_is_there(worker: Link, server: ModelServer) -> None:
    assert Call(worker, server, TEXT, api_base="http://127.0.0.1:9/v1").failure.kind == "connection"


def test_a_stalled_stream_keeps_what_had_come(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Reply(TEXT, stalls=True), timeout=1.0)
    assert call.failure.kind == "stall"
    assert TEXT.startswith(call.failure.partial)
    assert call.failure.partial


def test_the_reply_gets_what_the_context_leaves(worker: Link, server: ModelServer) -> None:
    """A server refuses a prompt that leaves less than the reply may have, however short that would be."""
    long = ({"role": "user", "content": "word " * 1000},)
    call = Call(worker, server, TEXT, messages=long, context=4096, max_tokens=8192)
    assert call.answer
    asked = server.asked[0].body["max_tokens"]
    assert asked == call.answer.longest
    assert 4096 - 5000 / 2 < asked < 4096 - 5000 / 4


def test_a_model_that_thinks_until_its_limit_is_told_apart(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Reply("", finish="length"), max_tokens=700)
    assert (call.failure.kind, call.failure.detail) == ("length", "700")


def test_a_connection_that_ends_in_the_middle_gives_no_whole_reply(worker: Link, server: ModelServer) -> None:
    call = Call(worker, server, Reply(TEXT, cut=True))
    said = call.answer.reply if call.answer else call.failure.partial
    assert TEXT.startswith(said)
    assert len(said) < len(TEXT)


def test_a_reply_without_end_is_cut_off(worker: Link, server: ModelServer) -> None:
    assert Call(worker, server, Reply("x" * 5000, pieces=9), reply_cap=1000).failure.kind == "size"


def test_what_can_be_said_without_asking_is(worker: Link, server: ModelServer) -> None:
    dear = Call(worker, server, TEXT, budget=0.01, price_in=1e-3, price_out=1e-3)
    assert (dear.failure.kind, dear.failure.detail[:1]) == ("budget", "$")
    far = {"api_base": "http://model.invalid/v1"}
    assert Call(worker, server, TEXT, budget=0.01, **far).failure.kind == "price"
    long = ({"role": "user", "content": "word " * 4000},)
    assert Call(worker, server, TEXT, messages=long, context=1000).failure.kind == "context"
    missing = Call(worker, server, TEXT, model="openai/gpt-4o-mini", api_base="")
    assert (missing.failure.kind, missing.failure.detail) == ("key", "OPENAI_API_KEY")
    assert Call(worker, server, TEXT, model="nonsense", api_base="").failure.kind == "model"
    assert server.asked == []


def test_a_model_is_known_without_being_asked(worker: Link) -> None:
    async def look() -> tuple[wire.Known, wire.Known]:
        return await worker.look("gpt-4o-mini"), await worker.look("nonsense")

    known, unknown = anyio.run(look)
    assert (known.provider, known.missing) == ("openai", ("OPENAI_API_KEY",))
    assert known.price_in
    assert known.window
    assert unknown.provider == ""


def test_a_worker_that_cannot_be_started_is_told_in_one_line(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(own_folders / "nowhere"))

    async def heard(message: str, /, **_: object) -> None: ...

    with pytest.raises(ModelError) as told:
        anyio.run(Question(Link({}), heard).answer, wire.Ask(model="m", messages=()), ("text",))
    assert "the process that asks the model cannot be started: No such file or directory" in str(told.value)


@pytest.mark.usefixtures("own_folders")
def test_a_worker_that_stands_still_holds_nobody_up() -> None:
    """A prompt can be larger than the pipe."""
    link = Link({})
    long = ({"role": "user", "content": "x" * 4_000_000},)

    async def hear(heard: wire.Heard) -> None: ...

    async def main() -> None:
        link._process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        link._process.send_signal(signal.SIGSTOP)
        with anyio.move_on_after(0.2):
            await link.attempt(wire.Ask(model="m", messages=long), hear)

    anyio.run(main)
    assert link._process is None


def test_the_worker_ends_with_its_standard_input() -> None:
    code = (
        "import sys; sys.modules['litellm'] = sys; from console.planners import llm_worker; llm_worker.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"", timeout=40, check=False)
    assert done.returncode == 0


def test_nothing_but_the_worker_loads_litellm() -> None:
    code = (
        "import sys; import console.planners.llm, console.service.host, console.planners.llm_link; "
        "sys.exit('litellm' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=40, check=False).returncode == 0

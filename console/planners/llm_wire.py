"""What the engine's side and the model's worker say to each other: length-prefixed JSON on pipes.

    engine ── Ask | Look ──> worker        worker ── Ready, then per Ask: Heard*, Answer | Failure,
                                                                per Look: Known ──> engine

Keys never travel here: the worker finds them in its environment.
"""

from __future__ import annotations

import struct
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

MAX_FRAME = 32 * 1024 * 1024

Form = Literal["json_schema", "tool", "json_object", "text"]
"""How a model is held to the plan's shape: a strict schema, a forced tool call, any JSON object, or not
at all."""

FailureKind = Literal[
    "key", "quota", "model", "connection", "rate", "server", "html", "context", "request",
    "budget", "price", "size", "length", "empty", "stall", "deadline", "worker", "local", "callback",
    "other",
]  # fmt: skip


class Frame(BaseModel):
    """Base of the messages."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Ask(Frame):
    """One call of a model. `budget` is what it may cost at most, in US dollars; prices are per token
    and overrule litellm's table; `context` overrules its window. `schema` shapes the reply, `name` says what
    it is."""

    say: Literal["ask"] = "ask"
    model: str
    messages: tuple[dict[str, str], ...]
    form: Form = "text"
    schema_: dict[str, Any] = Field(default={}, alias="schema")
    name: str = "plan"
    temperature: float | None = None
    max_tokens: int = 8192
    timeout: float = 60.0
    reply_cap: int = 2 * 1024 * 1024
    api_base: str = ""
    budget: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    context: int | None = None


class Look(Frame):
    """What can be told of a model without asking it?"""

    say: Literal["look"] = "look"
    model: str
    api_base: str = ""


Asked = Annotated[Ask | Look, Field(discriminator="say")]
ASKED: TypeAdapter[Ask | Look] = TypeAdapter(Asked)


class Ready(Frame):
    """The worker has loaded litellm; `seconds` is how long that took."""

    say: Literal["ready"] = "ready"
    seconds: float = 0.0


class Heard(Frame):
    """A reply is coming in: tokens and cost so far, an estimate until it is complete."""

    say: Literal["heard"] = "heard"
    tokens: int
    seconds: float
    cost: float


class Answer(Frame):
    """A complete reply. `finish` is the provider's word for why it ended, `longest` the tokens that it might
    have had."""

    say: Literal["answer"] = "answer"
    reply: str
    tokens_in: int
    tokens_out: int
    cost: float
    seconds: float
    finish: str = ""
    longest: int = 0


class Failure(Frame):
    """Why there is no reply. `detail` is the provider's text, untrusted; `partial` what had come in;
    `retry_after` the header as it was sent."""

    say: Literal["failure"] = "failure"
    kind: FailureKind
    detail: str = ""
    status: int = 0
    retry_after: str = ""
    partial: str = ""
    cost: float = 0.0


class Known(Frame):
    """What is known of a model: its provider ("" for none), the variables with its key that are not set,
    the tokens that fit and what one costs in US dollars."""

    say: Literal["known"] = "known"
    provider: str
    missing: tuple[str, ...] = ()
    window: int | None = None
    price_in: float | None = None
    price_out: float | None = None


Frames = Ready | Heard | Answer | Failure | Known
Said = Annotated[Frames, Field(discriminator="say")]
SAID: TypeAdapter[Frames] = TypeAdapter(Said)


def write(stream: BinaryIO, frame: Frame) -> None:
    """Send one frame."""
    body = frame.model_dump_json(by_alias=True).encode("utf-8", "replace")
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def read(stream: BinaryIO) -> bytes | None:
    """The body of the next frame; `None` when the other side has ended or talks nonsense."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack(">I", head)
    body = stream.read(size) if size <= MAX_FRAME else b""
    return body if len(body) == size else None

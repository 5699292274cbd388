"""What goes over a run's socket, and how it is cut into frames.

    frame     4 bytes, big endian: the top bit says that the message goes on in the next frame, the
              rest is the length (at most 1 MiB); then so many bytes
    message   its frames joined: one JSON object with a key `say`

    client says  hello {version, ui, who}           wish {id, wish, body, by}
                 take_control {}                    ask_control {}                  answer_control {yes}
    engine says  welcome {run, pid, head, version}  head {seq}                      bye {reason}
                 control {holder, yours, asker, others}                             kept {why}
                 reply {id, value}                  refused {id, error}

Records do not go over the socket. The engine says how far the journal is (`head`), and the client
reads the journal: nobody sees a record before it is durable, a client that does not read costs the
engine nothing, and history and present come the same way. The body of a wish is JSON as text, read
as strictly as any document.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from anyio import EndOfStream
from pydantic import ValidationError

from console import errors
from console.errors import ControlRefused, PlandeckError
from console.run.control import Wish
from console.run.events import RollbackPlan

VERSION = 1
FRAME_LIMIT = 1 << 20
MESSAGE_LIMIT = 32 << 20
_MORE = 1 << 31

Message = dict[str, Any]


class BadFrame(PlandeckError):
    """The other side does not speak this language; the connection is closed."""


class Stream(Protocol):
    """What a wire is made of (service/link.py)."""

    async def receive(self, max_bytes: int) -> bytes: ...

    async def send(self, item: bytes) -> None: ...

    def close(self) -> None: ...


class Wire:
    """One connection. Not for two senders, nor two receivers, at once."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def send(self, message: Message) -> None:
        """Send one message. Raises `anyio.BrokenResourceError` when nobody is there."""
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if len(body) > MESSAGE_LIMIT:
            raise BadFrame(f"a message of {len(body)} bytes is too large")
        frames = [body[at : at + FRAME_LIMIT] for at in range(0, len(body), FRAME_LIMIT)]
        for frame in frames[:-1]:
            await self._stream.send((_MORE | len(frame)).to_bytes(4, "big") + frame)
        await self._stream.send(len(frames[-1]).to_bytes(4, "big") + frames[-1])

    async def receive(self) -> Message:
        """The next message. Raises `EndOfStream` at a clean end, `BadFrame` for anything else that
        is not a message."""
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            more, part = await self._frame(first=not parts)
            size += len(part)
            if size > MESSAGE_LIMIT:
                raise BadFrame("a message is too large")
            parts.append(part)
        return _parse(b"".join(parts))

    async def _frame(self, *, first: bool) -> tuple[bool, bytes]:
        begun = not first
        try:
            head = int.from_bytes(await self._exactly(4), "big")
            begun, length = True, head & ~_MORE
            if not 0 < length <= FRAME_LIMIT:
                raise BadFrame(f"a frame of {length} bytes is not allowed")
            return bool(head & _MORE), await self._exactly(length)
        except EndOfStream:
            if not begun and not self._held:
                raise
            raise BadFrame("the connection ended in the middle of a frame") from None

    async def _exactly(self, count: int) -> bytes:
        while len(self._held) < count:
            self._held += await self._stream.receive(65_536)
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    def close(self) -> None:
        self._stream.close()


def _parse(body: bytes) -> Message:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise BadFrame("a frame is not JSON") from None
    if not isinstance(message, dict) or not isinstance(message.get("say"), str):
        raise BadFrame("a message must be an object that says something")
    return message


# ── wishes, answers, errors ──────────────────────────────────────────────────────────────────────


def pack_wish(wish: Wish, number: int, by: str) -> Message:
    return {
        "say": "wish",
        "id": number,
        "wish": wish.kind,
        "body": wish.model_dump_json(by_alias=True, exclude_defaults=True),
        "by": by,
    }


def unpack_wish(message: Message) -> Wish:
    """Raises `ControlRefused` for what is no wish."""
    kind, body = message.get("wish"), message.get("body")
    if not isinstance(kind, str) or kind not in Wish.kinds:
        raise ControlRefused(f"there is no wish {str(kind)[:60]!r}")
    try:
        return Wish.kinds[kind].model_validate_json(body if isinstance(body, str) else "")
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ControlRefused(f"the wish {kind} is not well-formed: {place}: {first['msg']}") from None


def pack_value(value: Any) -> Any:
    """An answer as JSON: a rollback plan goes as text."""
    if isinstance(value, RollbackPlan):
        return {"rollback_plan": value.model_dump_json(by_alias=True)}
    if isinstance(value, dict):
        return {str(key): pack_value(one) for key, one in value.items()}
    return value


def unpack_value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"rollback_plan"}:
            return RollbackPlan.model_validate_json(value["rollback_plan"])
        return {key: unpack_value(one) for key, one in value.items()}
    return value


def pack_error(error: PlandeckError) -> Message:
    return {
        "type": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "kept": error.kept,
        "todo": error.todo,
    }


def unpack_error(message: Message) -> PlandeckError:
    """The error as it was raised, as far as its kind can be made from one line; else `ControlRefused`."""
    kind = getattr(errors, str(message.get("type")), ControlRefused)
    if not (isinstance(kind, type) and issubclass(kind, PlandeckError)) or issubclass(
        kind, (errors.InvalidDocument, errors.JournalCorrupt)
    ):
        kind = ControlRefused
    text = {name: str(message.get(name, "")) for name in ("where", "kept", "todo")}
    if issubclass(kind, (errors.NoPlanExists, errors.BadReply)):
        return kind(str(message.get("what", "")), todo=text["todo"])
    return kind(str(message.get("what", "")), **text)

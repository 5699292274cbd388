"""What goes over the socket: any message comes out as it went in; anything else is refused."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.errors import ControlRefused, JournalUnsafe, PlandeckError, StaleRevision, UsageError
from console.plan.model import Expect, Plan, Step
from console.run.control import Approve, ChangePlan, Stop, Wish
from console.run.events import RollbackItem, RollbackPlan
from console.service import wire
from console.service.wire import FRAME_LIMIT, BadFrame, Wire


class Pipe:
    """A byte stream whose other end is a list."""

    def __init__(self, data: bytes = b"", piece: int = 65_536) -> None:
        self.data = data
        self.piece = piece
        self.sent = b""

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        if not self.data:
            raise anyio.EndOfStream
        piece, self.data = self.data[: min(max_bytes, self.piece)], self.data[min(max_bytes, self.piece) :]
        return piece

    async def send(self, item: bytes) -> None:
        self.sent += item

    def close(self) -> None:
        """Nothing to close."""


def sent(message: wire.Message) -> bytes:
    pipe = Pipe()
    anyio.run(Wire(pipe).send, message)
    return pipe.sent


def received(data: bytes, piece: int = 65_536) -> wire.Message:
    return anyio.run(Wire(Pipe(data, piece)).receive)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda s: st.lists(s) | st.dictionaries(st.text(), s),
)


@given(VALUES, st.integers(1, 20))
@settings(max_examples=50)
def test_a_message_comes_out_as_it_went_in_however_it_is_cut(value: object, piece: int) -> None:
    async def there_and_back() -> None:
        message = {"say": "wish", "value": value}
        pipe = Pipe(piece=piece)
        await Wire(pipe).send(message)
        pipe.data = pipe.sent
        assert await Wire(pipe).receive() == message

    anyio.run(there_and_back)


def test_a_large_message_goes_in_frames_of_a_mebibyte() -> None:
    message = {"say": "wish", "body": "x" * (3 * FRAME_LIMIT)}
    data = sent(message)
    assert int.from_bytes(data[:4], "big") == (1 << 31) | FRAME_LIMIT
    assert received(data) == message


@given(st.binary(max_size=200))
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises((BadFrame, anyio.EndOfStream)):
        received(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x7f\xff\xff\xff",
        b"\x00\x00\x00\x00",
        b"\x00\x00\x00\x05{",
        b"\x00\x00\x00\x02{}",
        b"\x00\x00\x00\x01[",
        b"\x00\x00",
        b"\x80\x00\x00\x02{}",
        (200_000).to_bytes(4, "big") + b"[" * 200_000,
    ],
    ids=["2 GB", "empty", "half", "says nothing", "no JSON", "half a length", "no last frame", "deep"],
)
def test_what_is_not_a_message_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        received(data)


def test_a_message_without_an_end_is_refused_before_it_fills_the_memory() -> None:
    more = ((1 << 31) | FRAME_LIMIT).to_bytes(4, "big") + b" " * FRAME_LIMIT
    with pytest.raises(BadFrame, match="too large"):
        received(more * (wire.MESSAGE_LIMIT // FRAME_LIMIT + 1))


PLAN = Plan(steps=(Step(id="1", action="a", expect=Expect(json_paths={"x": 1}), timeout=2),))


@pytest.mark.parametrize(
    "wish",
    [
        Stop(reason="r"),
        Approve(request="q1", hash="h", steps={"1": "x"}),
        ChangePlan(plan=PLAN, revision=3, summary="s"),
    ],
)
def test_a_wish_comes_out_as_it_went_in(wish: Wish) -> None:
    assert wire.unpack_wish(received(sent(wire.pack_wish(wish, 1, "me")))) == wish


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"wish": "fly", "body": "{}"},
        {"wish": ["stop"], "body": "{}"},
        {"wish": "hold", "body": "{}"},
        {"wish": "stop", "body": {"reason": "r"}},
        {"wish": "stop", "body": '{"reason": 1}'},
        {"wish": "stop", "body": '{"extra": 1}'},
        {"wish": "stop"},
    ],
)
def test_what_is_no_wish_is_refused_with_the_reason(message: wire.Message) -> None:
    with pytest.raises(ControlRefused):
        wire.unpack_wish(message)


def test_a_rollback_plan_comes_back_as_one() -> None:
    rollback = RollbackPlan(items=(RollbackItem(step=Step(id="u1", action="undo"), undoes=("1",)),))
    value = {"rollback": rollback, "hash": "h"}
    packed = received(sent({"say": "reply", "value": wire.pack_value(value)}))["value"]
    assert wire.unpack_value(packed) == value


@pytest.mark.parametrize(
    "error",
    [
        StaleRevision("the plan is at revision 4", kept="the edit", todo="Look"),
        UsageError("no", where="step 1"),
        JournalUnsafe("the disk"),
    ],
)
def test_an_error_comes_back_as_what_it_was(error: PlandeckError) -> None:
    back = wire.unpack_error(wire.pack_error(error))
    assert type(back) is type(error)
    assert str(back) == str(error)


def test_an_error_of_an_unknown_kind_is_a_refusal() -> None:
    assert isinstance(wire.unpack_error({"type": "SystemExit", "what": "x"}), ControlRefused)

"""An order survives the way over the socket, however it is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.runners.order import FRAME_LIMIT, Order, name_of, take_frame, unpack

words = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"0"))
names = words.map(lambda data: data.replace(b"=", b"-"))
orders = st.builds(
    Order,
    name=words,
    key=words,
    cwd=words,
    argv=st.lists(words, min_size=1, max_size=5),
    env=st.dictionaries(names, words, max_size=5),
    secrets=st.dictionaries(names, words, max_size=3),
    timeout=st.none() | st.floats(0, 1e9),
    grace=st.floats(0, 1e6),
)


def fields(order: Order) -> dict[str, object]:
    return {name: getattr(order, name) for name in Order.__slots__}


@given(orders)
def test_an_order_arrives_as_it_was_sent(order: Order) -> None:
    body = take_frame(bytearray(order.pack()))
    assert body is not None
    assert fields(unpack(body)) == fields(order)
    assert name_of(body) == order.name


@given(st.lists(orders, max_size=4), st.integers(1, 40))
def test_frames_are_found_wherever_the_stream_is_cut(sent: list[Order], size: int) -> None:
    stream = b"".join(order.pack() for order in sent)
    inbox = bytearray()
    bodies = []
    for start in range(0, len(stream), size):
        inbox += stream[start : start + size]
        while (body := take_frame(inbox)) is not None:
            bodies.append(body)
    assert [fields(unpack(body)) for body in bodies] == [fields(order) for order in sent]
    assert not inbox


def test_a_frame_longer_than_any_order_is_refused_at_its_first_bytes() -> None:
    with pytest.raises(ValueError, match="too long"):
        take_frame(bytearray((FRAME_LIMIT + 1).to_bytes(4, "big")))


def test_a_nul_byte_cannot_shift_the_fields() -> None:
    order = Order(name=b"n", key=b"k", cwd=b"/", argv=[b"a\0b"], env={}, secrets={}, timeout=None, grace=1)
    with pytest.raises(ValueError, match="NUL"):
        order.pack()

"""One attempt as it goes over the fork server's socket: NUL-separated bytes, since nothing that is
given to a process can hold a NUL. Only what the fork server can afford to load is imported here."""

from __future__ import annotations

MARKER = b"PLANDECK_STEP"
"""In the environment of everything a step starts: the attempt's key, by which leftovers are found."""

FRAME_LIMIT = 16 * 1024 * 1024
_SIZE = 4


class Order:
    """What to carry out. `name` is the attempt's directory below the run's, `secrets` the part of
    `env` whose values must not appear in the output. Times are in seconds."""

    __slots__ = ("argv", "cwd", "env", "grace", "key", "name", "secrets", "timeout")

    def __init__(
        self,
        *,
        name: bytes,
        key: bytes,
        cwd: bytes,
        argv: list[bytes],
        env: dict[bytes, bytes],
        secrets: dict[bytes, bytes],
        timeout: float | None,
        grace: float,
    ) -> None:
        self.name = name
        self.key = key
        self.cwd = cwd
        self.argv = argv
        self.env = env
        self.secrets = secrets
        self.timeout = timeout
        self.grace = grace

    def pack(self) -> bytes:
        """A frame: its length, then the fields. Raises `ValueError` for a NUL inside a field."""
        pairs = [b"%b=%b" % pair for pair in self.env.items()]
        hidden = [b"%b=%b" % pair for pair in self.secrets.items()]
        fields = [
            self.name,
            self.key,
            self.cwd,
            b"" if self.timeout is None else repr(self.timeout).encode(),
            repr(self.grace).encode(),
            b"%d" % len(self.argv),
            b"%d" % len(pairs),
            *self.argv,
            *pairs,
            *hidden,
        ]
        body = b"\0".join(fields)
        if body.count(b"\0") != len(fields) - 1:
            raise ValueError("an argument, a variable or a path holds a NUL byte")
        return to_frame(body)


def name_of(body: bytes) -> bytes:
    """The attempt's directory, all that the fork server itself needs to know."""
    return body.partition(b"\0")[0]


def unpack(body: bytes) -> Order:
    """The order in the body of a frame. Raises `ValueError` or `IndexError` for what is none."""
    name, key, cwd, timeout, grace, argc, envc, *rest = body.split(b"\0")
    end_of_argv = int(argc)
    end_of_env = end_of_argv + int(envc)
    return Order(
        name=name,
        key=key,
        cwd=cwd,
        argv=rest[:end_of_argv],
        env=_pairs(rest[end_of_argv:end_of_env]),
        secrets=_pairs(rest[end_of_env:]),
        timeout=float(timeout) if timeout else None,
        grace=float(grace),
    )


def _pairs(fields: list[bytes]) -> dict[bytes, bytes]:
    pairs = {}
    for text in fields:
        variable, _, value = text.partition(b"=")
        pairs[variable] = value
    return pairs


def to_frame(body: bytes) -> bytes:
    """`body` behind its length."""
    return len(body).to_bytes(_SIZE, "big") + body


def take_frame(inbox: bytearray) -> bytes | None:
    """The first whole frame's body, taken out of `inbox`; `None` while it is not all there.

    Raises `ValueError` when it is longer than any order is.
    """
    if len(inbox) < _SIZE:
        return None
    size = int.from_bytes(inbox[:_SIZE], "big")
    if size > FRAME_LIMIT:
        raise ValueError("the frame is too long")
    if len(inbox) < _SIZE + size:
        return None
    body = bytes(inbox[_SIZE : _SIZE + size])
    del inbox[: _SIZE + size]
    return body

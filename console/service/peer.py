"""Who is at the other end of a run's socket.

The same user, and no process that the run itself started: a step must not approve what comes after
it. A step is known by its ancestors (the engine, or a process that carries the run's marker
`PLANDECK_STEP=run/…` in its environment). A server that others steer (`plandeck mcp`) is a guest, with
everything it starts: it may look on and ask for a rollback, and nothing else. That is evidence, not
containment: a process that detaches itself and wipes its environment has the user's own rights, as the
documentation says.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MARKER = b"PLANDECK_STEP="
GUEST = "PLANDECK_GUEST"
"""A variable in the environment of a server that others steer: it and what it starts are guests."""

_DEPTH = 512
"""Generations to look back; nobody nests deeper in earnest."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The process that connected. `pid` is 0 when it lives in another world of process ids."""

    pid: int
    uid: int


def peer_of(connection: socket.socket) -> Peer:
    """Who connected, as the kernel says."""
    pid, uid, _ = struct.unpack(
        "3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    )
    return Peer(pid, uid)


def refusal(peer: Peer, run: str, engine: int) -> str:
    """Why this peer may not speak to the run of the process `engine`; empty when it may."""
    if peer.uid != os.geteuid():
        return f"the run belongs to user {os.geteuid()}, not to user {peer.uid}"
    if peer.pid == engine:
        return ""
    if not peer.pid:
        return "its process cannot be seen from here"
    mark = MARKER + os.fsencode(run) + b"/"
    pid = peer.pid
    for pid in _line_of(peer.pid):
        if pid == engine or _is_marked(pid, mark):
            return "a process that the run started may not steer it"
        if _parent(pid) is None:
            return "its process cannot be seen from here"
    return "" if (_parent(pid) or 0) <= 1 else "its ancestors cannot be told"


def is_guest(peer: Peer) -> bool:
    """Whether this peer may look on and ask, but never answer for a person."""
    mark = GUEST.encode() + b"="
    return any(_is_marked(pid, mark) for pid in _line_of(peer.pid))


def _line_of(pid: int) -> Iterator[int]:
    """The process and its ancestors, as far as they can be told; not the first process of all."""
    for _ in range(_DEPTH):
        yield pid
        parent = _parent(pid)
        if parent is None or parent <= 1:
            return
        pid = parent


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        # Another user's ancestor (a login daemon): not a step of ours, which run as this user.
        return False
    return any(entry.startswith(mark) for entry in environment.split(b"\0"))


def _parent(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The name stands in parentheses and may hold anything, parentheses too.
    return int(stat.rpartition(b")")[2].split()[1])

"""A connected socket as a stream of bytes.

anyio's own stream for Unix sockets reports an error to the event loop when a task that receives is
cancelled in the moment in which data comes; a screen would have it drawn across it. This one waits
through `wait_readable`, which does not.
"""

from __future__ import annotations

import socket

import anyio


class Link:
    """Sends and receives on a connected socket, which it owns."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        """Some bytes. Raises `EndOfStream` at the end, `BrokenResourceError` when it was broken off."""
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise self._gone() from error
            else:
                if not data:
                    raise anyio.EndOfStream
                await anyio.lowlevel.checkpoint()
                return data

    async def send(self, item: bytes) -> None:
        """All of `item`. Raises `BrokenResourceError` when nobody is there."""
        rest = memoryview(item)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)
            except OSError as error:
                raise self._gone() from error
        await anyio.lowlevel.checkpoint()

    def close(self) -> None:
        """Close it; whoever waits on it is woken with `ClosedResourceError`."""
        if self._socket.fileno() >= 0:
            anyio.notify_closing(self._socket)
            self._socket.close()

    def _gone(self) -> Exception:
        return anyio.BrokenResourceError() if self._socket.fileno() >= 0 else anyio.ClosedResourceError()

"""MCP over HTTP (the streamable form): the protocol library's transport, with limits of ours.

Redirects are followed within the server's own origin only (the library sees to that). An answer of more
than `FRAME_LIMIT` bytes is cut off; so is one event of a stream.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

from console.runners.mcp_stdio import FRAME_LIMIT, Conduct

CONNECT = 10.0  # seconds to be connected
SILENCE = 3_600.0  # seconds without a byte; how long a call may take is the step's business


class TooLong(httpx2.TransportError):
    """An answer was longer than `FRAME_LIMIT`."""


class _Capped(httpx2.AsyncByteStream):
    """A body of which no more than `FRAME_LIMIT` bytes are passed on."""

    def __init__(self, body: httpx2.AsyncByteStream, conduct: Conduct) -> None:
        self._body, self._conduct = body, conduct

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._body:
            size += len(piece)
            if size > FRAME_LIMIT:
                why = f"it sent an answer of more than {FRAME_LIMIT // 2**20} MiB"
                self._conduct.end(why)
                raise TooLong(why)
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()


class _Transport(httpx2.AsyncHTTPTransport):
    def __init__(self, conduct: Conduct) -> None:
        super().__init__()
        self._conduct = conduct

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if request.method == "POST":  # the others are the transport's own and may be refused
            self._conduct.status = f"{response.status_code} {_phrase(response.status_code)}".rstrip()
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _Capped(response.stream, self._conduct)
        return response


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


@asynccontextmanager
async def streamable(url: str, headers: Mapping[str, str], conduct: Conduct) -> AsyncIterator[Any]:
    """Talk to the server at `url`; `headers` go with every request."""
    timeout = httpx2.Timeout(CONNECT, read=SILENCE)
    async with (
        httpx2.AsyncClient(
            headers=dict(headers), timeout=timeout, transport=_Transport(conduct), trust_env=False
        ) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=FRAME_LIMIT) as streams,
    ):
        yield streams

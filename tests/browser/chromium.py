"""A headless Chromium, driven through its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pyte

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--remote-debugging-port=0",
    "--window-size=1400,900",
]
PATIENCE = 20.0

_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[\?\d+\$p|\x1b\[[<>=]\d*u")


def found() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Left(Exception):
    """The page that was asked was left for another one meanwhile."""


class Page:
    """One tab. `requested` holds the address of everything it asked for; what its terminal was sent stands
    on a terminal of our own, because the page draws it on a canvas."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.requested: list[str] = []
        self.logged: list[str] = []
        self._screen = pyte.Screen(80, 24)
        self._stream = pyte.ByteStream(self._screen)

    def _note(self, method: str, given: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requested.append(given["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requested.append(given["url"])
            query = parse_qs(urlsplit(given["url"]).query)
            self._screen.resize(int(query["height"][0]), int(query["width"][0]))
        elif method == "Network.webSocketFrameReceived" and given["response"]["opcode"] == 2:
            data = base64.b64decode(given["response"]["payloadData"])
            self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", data))
        elif method == "Log.entryAdded":
            self.logged.append(given["entry"]["text"])

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": params})
        while True:
            told = await self._socket.receive_json(timeout=PATIENCE)
            if "method" in told:
                self._note(told["method"], told["params"])
            if told.get("id") == self._last:
                if "navigated" in told.get("error", {}).get("message", ""):
                    raise Left
                assert "error" not in told, told
                return dict(told["result"])

    async def evaluate(self, script: str) -> Any:
        return (await self.call("Runtime.evaluate", expression=script))["result"].get("value")

    async def text(self) -> str:
        """What stands on the terminal of the page."""
        with suppress(Left):
            await self.evaluate("0")
        return "\n".join(line.rstrip() for line in self._screen.display)

    async def until(self, *words: str) -> str:
        """What stands there once all of `words` do, in this order."""
        end = time.monotonic() + PATIENCE
        while True:
            text = await self.text()
            places = [text.find(word) for word in words]
            if min(places) >= 0 and places == sorted(places):
                return text
            assert time.monotonic() < end, f"{words} never came:\n{text}\n{self.logged}"
            await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        """A key as a person presses it: "Enter", "Escape" or a character."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowRight": 39, "End": 35}
        code = codes.get(key) or (ord(key.upper()) if key.isalnum() else 0)  # only letters have theirs
        text = "\r" if key == "Enter" else key if len(key) == 1 else ""
        common = {"key": key, "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
        await self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def type(self, text: str) -> None:
        for character in text:
            await self.press(character)


@asynccontextmanager
async def page(folder: Path) -> AsyncIterator[Page]:
    """A tab of a new browser whose profile is in `folder`."""
    program = found()
    assert program is not None
    process = subprocess.Popen(
        [program, *FLAGS, f"--user-data-dir={folder}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
        start_new_session=True,
    )
    try:
        told = folder / "DevToolsActivePort"
        end = time.monotonic() + PATIENCE
        while not (told.is_file() and told.read_text().strip()):
            assert time.monotonic() < end, "the browser does not start"
            assert process.poll() is None, "the browser ended"
            await asyncio.sleep(0.05)
        port = told.read_text().splitlines()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                address = (await answer.json())[0]["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                opened = Page(socket)
                for domain in ("Page", "Network", "Log", "Runtime"):
                    await opened.call(f"{domain}.enable")
                yield opened
    finally:
        os.killpg(process.pid, 9)
        process.wait()

"""The console in a browser: who is let in, and a whole run in headless Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.browser import chromium

IN_CI = bool(os.environ.get("CI"))


@dataclass
class Served:
    """A running `plandeck serve`; `address` lets one browser in."""

    process: subprocess.Popen[str]
    address: str

    @property
    def root(self) -> str:
        return f"http://{urlsplit(self.address).netloc}"

    def next_address(self) -> str:
        """The address for the browser after the one that was let in."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http\S+", line):
                return found[0]
        raise AssertionError("no address was told")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    env = {
        **os.environ,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "serve", "--port", "0"],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    )
    served = Served(process, "")
    served.address = served.next_address()
    yield served
    process.terminate()
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


async def status(session: aiohttp.ClientSession, address: str, **headers: str) -> int:
    async with session.get(address, headers=headers) as answer:
        return answer.status


async def let_in(session: aiohttp.ClientSession, address: str) -> tuple[str, str]:
    """Come in as a browser does: the page's path, and the cookie it sends from then on."""
    async with session.get(address) as answer:
        assert answer.status == 200
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        found = re.search(r"url=([^\"]+)", await answer.text())
    assert found is not None
    assert f"Path={found[1]}" in cookie, "other ports of this host must not be shown the cookie"
    return found[1], cookie.partition(";")[0]


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_nobody_comes_in_without_the_token_and_it_works_once(served: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        assert await status(session, served.root) == 403
        assert await status(session, f"{served.root}/?token=x") == 403
        path, cookie = await let_in(session, served.address)
        assert await status(session, served.address) == 403
        assert await status(session, served.root + path) == 403
        assert await status(session, served.root + path, Cookie="plandeck=x") == 403
        assert await status(session, served.root + path, Cookie=cookie) == 200
        assert await status(session, served.next_address()) == 200


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_other_site_can_use_a_browser_that_was_let_in(served: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        path, cookie = await let_in(session, served.address)
        page, host = served.root + path, urlsplit(served.root).netloc
        assert await status(session, page, Cookie=cookie, Host=f"rebound.example:{host[-5:]}") == 403
        assert await status(session, page, Cookie=cookie, Origin="http://rebound.example") == 403
        for origin in ({}, {"Origin": "http://rebound.example"}, {"Origin": "null"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{page}ws", headers={"Cookie": cookie, **origin})
            assert refused.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{page}ws", headers={"Origin": served.root})
        assert refused.value.status == 403


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_what_a_page_says_wrongly_is_left_out(served: Served) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        path, cookie = await let_in(session, served.address)
        headers = {"Cookie": cookie, "Origin": served.root}
        async with session.ws_connect(f"{served.root}{path}ws?width=x&height=-3", headers=headers) as socket:
            for said in ("", "[]", "{}", "7", '["stdin"]', '["resize", {"width": "a"}]', '["stdin", 7]'):
                await socket.send_str(said)
            await socket.send_str('["ping", "7"]')
            while (message := await socket.receive(timeout=20)).type is aiohttp.WSMsgType.BINARY:
                pass
            assert message.json() == ["pong", "7"]


def test_another_address_is_refused_unless_it_is_one_of_this_machine() -> None:
    argv = [sys.executable, "-m", "console.cli", "serve", "--host"]
    for host in ("0.0.0.0", "example.org"):
        done = subprocess.run([*argv, host], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2
        assert host in done.stderr


@pytest.mark.skipif(not IN_CI and chromium.found() is None, reason="there is no Chromium here")
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_run_in_the_browser(served: Served, tmp_path: Path) -> None:
    """Open, edit, approve, watch, roll back; and nothing is asked of anybody else."""
    async with chromium.page(tmp_path / "profile") as page:
        await page.call("Page.navigate", url=served.address)
        await page.until("What should be done?", "deploy")
        await page.call("Page.bringToFront")
        await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()")
        await page.type("deploy:broken-build")
        await page.until("deploy:broken-build")
        await page.press("Enter")
        await page.until("AWAITING APPROVAL", "0/8", "run_tests", "no findings")
        await page.type("jjK")
        await page.until("run_tests", "backup_database", "build_image")
        await page.press("a")
        await page.until("Approve the plan", "Read to the end first")
        await page.press("End")
        await page.until("Type production to approve")
        await page.type("production")
        await page.press("Enter")
        await page.until("AWAITING DECISION", "✗ 7 run_smoke_tests", "R roll back")
        await page.press("R")
        await page.until("End of the rollback", "Enter cancels", "▸ Cancel")
        await page.press("ArrowRight")
        await page.until("Enter rolls back", "▸ Roll back (")
        await page.press("Enter")
        await page.until("ROLLED BACK")
        outside = [url for url in page.requested if urlsplit(url).netloc != urlsplit(served.root).netloc]
        assert [url for url in outside if not url.startswith(("data:", "about:"))] == []
        assert "token" not in str(await page.evaluate("location.href"))

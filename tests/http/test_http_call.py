"""Requests as steps, against a server on the loopback: what is sent, what comes of it, what is refused."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from console.catalog.address import parse
from console.errors import NeverStarted
from console.runners import http_call
from console.runners.calls import CALL, as_process
from console.runners.local import LocalBackend
from console.runners.router import Router
from tests.http.calling import KEY, call, spec_for, tool_of
from tests.http.conftest import Site

pytestmark = pytest.mark.anyio
LINK_LOCAL = "http://169.254.169.254/latest"


def asking(address: str, rest: str = "", more: str = "", *, private: bool = True) -> Any:
    allowed = "true" if private else "false"
    return tool_of(
        f"tools: [{{name: ask, {more} http: {{url: {json.dumps(address)}, allow_private: {allowed}{rest}}}}}]"
    )


async def test_a_request_is_sent_as_declared_and_its_reply_is_the_output(
    site: Site, backend: Router, run_dir: Path
) -> None:
    rest = ', method: PUT, headers: {X-Who: "{{who}}"}, body: \'{"who": "{{who}}"}\''
    more = "parameters: [{name: who, required: true}],"
    tool = asking(site.address + "/things/{{who}}?q={{who}}", rest, more)
    came = await call(backend, tool, run_dir, who='a "b"/c')
    assert (came.status.phase, came.status.exit_code, came.err) == ("exited", 0, "200 OK\n")
    asked = json.loads(came.out)
    assert asked == site.asked[0]
    assert (asked["method"], asked["path"]) == ("PUT", "/things/a%20%22b%22%2Fc?q=a%20%22b%22%2Fc")
    assert json.loads(asked["body"]) == {"who": 'a "b"/c'}
    assert (asked["headers"]["x-who"], asked["headers"]["content-type"]) == ('a "b"/c', "application/json")
    assert asked["headers"]["host"] == site.address.removeprefix("http://")


async def test_a_part_of_a_json_reply_can_be_the_result(site: Site, backend: Router, run_dir: Path) -> None:
    tool = asking(site.address + "/x", ", extract_json: headers.accept")
    assert (await call(backend, tool, run_dir)).out == "*/*"


@pytest.mark.parametrize(
    ("path", "rest", "code", "why"),
    [
        ("/status?code=404", "", 22, "was answered with 404 Not Found: because of \x1b[31mreasons\n"),
        ("/status?code=500", "", 22, "was answered with 500 Internal Server Error"),
        ("/html", ", extract_json: a", 1, "the reply is not JSON, and extract_json asks for a part of it"),
        ("/x", ", extract_json: nothing", 1, "the reply has nothing at nothing"),
        ("/big?bytes=8388609", "", 63, "the reply is larger than 8 MiB"),
        ("/cut", "", 18, "the reply ended before it was whole: 3 bytes are missing\n"),
        ("/cut?chunked=1", "", 18, "the reply ended before it was whole\n"),
        ("/redirect?to=/redirect%3Fto=/x", "", 0, "302 to "),
        ("/redirect?to=file:///etc/passwd", "", 1, "is no http or https address"),
        (
            f"/redirect?to={LINK_LOCAL}",
            "",
            7,
            "169.254.169.254, a link-local address, as metadata services have",
        ),
        ("/redirect?status=307&to=http://localhost:1/", ", method: POST", 7, "its POST was redirected"),
    ],
)
async def test_each_way_to_fail_has_its_exit_code_and_its_reason(
    site: Site, backend: Router, run_dir: Path, path: str, rest: str, code: int, why: str
) -> None:
    came = await call(backend, asking(site.address + path, rest), run_dir)
    assert came.status.exit_code == code
    assert why in came.err
    assert "Traceback" not in came.err


async def test_redirects_end(site: Site, backend: Router, run_dir: Path) -> None:
    target = "/redirect?to="
    path = target + "/x"
    for _ in range(6):
        path = target + path.replace("%", "%25").replace("?", "%3F").replace("=", "%3D")
    came = await call(backend, asking(site.address + path), run_dir)
    assert (came.status.exit_code, len(site.asked)) == (47, 6)
    assert came.err.endswith("it was redirected more than 5 times\n")


async def test_a_redirected_post_becomes_a_get_without_its_body(
    site: Site, backend: Router, run_dir: Path
) -> None:
    await call(backend, asking(site.address + "/redirect?to=/x", ", method: POST, body: b"), run_dir)
    assert [(asked["method"], asked["body"]) for asked in site.asked] == [("POST", "b"), ("GET", "")]


async def test_headers_do_not_follow_to_another_place(site: Site, backend: Router, run_dir: Path) -> None:
    other = site.address.replace("127.0.0.1", "localhost")
    rest = ", headers: {Authorization: secret, X-Key: secret, Accept: text/plain}"
    await call(backend, asking(f"{site.address}/redirect?to={other}/x", rest), run_dir)
    first, second = site.asked
    assert first["headers"]["authorization"] == "secret"
    assert "secret" not in json.dumps(second)
    assert second["headers"]["accept"] == "text/plain"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"])
async def test_this_machine_is_not_asked_unless_the_file_allows_it(
    site: Site, backend: Router, run_dir: Path, host: str
) -> None:
    port = site.address.rpartition(":")[2]
    came = await call(backend, asking(f"http://{host}:{port}/x", private=False), run_dir)
    assert (came.status.exit_code, site.asked) == (7, [])
    assert "a loopback address: its tool's file does not allow that (allow_private: true)" in came.err


async def test_secrets_reach_the_request_and_nothing_else(site: Site, backend: Router, run_dir: Path) -> None:
    rest = ', headers: {Authorization: "Bearer $TOKEN"}, body: "k=$TOKEN"'
    tool = asking(site.address + "/x?key=$TOKEN", rest, "secrets: [TOKEN],")
    spec = spec_for(tool, run_dir, env={"TOKEN": "hunter2 & more"})
    assert "hunter2" not in repr((spec.argv, spec.call, spec.env))
    came = await call(backend, tool, run_dir, env={"TOKEN": "hunter2 & more"})
    asked = site.asked[0]
    assert (asked["headers"]["authorization"], asked["body"]) == ("Bearer hunter2 & more", "k=hunter2 & more")
    assert asked["path"] == "/x?key=hunter2%20%26%20more"
    assert "hunter2" not in came.out + (spec.spool / CALL).read_text()
    assert "<secret:TOKEN>" in came.out


async def test_a_variable_that_is_not_set_is_named(site: Site, backend: Router, run_dir: Path) -> None:
    came = await call(backend, asking(site.address, ', headers: {A: "$NOBODY"}'), run_dir)
    assert (came.status.exit_code, site.asked) == (1, [])
    assert came.err == "the variable NOBODY that the header A needs is not set\n"


async def test_the_call_is_private_and_no_argument(site: Site, run_dir: Path) -> None:
    tool = asking(site.address + "/{{what}}", more="parameters: [{name: what}],")
    process = as_process(spec_for(tool, run_dir, what="private-thing"))
    assert "private-thing" not in " ".join(process.argv)
    assert stat.S_IMODE((process.spool / CALL).stat().st_mode) == 0o600
    assert stat.S_IMODE(process.spool.stat().st_mode) == 0o700


async def test_a_server_that_hangs_is_ended_by_the_timeout(
    site: Site, backend: Router, run_dir: Path
) -> None:
    came = await call(backend, asking(site.address + "/hang"), run_dir, timeout=0.5)
    assert came.status.timed_out


async def test_a_request_can_be_cancelled(site: Site, backend: Router, run_dir: Path) -> None:
    await backend.submit(spec_for(asking(site.address + "/hang"), run_dir))
    await backend.cancel(KEY)
    assert (await backend.status(KEY, wait=None)).phase == "cancelled"


async def test_the_same_attempt_is_sent_once(site: Site, backend: Router, run_dir: Path) -> None:
    spec = spec_for(asking(site.address + "/x"), run_dir)
    assert [await backend.submit(spec), await backend.submit(spec)] == [True, False]
    await backend.status(KEY, wait=None)
    assert len(site.asked) == 1


async def test_what_nobody_can_carry_out_was_never_started(run_dir: Path) -> None:
    from dataclasses import replace

    async with LocalBackend(run_dir, linger=0) as processes:
        spec = spec_for(asking("http://h.example/"), run_dir)
        with pytest.raises(NeverStarted, match="'telepathy'"):
            await Router(processes).submit(replace(spec, call={"kind": "telepathy"}))


# ── names that change their minds ────────────────────────────────────────────────────────────────


def _call(url: str) -> dict[str, Any]:
    silent = {"body": None, "extract_json": None, "allow_private": False}
    return {"method": "GET", "url": [url], "headers": {}, **silent}


def _resolver(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names resolve to each of `answers` in turn; gives the addresses that were connected to."""
    connected: list[str] = []
    turns = iter(answers)

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in next(turns)]

    def create_connection(address: tuple[str, int]) -> socket.socket:
        connected.append(address[0])
        raise OSError(111, "refused")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket, "create_connection", create_connection)
    return connected


def test_a_name_is_asked_once_and_the_address_that_was_looked_at_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = _resolver(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    with pytest.raises(http_call.Failed, match="cannot be reached"):
        http_call._call(_call("http://rebind.example/"), {})
    assert connected == ["1.1.1.1"]


def test_a_name_with_one_private_address_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = _resolver(monkeypatch, ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(http_call.Failed, match=r"10\.0\.0\.1, a private address"):
        http_call._call(_call("http://mixed.example/"), {})
    assert connected == []


def test_what_a_file_allows_is_not_what_the_public_redirects_to(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolver(monkeypatch, ["10.0.0.1"])
    before = http_call._Hop(parse("http://public.example/"), "GET", {}, None)
    hop = http_call._Hop(parse("http://inside.example/"), "GET", {}, None, before)
    with pytest.raises(http_call.Failed, match="no redirect may lead there"):
        http_call._resolved(hop, allow=True)

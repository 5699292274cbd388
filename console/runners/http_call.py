"""The process that sends one request: `main(FILE)`, where FILE holds what console/catalog/request.py made.

    output    the body of the reply, or what `extract_json` finds in it
    errors    the status line, each redirect, and in the end why it failed
    exit      0 for 2xx, else as curl's: 6 no such host, 7 refused or no connection, 18 cut off,
              22 another status, 35 TLS, 47 too many redirects, 63 too large, 1 everything else

A host is resolved once. The address that was looked at is the one that is connected to, so a name that
answers differently the second time gains nothing; every redirect is looked at anew. Headers stay with
the origin they were written for. Its supervisor enforces the timeout. Proxies are not used, and
nothing of the reply is interpreted. Standard library only; jmespath when a path is asked for.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import socket
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from console.catalog.address import Address, Ip, is_link_local, parse, private
from console.catalog.encodings import ENCODINGS

LIMIT = 8 * 1024 * 1024
"""Bytes of a reply."""

REDIRECTS = 5
FOLLOWED = (301, 302, 303, 307, 308)

_PIECE = 65_536
_EXCERPT = 300
_PLAIN_HEADERS = ("accept", "accept-language", "content-type", "user-agent")
"""Headers that may go to another origin than the one they were written for."""


class Failed(Exception):
    """The call failed: why, in one line, and the exit code."""

    def __init__(self, why: str, code: int = 1) -> None:
        super().__init__(why)
        self.code = code


@dataclass
class _Hop:
    """One request of the call. `before` is the one that was redirected to this; `is_private` is known
    when the host has been resolved."""

    address: Address
    method: str
    headers: dict[str, str]
    body: bytes | None
    before: _Hop | None = None
    is_private: bool = False


class _Checked(http.client.HTTPConnection):
    """A connection to one of the addresses that were looked at, whatever the name says by now."""

    def __init__(self, address: Address, ips: list[str]) -> None:
        self.default_port = {"http": 80, "https": 443}[address.scheme]
        super().__init__(address.host, address.port)
        self._ips = ips
        self._tls = ssl.create_default_context() if address.scheme == "https" else None

    def connect(self) -> None:
        last: OSError | None = None
        for ip in self._ips:
            try:
                self.sock = socket.create_connection((ip, self.port))
                break
            except OSError as error:
                last = error
        else:
            reason = last.strerror if last else "no address"
            raise Failed(f"{self.host}:{self.port} cannot be reached: {reason}", 7)
        if self._tls is not None:
            try:
                self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)
            except ssl.SSLCertVerificationError as error:
                raise Failed(
                    f"the certificate of {self.host} is not accepted: {error.verify_message}", 35
                ) from None
            except OSError as error:
                raise Failed(f"no TLS with {self.host}: {error.strerror or error}", 35) from None


def main(file: str) -> int:
    """Make the call of `file`; gives the exit code."""
    call = json.loads(Path(file).read_bytes())
    try:
        return _call(call, os.environ)
    except Failed as error:
        _say(str(error))
        return error.code
    except (OSError, http.client.HTTPException, ValueError) as error:
        _say(f"the request failed: {str(error) or type(error).__name__}")
        return 1


def _say(line: str) -> None:
    sys.stderr.write(line.rstrip("\n") + "\n")
    sys.stderr.flush()


def _call(call: dict[str, Any], env: Mapping[str, str]) -> int:
    hop = _first(call, env)
    for _ in range(REDIRECTS + 1):
        connection = _Checked(hop.address, _resolved(hop, allow=call["allow_private"]))
        try:
            reply = _sent(connection, hop)
            after = _next(hop, reply)
            if after is None:
                return _answer(reply, hop, call["extract_json"])
        finally:
            connection.close()
        _say(f"{reply.status} to {after.address}")
        hop = after
    raise Failed(f"it was redirected more than {REDIRECTS} times", 47)


# ── the request ──────────────────────────────────────────────────────────────────────────────────


def _first(call: dict[str, Any], env: Mapping[str, str]) -> _Hop:
    headers = {name: _filled(pieces, env, f"the header {name}") for name, pieces in call["headers"].items()}
    for name, value in headers.items():
        if any(not 0x20 <= ord(char) < 0x7F for char in value):
            raise Failed(f"the header {name} holds something else than printable ASCII")
    given = {name.lower() for name in headers}
    if "user-agent" not in given:
        headers["User-Agent"] = f"plandeck/{_version()}"
    if "accept" not in given:
        headers["Accept"] = "*/*"
    body = None if call["body"] is None else _filled(call["body"], env, "the body").encode()
    return _Hop(_parsed(_filled(call["url"], env, "the address")), call["method"], headers, body)


def _filled(pieces: list[str | dict[str, str]], env: Mapping[str, str], where: str) -> str:
    return "".join(piece if isinstance(piece, str) else _variable(piece, env, where) for piece in pieces)


def _variable(piece: dict[str, str], env: Mapping[str, str], where: str) -> str:
    name = piece["var"]
    if name not in env:
        raise Failed(f"the variable {name} that {where} needs is not set")
    return ENCODINGS[piece["as"]](env[name])


def _parsed(url: str) -> Address:
    try:
        return parse(url)
    except ValueError as error:
        raise Failed(str(error)) from None


def _version() -> str:
    try:
        return version("plandeck")
    except PackageNotFoundError:
        return "0"


def _resolved(hop: _Hop, *, allow: bool) -> list[str]:
    """The addresses of the host, each of them looked at. A name that has one that is refused is refused
    whole."""
    host, port = hop.address.host, hop.address.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Failed(f"{host} cannot be resolved: {getattr(error, 'strerror', None) or error}", 6) from None
    ips = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for text in ips:
        ip = ipaddress.ip_address(text.partition("%")[0])
        kind = private(ip)
        if kind and (why := _refusal(ip, hop, allow=allow)):
            raise Failed(f"{host} is {text}, {kind}: {why}", 7)
        hop.is_private = hop.is_private or bool(kind)
    return ips


def _refusal(ip: Ip, hop: _Hop, *, allow: bool) -> str:
    """Why an address that is not public is not asked; "" when it may be. What a tool's file allows is
    the place it names and what lies beside it, not where anybody else sends on to."""
    if not allow:
        return "its tool's file does not allow that (allow_private: true)"
    if hop.before is not None and (not hop.before.is_private or is_link_local(ip)):
        return "no redirect may lead there"
    return ""


def _sent(connection: http.client.HTTPConnection, hop: _Hop) -> http.client.HTTPResponse:
    headers = {**hop.headers, "Accept-Encoding": "identity", "Connection": "close"}
    connection.request(hop.method, hop.address.path, body=hop.body, headers=headers)
    return connection.getresponse()


# ── the reply ────────────────────────────────────────────────────────────────────────────────────


def _next(hop: _Hop, reply: http.client.HTTPResponse) -> _Hop | None:
    """Where the reply sends on to; `None` when it is the answer."""
    where = reply.headers.get("Location")
    if reply.status not in FOLLOWED or not where:
        return None
    address = _parsed(urljoin(str(hop.address), where))
    if hop.address.scheme == "https" and address.scheme == "http":
        raise Failed(f"it was redirected to {address}, which is not encrypted", 7)
    keeps = reply.status in (307, 308) or hop.method in ("GET", "HEAD")
    is_elsewhere = address.origin != hop.address.origin
    if keeps and is_elsewhere and hop.method not in ("GET", "HEAD"):
        raise Failed(f"its {hop.method} was redirected to another place, {address}", 7)
    headers = hop.headers
    if is_elsewhere:
        headers = {name: value for name, value in headers.items() if name.lower() in _PLAIN_HEADERS}
    return _Hop(address, hop.method if keeps else "GET", headers, hop.body if keeps else None, hop)


def _answer(reply: http.client.HTTPResponse, hop: _Hop, path: str | None) -> int:
    _say(f"{reply.status} {reply.reason}".rstrip())
    data = _read(reply)
    is_good = 200 <= reply.status < 300
    if path and is_good:
        data = _extracted(data, path)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    if is_good:
        return 0
    answered = f"{hop.method} {hop.address} was answered with {reply.status} {reply.reason}".rstrip()
    said = " ".join(data[:_EXCERPT].decode("utf-8", "replace").split())
    raise Failed(f"{answered}: {said}" if said else answered, 22)


def _read(reply: http.client.HTTPResponse) -> bytes:
    data = bytearray()
    try:
        while piece := reply.read(min(_PIECE, LIMIT + 1 - len(data))):
            data += piece
            if len(data) > LIMIT:
                raise Failed(f"the reply is larger than {LIMIT // 2**20} MiB", 63)
    except http.client.IncompleteRead:
        raise Failed("the reply ended before it was whole", 18) from None
    if reply.length:  # the library says nothing of a body that is shorter than it was to be
        raise Failed(f"the reply ended before it was whole: {reply.length} bytes are missing", 18)
    return bytes(data)


def _extracted(data: bytes, path: str) -> bytes:
    import jmespath

    try:
        found = jmespath.search(path, json.loads(data))
    except RecursionError:
        raise Failed("the reply is nested too deeply") from None
    except jmespath.exceptions.JMESPathError as error:
        raise Failed(f"extract_json cannot be looked up: {str(error).splitlines()[0]}") from None
    except ValueError:
        raise Failed("the reply is not JSON, and extract_json asks for a part of it") from None
    if found is None:
        raise Failed(f"the reply has nothing at {path}")
    return (found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)).encode()

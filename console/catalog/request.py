"""An http tool and the values of one step -> the request that will be sent.

Each value is written for the place where it stands: percent-encoded in a path or a query, a JSON string or
a JSON value in a JSON body, form-encoded in a form. So it can change what the request says, never
what it is. Only at the very beginning of the address a value is taken as it is: there it is the address.

`$NAME` in the address and in headers is a variable of the caller's environment, in the body only when
the tool's file declares it (`environment`) or it is one of the tool's secrets: bodies have `$` of their
own. Variables are filled in by the process that sends the request; a value is never read as one. What is
shown and recorded has their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from console.catalog.address import parse
from console.catalog.encodings import ENCODINGS
from console.catalog.parameters import text_of
from console.catalog.spec import Http, ToolSpec
from console.catalog.surroundings import USUAL
from console.catalog.words import PLACEHOLDER
from console.redact import TELLING

Piece = str | dict[str, str]
"""Text of the request, or `{"var": NAME, "as": ENCODING}`."""

OWN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "accept-encoding")
"""Set by the request itself."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_TOKEN = re.compile(
    rf"(?P<placeholder>{PLACEHOLDER.pattern})|\$(?:(?P<plain>[A-Za-z_]\w*)|\{{(?P<braced>[A-Za-z_]\w*)\}})"
)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CREDENTIAL = re.compile(rf"auth|cookie|{TELLING.pattern}", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_BASE = re.compile(r"https?://[^\s\\]+", re.IGNORECASE)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_CLOSED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def request_faults(http: Http) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a request as a tool file declares it: (key, why, the way out)."""
    if http.method not in METHODS:
        yield "method", f"{http.method!r:.40} is no method", ", ".join(METHODS)
    for name in http.headers:
        if name.lower() in OWN_HEADERS:
            yield "headers", f"the request sets the header {name} itself", "leave it out"
        elif not _HEADER.fullmatch(name):
            yield "headers", f"{name!r:.80} is no name for a header", ""
    if http.extract_json is not None and (why := _path_fault(http.extract_json)):
        yield "extract_json", f"{http.extract_json!r:.80} is no JMESPath", why


def _path_fault(path: str) -> str:
    import jmespath

    try:
        jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as error:
        return str(error).splitlines()[0]
    return ""


def variables(http: Http) -> frozenset[str]:
    """The variables that the address and the headers name."""
    texts = [http.url, *http.headers.values()]
    return frozenset(m["plain"] or m["braced"] for text in texts for m in _TOKEN.finditer(text)) - {None}


def credentials(http: Http) -> tuple[str, ...]:
    """The variables of the address and the headers that hold a secret, to tell by the name of the variable or
    of the header. What a file names where credentials stand is one, also when it does not say so."""
    texts = {"": http.url, **http.headers}
    found = (
        (m["plain"] or m["braced"] or "", bool(_CREDENTIAL.search(header)))
        for header, text in texts.items()
        for m in _TOKEN.finditer(text)
    )
    secret = (name for name, whole in found if name not in ("", *USUAL) and (whole or TELLING.search(name)))
    return tuple(dict.fromkeys(secret))


def request(tool: ToolSpec, values: Mapping[str, Any]) -> dict[str, object]:
    """The request with `values` (typed, checked) in their places, as JSON-able data that
    console/runners/http_call.py sends. Raises `ValueError`, in words, for a value that cannot stand where
    it would."""
    http = tool.http
    assert http is not None
    url = list(_url(http.url, values))
    if all(isinstance(piece, str) for piece in url):
        parse("".join(map(str, url)))
    headers = {name: list(_header(name, text, values)) for name, text in http.headers.items()}
    body = None
    if http.body is not None:
        kind = _kind_of_body(http)
        body = list(_body(http.body, kind, values, {*tool.secrets, *tool.environment}))
        if kind == "json" and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = ["application/json"]
    return {
        "kind": "http",
        "method": http.method,
        "url": url,
        "headers": headers,
        "body": body,
        "extract_json": http.extract_json,
        "allow_private": http.allow_private,
    }


def shown(call: Mapping[str, Any]) -> str:
    """The request as a person reads it: address, headers, body, with variables by name."""
    lines = [f"{call['method']} {said(call['url'])}"]
    lines += [f"{name}: {said(pieces)}" for name, pieces in call["headers"].items()]
    if call["body"] is not None:
        lines.append(f"body {said(call['body'])}")
    return "\n".join(lines)


def said(pieces: list[Piece]) -> str:
    """Pieces as text, with variables by name."""
    return "".join(piece if isinstance(piece, str) else f"${piece['var']}" for piece in pieces)


# ── places ───────────────────────────────────────────────────────────────────────────────────────


def _tokens(template: str) -> Iterator[tuple[str, re.Match[str] | None, int]]:
    """Literal text, and each placeholder or variable with where it stands."""
    at = 0
    for match in _TOKEN.finditer(template):
        yield template[at : match.start()], None, at
        yield "", match, match.start()
        at = match.end()
    yield template[at:], None, at


def _url(template: str, values: Mapping[str, Any]) -> Iterator[Piece]:
    for text, match, at in _tokens(template):
        if match is None:
            yield text
            continue
        place = _place(template[:at])
        if match["placeholder"]:
            name = PLACEHOLDER.findall(match[0])[0]
            yield _url_value(name, text_of(values[name]), place, is_last=match.end() == len(template))
        else:
            yield _variable(match, "url" if place == "rest" else "text")


def _url_value(name: str, value: str, place: str, *, is_last: bool) -> str:
    if place == "start":
        wrong = not _BASE.fullmatch(value) or (not is_last and bool({"?", "#"} & set(value)))
        if wrong:
            raise ValueError(f"{name}: {value[:200]!r} is no http or https address to begin with")
        return value
    if place == "host":
        if not _HOST.fullmatch(value):
            raise ValueError(f"{name}: {value[:200]!r} is no host")
        return value
    return ENCODINGS["url"](value)


def _place(before: str) -> str:
    """Where in an address something stands that has `before` in front of it."""
    if not before:
        return "start"
    plain = _TOKEN.sub("x", before)
    _, mark, rest = plain.partition("://")
    if mark:
        return "rest" if {"/", "?", "#"} & set(rest) else "host"
    return "rest"


def _header(name: str, template: str, values: Mapping[str, Any]) -> Iterator[Piece]:
    for text, match, _ in _tokens(template):
        if match is None:
            yield text
        elif match["placeholder"]:
            parameter = PLACEHOLDER.findall(match[0])[0]
            value = text_of(values[parameter])
            if any(not 0x20 <= ord(char) < 0x7F for char in value):
                raise ValueError(f"{parameter}: a header ({name}) can only hold printable ASCII")
            yield value
        else:
            yield _variable(match, "text")


def _kind_of_body(http: Http) -> str:
    types = [text.lower() for name, text in http.headers.items() if name.lower() == "content-type"]
    said = types[0] if types else ""
    start = (http.body or "").lstrip()
    looks_so = start[:1] in ("{", "[") and not PLACEHOLDER.match(start)
    if "json" in said or (not said and looks_so):
        return "json"
    return "form" if "x-www-form-urlencoded" in said else "text"


def _body(template: str, kind: str, values: Mapping[str, Any], declared: set[str]) -> Iterator[Piece]:
    for text, match, at in _tokens(template):
        if match is None:
            yield text
            continue
        encoding = kind
        if kind == "json" and not _is_in_string(template[:at]):
            encoding = "value"
        if match["placeholder"]:
            value = values[PLACEHOLDER.findall(match[0])[0]]
            is_value = encoding == "value"
            yield json.dumps(value, ensure_ascii=False) if is_value else ENCODINGS[encoding](text_of(value))
        elif (match["plain"] or match["braced"]) in declared:
            yield _variable(match, encoding)
        else:
            yield match[0]


def _is_in_string(before: str) -> bool:
    """Whether a JSON string is open at the end of `before`."""
    strings = _JSON_STRING.findall(_TOKEN.sub("x", before))
    return bool(strings) and not _CLOSED.fullmatch(strings[-1])


def _variable(match: re.Match[str], encoding: str) -> Piece:
    return {"var": match["plain"] or match["braced"], "as": encoding}

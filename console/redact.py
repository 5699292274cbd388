"""Secrets out of text and streams, by value: whatever was given as a secret never comes out again.

A value is also found in the forms in which programs repeat it: base64 (at any of the three
alignments in which it may lie inside a longer text), base32, hexadecimal, percent-encoded, escaped
for JSON or for a shell, and a value of several lines by each of its longer lines. Each is replaced
by `<secret:NAME>`. A stream may be cut anywhere; what could be the beginning of a secret is held
back until the next piece says.

A program that encrypts, compresses or spells out its secret defeats this; nothing here is
containment. Only the standard library is used, so that a step's supervisor can load it.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import quote, quote_plus

from console.errors import UsageError

_ENCODED_FROM = 6
"""Bytes a value must have to be looked for in its encoded forms: shorter ones appear by chance."""

_LINE_FROM = 8

TELLING = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PASS$|_(?:PWD|PAT|AUTH)$", re.IGNORECASE)
"""Found in names of variables that hold a secret, whether or not anybody has declared it."""


def apart(values: Mapping[str, str]) -> dict[str, str]:
    """Those of `values` that can be told from everything else. For variables which nobody has declared to be
    secrets: taking a `1` or a `true` out of everything would protect nothing and break results."""
    return {name: value for name, value in values.items() if len(value) >= _ENCODED_FROM}


def _base64_cores(value: bytes) -> Iterator[bytes]:
    """The characters that stand for `value` in base64 wherever it begins in the encoded text: those
    that also depend on its neighbours are left off at both ends."""
    for before in range(3):
        size = before + len(value)
        text = base64.b64encode(bytes(before) + value)
        core = text[-(-before * 8 // 6) : size * 8 // 6]
        yield core
        yield core.replace(b"+", b"-").replace(b"/", b"_")


def _forms(value: bytes) -> Iterator[bytes]:
    """`value` and the forms in which it may appear."""
    yield value
    if len(value) < _ENCODED_FROM:
        return
    yield from _base64_cores(value)
    yield base64.b32encode(value).rstrip(b"=")[: len(value) * 8 // 5]
    yield value.hex().encode()
    yield value.hex().upper().encode()
    percent = quote(value, safe="")
    yield from (percent.encode(), quote(value).encode(), quote_plus(value).encode())
    yield re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), percent).encode()
    text = value.decode("utf-8", "surrogateescape")
    for ascii_only in (True, False):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
    yield shlex.quote(text).strip("'").encode("utf-8", "surrogateescape")
    for line in value.splitlines():
        if len(line.strip()) >= _LINE_FROM:
            yield line.strip()


class Redactor:
    """Takes the values of `secrets` (by name) out of one stream: `feed` each piece, then `close`.

    `redact` does the same to a whole text and leaves the stream alone. Raises `UsageError` for a
    secret that is empty.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names: dict[bytes, bytes] = {}
        for name, value in secrets.items():
            if not value:
                raise UsageError(f"the secret {name} is empty", todo="set it, or take it off the tool")
            for form in _forms(value.encode("utf-8", "surrogateescape")):
                self._names.setdefault(form, f"<secret:{name}>".encode())
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)) or b"(?!)")
        self._reach = max(map(len, longest_first), default=1) - 1
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What may be passed on of everything fed so far."""
        data = self._held + data
        out = []
        at = 0
        hold = self._hold_from(data, at)
        for match in self._pattern.finditer(data):
            if match.start() >= hold:
                break
            out += [data[at : match.start()], self._names[match[0]]]
            at = match.end()
            if hold < at:
                hold = self._hold_from(data, at)
        self._held = data[hold:]
        out.append(data[at:hold])
        return b"".join(out)

    def close(self) -> bytes:
        """The end of the stream: what was held."""
        held, self._held = self._held, b""
        return self._redact(held)

    def redact(self, text: str) -> str:
        """`text` without the secrets."""
        if not self._names:
            return text
        return self._redact(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def _redact(self, data: bytes) -> bytes:
        return self._pattern.sub(lambda match: self._names[match[0]], data)

    def _hold_from(self, data: bytes, at: int) -> int:
        """The first place from `at` on where the rest of `data` may be the beginning of a form."""
        first = len(data)
        for form in self._names:
            place = data.find(form[:1], max(at, len(data) - len(form) + 1))
            while 0 <= place < first:
                if form.startswith(data[place:]):
                    first = place
                place = data.find(form[:1], place + 1)
        return first

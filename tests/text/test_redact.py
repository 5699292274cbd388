"""Secrets do not come out again, in any form and however the stream is cut."""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.errors import UsageError
from console.redact import Redactor

SECRET = "pä55\"wort's+/key &42"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "form",
    [
        lambda s: s,
        b64,
        lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
        lambda s: b64("user:" + s),
        lambda s: b64("xuser:" + s + "@host"),
        lambda s: base64.b32encode(s.encode()).decode(),
        lambda s: s.encode().hex(),
        lambda s: s.encode().hex().upper(),
        quote,
        quote_plus,
        lambda s: quote(s, safe=""),
        lambda s: quote(s, safe="").lower(),
        json.dumps,
        lambda s: json.dumps(s, ensure_ascii=False),
        shlex.quote,
    ],
)
def test_every_form_of_a_secret_is_taken_out(form: Callable[[str], str]) -> None:
    shown = Redactor({"DB": SECRET}).redact(f"before {form(SECRET)} after")
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert "<secret:DB>" in shown
    assert len(shown) <= len("before  after<secret:DB>") + 18


def test_base64_of_a_secret_inside_a_longer_text_leaves_nothing_to_decode() -> None:
    for lead in ("", "a", "ab", "abc"):
        shown = Redactor({"DB": SECRET}).redact(b64(lead + SECRET + "tail"))
        for piece in shown.split("<secret:DB>"):
            assert SECRET[2:5] not in base64.b64decode(piece + "=" * (-len(piece) % 4)).decode(
                "utf-8", "ignore"
            )


PIECES = st.sampled_from([b"abc", b"abcdefgh", b"cdefx", b"aa", b"aab", b"h", b"a", b"\n", b"xyz", b"b"])
SECRETS = st.dictionaries(
    st.sampled_from(["ONE", "TWO", "THREE"]),
    st.sampled_from(["abcdefgh", "abcd", "cdefx", "aaab", "aaaaaab", "long line one\nlong line two"]),
    max_size=3,
)


@given(SECRETS, st.lists(PIECES, max_size=30), st.lists(st.integers(0, 200), max_size=8))
def test_a_stream_cut_anywhere_is_redacted_as_a_whole(
    secrets: dict[str, str], pieces: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(pieces)
    places = [0, *sorted(place % (len(data) + 1) for place in cuts), len(data)]
    stream = Redactor(secrets)
    out = [stream.feed(data[a:b]) for a, b in pairwise(places)]
    out.append(stream.close())
    assert b"".join(out).decode() == Redactor(secrets).redact(data.decode())
    for value in secrets.values():
        assert value.encode() not in b"".join(out)


@given(st.text(), st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_no_text_holds_the_secret_afterwards(text: str, secret: str) -> None:
    redactor = Redactor({"S": secret})
    for part in redactor.redact(text + secret + text).split("<secret:S>"):
        assert secret not in part


def test_what_is_no_secret_is_passed_on_at_once() -> None:
    stream = Redactor({"S": "hunter2hunter2"})
    assert stream.feed(b"a prompt without a newline> ") == b"a prompt without a newline> "
    assert stream.feed(b"hunter2") == b""
    assert stream.feed(b"hunt") == b""
    assert stream.feed(b"ing") == b"hunter2hunting"
    assert stream.close() == b""


def test_a_secret_of_several_lines_is_found_line_by_line() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"
    shown = Redactor({"KEY": key}).redact("log: kqhkiG9w0BAQEF | end")
    assert shown == "log: <secret:KEY> | end"


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(UsageError, match="the secret DB is empty"):
        Redactor({"DB": ""})


def test_without_secrets_nothing_changes() -> None:
    stream = Redactor({})
    assert stream.feed(b"abc") == b"abc"
    assert Redactor({}).redact("abc") == "abc"

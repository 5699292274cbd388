"""A value is written for its place in the request: it changes what is said, never what it is."""

# ruff: noqa: E501 (tables of cases read best with one case on a line)

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.catalog.address import parse, private
from console.catalog.command import command, display, variables
from console.catalog.request import said
from console.catalog.spec import ToolSpec
from console.catalog.toolfile import read_tool_file
from console.errors import NeverStarted
from tests.http.calling import tool_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def tool(url: str, *parameters: str, types: dict[str, str] | None = None, rest: str = "") -> ToolSpec:
    names = ", ".join(
        f"{{name: {p}, required: true, type: {(types or {}).get(p, 'string')}}}" for p in parameters
    )
    return tool_of(f"tools: [{{name: t, parameters: [{names}], http: {{url: {json.dumps(url)}{rest}}}}}]")


def made(tool: ToolSpec, **params: Any) -> dict[str, Any]:
    call = command(tool, params, workspace="/").call
    assert call is not None
    return dict(call)


def address(url: str, **params: str) -> str:
    return said(made(tool(url, *params), **params)["url"])


def test_the_keys_that_a_request_names_are_secrets_without_a_word_of_the_file() -> None:
    text = """
tools:
  - name: ask
    secrets: [OTHER]
    environment: {OWN_KEY: from-the-file}
    http:
      url: "https://api.example/$REGION?k=$API_KEY&own=$OWN_KEY"
      headers: {Authorization: Bearer $GH, X-Api-Key: $K2, X-Region: $REGION, X-Trace: $MY_PASSWORD, Cookie: s=$S$HOME}
"""
    tool = tool_of(text)
    assert tool.secrets == ("OTHER", "API_KEY", "GH", "K2", "MY_PASSWORD", "S")
    assert variables(tool) == {"REGION", "HOME"}


@given(TEXTS.filter(lambda text: text not in (".", "..")))
def test_a_value_in_the_path_stays_one_segment(value: str) -> None:
    parts = urlsplit(address("https://host.example/a/{{x}}/b?c=1", x=value))
    assert (parts.netloc, parts.query, parts.fragment, parts.path.count("/")) == (
        "host.example",
        "c=1",
        "",
        3,
    )


@given(TEXTS)
def test_a_value_in_the_query_stays_one_value(value: str) -> None:
    parts = urlsplit(address("https://host.example/?a={{x}}&b=2", x=value))
    assert parse_qs(parts.query, keep_blank_values=True) == {"a": [value], "b": ["2"]}


@given(TEXTS, JSON)
def test_a_json_body_says_what_was_given(text: str, value: Any) -> None:
    body = ', body: \'{"text": "a {{x}} \\" b", "bare": {{x}}, "value": {{v}}}\''
    call = made(tool("http://h.example/", "x", "v", types={"v": "object"}, rest=body), x=text, v={"v": value})
    assert json.loads(said(call["body"])) == {"text": f'a {text} " b', "bare": text, "value": {"v": value}}
    assert call["headers"] == {"Content-Type": ["application/json"]}


@given(TEXTS)
def test_a_form_says_what_was_given(value: str) -> None:
    rest = ', body: "a={{x}}&b=2", headers: {content-type: application/x-www-form-urlencoded}'
    call = made(tool("http://h.example/", "x", rest=rest), x=value)
    assert parse_qs(said(call["body"]), keep_blank_values=True) == {"a": [value], "b": ["2"]}


def test_any_other_body_is_text_as_it_stands() -> None:
    assert (
        said(made(tool("http://h.example/", "x", rest=', body: "{{x}}"'), x='{"a": 1}')["body"]) == '{"a": 1}'
    )


@pytest.mark.parametrize(
    ("url", "value", "whole"),
    [
        ("{{x}}", "https://h.example:8443/p?q=1", "https://h.example:8443/p?q=1"),
        ("{{x}}/v1", "http://h.example", "http://h.example/v1"),
        ("https://{{x}}/v1", "h.example:81", "https://h.example:81/v1"),
        ("https://{{x}}/v1", "[::1]:81", "https://[::1]:81/v1"),
        ("https://{{x}}.h.example/", "eu-1", "https://eu-1.h.example/"),
    ],
)
def test_a_value_can_be_the_address_or_its_host(url: str, value: str, whole: str) -> None:
    assert address(url, x=value) == whole


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("{{x}}", "file:///etc/passwd"), ("{{x}}", "gopher://h/"), ("{{x}}", "http://u:p@h.example/"),
        ("{{x}}", "http://h\r\nHost: evil/"), ("{{x}}", "http://h.example\\@evil/"), ("{{x}}", "//h.example"),
        ("{{x}}/v1", "http://h.example/?a="), ("{{x}}/v1", "http://h.example#"),
        ("https://{{x}}/v1", "h.example/evil"), ("https://{{x}}/v1", "u@evil"), ("https://{{x}}/v1", "a b"),
        ("https://{{x}}/v1", "evil#"), ("https://h.example/{{x}}/b", ".."), ("https://h.example/a/{{x}}", "."),
        ("https://h.example{{x}}", "@evil"), ("https://h.example:{{x}}/", "80@evil"),
    ],
)  # fmt: skip
def test_a_value_that_would_be_something_else_is_refused_before_the_start(url: str, value: str) -> None:
    with pytest.raises(NeverStarted) as refused:
        address(url, x=value)
    assert "nothing was started" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "é", "\x7f"])
def test_a_header_takes_printable_characters_only(value: str) -> None:
    with pytest.raises(NeverStarted, match="x: a header"):
        made(tool("http://h.example/", "x", rest=', headers: {X-A: "b {{x}}"}'), x=value)


def test_variables_are_never_read_out_of_values() -> None:
    rest = ', headers: {Authorization: "Bearer $TOKEN"}, body: "{{x}} $OTHER $id"'
    call = made(tool("$BASE/${WHERE}?q={{x}}", "x", rest=rest), x="$TOKEN${TOKEN}")
    assert call["url"] == [
        "", {"var": "BASE", "as": "text"}, "/", {"var": "WHERE", "as": "url"}, "?q=", "%24TOKEN%24%7BTOKEN%7D", "",
    ]  # fmt: skip
    assert call["headers"] == {"Authorization": ["Bearer ", {"var": "TOKEN", "as": "text"}, ""]}
    assert "".join(call["body"]) == "$TOKEN${TOKEN} $OTHER $id"


def test_a_body_uses_the_variables_its_file_declares() -> None:
    text = 'tools: [{name: t, secrets: [KEY], http: {url: \'http://h.example/\', body: \'{"k": "$KEY", "q": "$id"}\'}}]'
    assert {"var": "KEY", "as": "json"} in made(tool_of(text))["body"]
    assert variables(tool("$BASE/", rest=", headers: {a: $ZONE}")) == {"BASE", "ZONE"}


def test_the_request_is_shown_with_its_values_and_without_its_variables() -> None:
    rest = ', method: post, headers: {Authorization: "Bearer $TOKEN"}, body: \'{"note": "{{x}}"}\''
    shown = display(command(tool("https://h.example/n", "x", rest=rest), {"x": 'say "hi"'}, workspace="/"))
    assert shown.splitlines() == [
        "POST https://h.example/n", "Authorization: Bearer $TOKEN", "Content-Type: application/json",
        'body {"note": "say \\"hi\\""}',
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("http", "fault"),
    [
        ("{url: 'http://h/', method: BREW}", "the http of the tool t: 'BREW' is no method (GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS)"),
        ("{url: 'http://h/', headers: {Host: evil}}", "the http of the tool t: the request sets the header Host itself (leave it out)"),
        ("{url: 'http://h/', headers: {'a b': x}}", "the http of the tool t: 'a b' is no name for a header"),
        ("{url: 'http://h/', extract_json: 'a..b'}", "the http of the tool t: 'a..b' is no JMESPath"),
        ("{url: 'http://h/{{x}}'}", "the tool t has no parameter for {{x}} (declare it under parameters)"),
    ],
)  # fmt: skip
def test_a_request_that_cannot_be_made_is_a_fault_of_its_file(http: str, fault: str) -> None:
    told = [
        fault.message + (f" ({fault.hint})" if fault.hint else "")
        for fault in read_tool_file(f"tools: [{{name: t, http: {http}}}]").faults
    ]
    assert len(told) == 1
    assert told[0].startswith(fault)


@pytest.mark.parametrize(
    "ip",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "168.63.129.16", "192.0.2.1", "198.18.0.1", "240.0.0.1",
        "::1", "::", "fe80::1", "fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_known_for_one(ip: str) -> None:
    import ipaddress

    assert private(ipaddress.ip_address(ip))


@pytest.mark.parametrize(
    "ip", ["1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::"]
)
def test_a_public_address_is_public(ip: str) -> None:
    import ipaddress

    assert private(ipaddress.ip_address(ip)) == ""


def test_an_address_is_written_in_one_way() -> None:
    assert str(parse("HTTP://H.Example:80/a b".replace(" ", "%20"))) == "http://h.example/a%20b"
    assert str(parse("https://bücher.example/ü?ö=1#x")) == "https://xn--bcher-kva.example/%C3%BC?%C3%B6=1"
    assert parse("https://[::1]").host == "::1"

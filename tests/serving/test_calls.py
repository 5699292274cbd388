"""One call of one tool, in this process: what the caller hears of it, and what becomes of faults."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from console.catalog.load import load
from console.errors import BackendError
from console.runners.local import LocalBackend
from console.serving.calls import Answer, Calls
from console.serving.tools import result_of

pytestmark = pytest.mark.anyio

TOOLS = """
tools:
  - name: halves
    description: Print one character in two pieces.
    risk: observe
    script: {shell: "printf 'gr\\\\303'; until test -e go; do sleep 0.02; done; printf '\\\\274n'"}
"""


@pytest.fixture
async def calls(tmp_path: Path) -> AsyncIterator[Calls]:
    (tmp_path / "tools.yaml").write_text(TOOLS)
    catalog = load([tmp_path / "tools.yaml"])
    async with Calls(catalog, workspace=tmp_path, caller=os.environ) as made:
        yield made


async def test_a_character_that_comes_in_two_pieces_is_heard_as_one(calls: Calls, tmp_path: Path) -> None:
    heard: list[str] = []

    async def said(stream: str, text: str) -> None:
        heard.append(text)
        (tmp_path / "go").touch()

    tool = load([tmp_path / "tools.yaml"]).tools["halves"]
    assert await calls.call(tool, {}, said) == Answer("grün")
    assert heard == ["gr", "ün"]


async def test_a_fault_of_the_machine_is_the_calls_answer(
    calls: Calls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise BackendError("the step's files cannot be used: no space left on device")

    async def said(stream: str, text: str) -> None:
        """Nothing."""

    (tmp_path / "go").touch()
    tool = load([tmp_path / "tools.yaml"]).tools["halves"]
    with monkeypatch.context() as patch:
        patch.setattr(LocalBackend, "status", broken)
        patch.setattr("console.serving.calls.CANCEL_SECONDS", 0.1)
        assert "no space left on device" in (await calls.call(tool, {}, said)).error


def test_what_is_no_sound_json_is_text_alone() -> None:
    assert result_of(Answer('{"a": 1}')).structured_content == {"a": 1}
    for text in ('{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1e999}', "{" * 9_999, '{"a": "\\ud800"}'):
        assert result_of(Answer(text)).structured_content is None

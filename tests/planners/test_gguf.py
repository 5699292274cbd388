"""Models in files: what is looked at before anything starts, and the bounds of their schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from console.catalog.spec import Parameter, Script, ToolSpec
from console.errors import NoPlanner
from console.model_file import absolute
from console.planners import gguf, prompting
from console.planners.llm import LlmPlanner
from console.planners.llm_call import Patience
from console.planners.llm_schema import open_schema, strict_schema
from console.planners.llm_settings import ModelSettings

TOOLS = (
    ToolSpec(
        name="write",
        script=Script(shell="true"),
        parameters=(Parameter(name="file", required=True), Parameter(name="lines", type="integer")),
    ),
    ToolSpec(name="look", script=Script(shell="true")),
)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such file"), (b"hello", "not a model in the GGUF format"), (b"", "GGUF")]
)
def test_a_file_that_cannot_be_used_is_told_before_anything_starts(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "m.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoPlanner, match=said) as caught:
        LlmPlanner(f"gguf:{path}")
    assert str(path) in str(caught.value)


def test_a_missing_extra_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF and so on")
    monkeypatch.setattr(gguf, "find_spec", lambda _: None)
    with pytest.raises(NoPlanner, match=r"pip install 'plandeck\[local\]'"):
        LlmPlanner(f"gguf:{tmp_path / 'm.gguf'}")


def test_a_path_is_made_whole_and_other_names_are_left_alone(tmp_path: Path) -> None:
    assert absolute("gguf:m.gguf", tmp_path) == f"gguf:{tmp_path}/m.gguf"
    assert absolute("gguf:/m.gguf", tmp_path) == "gguf:/m.gguf"
    assert absolute("openai/gpt-4o", tmp_path) == "openai/gpt-4o"


def test_small_models_get_little_room_and_much_time() -> None:
    fitted = gguf.fitted(ModelSettings())
    assert (fitted.forms, fitted.context, fitted.max_tokens) == (("json_schema",), 8192, 1024)
    assert fitted.patience.deadline == 900
    assert (fitted.price_in, fitted.price_out) == (0.0, 0.0)
    own = gguf.fitted(ModelSettings(context=2048, patience=Patience(deadline=60), forms=("text",)))
    assert (own.forms, own.max_tokens, own.patience.deadline) == (("text",), 512, 60)
    assert prompting.load(gguf.PROMPT).plan.id == gguf.PROMPT


@pytest.mark.parametrize("full", [strict_schema(TOOLS), open_schema(TOOLS)], ids=["strict", "open"])
def test_the_schema_takes_plans_and_no_rambling(full: dict[str, Any]) -> None:
    schema = gguf.schema(full)

    def takes(*steps: dict[str, Any], **more: Any) -> bool:
        return jsonschema.Draft202012Validator(schema).is_valid({"steps": [*steps], **more})

    step = {"id": "1", "action": "write", "params": {"file": "a", "lines": None}, "depends_on": []}
    assert takes(step)
    assert not takes()
    assert not takes(*([step] * 13))
    assert not takes(step, reason="because")
    assert not takes({**step, "id": "1" * 99})
    assert not takes({**step, "action": "sing"})
    assert not takes({**step, "depends_on": ["1"] * 5})


def test_texts_are_bounded_where_a_tool_names_its_parameters() -> None:
    full = strict_schema(TOOLS)
    assert full is not None
    step = {"id": "1", "action": "write", "params": {"file": "a" * 300, "lines": None}, "depends_on": []}
    assert not jsonschema.Draft202012Validator(gguf.schema(full)).is_valid({"steps": [step]})

"""Tools of LangChain and LlamaIndex in every form: their schemas, their results, their failures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

if "PLANDECK_INTEROP" not in os.environ:  # there they must be
    pytest.importorskip("langchain_core")
    pytest.importorskip("llama_index.core")

from langchain_core.tools import BaseTool, StructuredTool, ToolException, tool
from llama_index.core.tools import FunctionTool, ToolMetadata, ToolOutput

import console.interop.langchain as chain
import console.interop.llamaindex as index
from console.catalog.load import load
from console.interop.toolbox import Toolbox


class Point(BaseModel):
    x: float
    y: float = 0.0


class Draw(BaseModel):
    """What to draw."""

    points: list[Point] = Field(description="The corners")
    colour: str | None = Field(None, description="Its colour")
    width: int = 1


def draw(points: list[Point], colour: str | None = None, width: int = 1) -> Any:
    return {"corners": [[p.x, p.y] for p in points], "colour": colour, "width": width}


class Reverse(BaseTool):
    name: str = "reverse-text"
    description: str = "Turn a text round."

    def _run(self, text: str) -> str:
        return text[::-1]


@tool
def refuse(why: str) -> str:
    """Never works."""
    raise ToolException(why)


async def later(n: int) -> int:
    """Waits, then counts."""
    return n + 1


def parameters(box: Toolbox, name: str) -> dict[str, dict[str, Any]]:
    document = next(one for one in box.documents() if one["name"] == name)
    return {parameter["name"]: parameter for parameter in document["parameters"]}


def test_the_schema_of_a_structured_tool_is_kept() -> None:
    made = StructuredTool.from_function(draw, name="draw", description="Draw it", args_schema=Draw)
    told = parameters(chain.toolbox("here:box", [made]), "draw")
    assert (told["points"]["type"], told["points"]["required"]) == ("array", True)
    assert told["points"]["schema"]["items"]["properties"]["x"]["type"] == "number"
    assert (told["colour"]["type"], told["colour"].get("required")) == ("string", None)
    assert (told["width"]["type"], told["width"]["default"]) == ("integer", 1)


def test_every_form_of_a_langchain_tool_can_be_called() -> None:
    waits = StructuredTool.from_function(coroutine=later, name="later")
    made = StructuredTool.from_function(draw, name="draw", description="Draw it", args_schema=Draw)
    box = chain.toolbox("here:box", [Reverse(), refuse, waits, made])
    assert box.reverse_text(text="abc") == "cba"
    assert box.later(n=1) == 2
    assert box.draw(points=[{"x": 1}]) == {"corners": [[1.0, 0.0]], "colour": None, "width": 1}
    with pytest.raises(ToolException, match="because"):
        box.refuse(why="because")
    with pytest.raises(AttributeError, match="there is no tool nothing"):
        _ = box.nothing


class Answering(FunctionTool):
    """Says in its answer that it failed."""

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        return ToolOutput(content="no such page", tool_name="x", raw_input={}, raw_output=None, is_error=True)


def test_every_form_of_a_llamaindex_tool_can_be_called() -> None:
    fails = Answering(draw, metadata=ToolMetadata(name="fails", description="d", fn_schema=Draw))
    box = index.toolbox(
        "here:box",
        [FunctionTool.from_defaults(draw, fn_schema=Draw), FunctionTool.from_defaults(async_fn=later), fails],
    )
    told = parameters(box, "draw")
    assert (told["points"]["type"], told["width"]["default"]) == ("array", 1)
    assert box.later(n=1) == 2
    with pytest.raises(index.ToolSaidError, match="no such page"):
        box.fails(points=[])


def test_a_toolbox_says_what_is_wrong_with_it() -> None:
    with pytest.raises(ValueError, match="two tools are called refuse"):
        chain.toolbox("here:box", [refuse, refuse])
    with pytest.raises(ValueError, match="there is no tool refusal; the tools are refuse"):
        chain.toolbox("here:box", [refuse], declare={"refusal": {}})
    with pytest.raises(ValueError, match=r"is written package\.module:variable"):
        chain.toolbox("here", [refuse])
    with pytest.raises(ValueError, match="is not this toolbox"):
        chain.toolbox("os:sep", [refuse])()


def test_a_toolbox_is_a_tool_file_like_any_other(examples: Path) -> None:
    catalog = load(["example-langchain", "example-llamaindex"])
    assert {name: str(tool.risk) for name, tool in catalog.tools.items()} == {
        "count_words": "observe",
        "write_note": "reversible",
        "remove_note": "reversible",
        "look_up_motto": "observe",
    }
    assert catalog.warnings == ()
    undo = catalog.tools["write_note"].undo
    assert undo is not None
    assert undo.action == "remove_note"

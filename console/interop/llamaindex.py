"""LlamaIndex tools as tools of a catalog.

    from console.interop.llamaindex import toolbox

    plandeck_tools = toolbox("my_package.tools:plandeck_tools", [lookup],
                             declare={"lookup": {"risk": "observe"}})

with the entry point `lab = "my_package.tools:plandeck_tools"` in the group `plandeck.tools`. Function tools
and query-engine tools work alike; a result that says it is an error is the step's failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from llama_index.core.tools import AsyncBaseTool, BaseTool, FunctionTool

from console.interop.toolbox import Toolbox, plain


class ToolSaidError(Exception):
    """The tool answered that it failed."""


def toolbox(
    place: str, tools: Iterable[BaseTool], declare: Mapping[str, Mapping[str, Any]] | None = None
) -> Toolbox:
    """The tools as a plugin; `place` is where the result is kept (`package.module:variable`), `declare`
    what a tool file would say more of each: risk, contract, undo."""
    return Toolbox(place, [_Tool(tool) for tool in tools], declare)


class _Tool:
    def __init__(self, tool: BaseTool) -> None:
        self._tool = tool
        self.name = tool.metadata.get_name()
        self.description = tool.metadata.description
        self.schema: Mapping[str, Any] = tool.metadata.get_parameters_dict()

    def call(self, params: dict[str, Any]) -> Any:
        output = asyncio.run(self._tool.acall(**params)) if self._is_async else self._tool(**params)
        if output.is_error:
            raise ToolSaidError(output.content)
        return plain(output.raw_output if output.raw_output is not None else output.content)

    @property
    def _is_async(self) -> bool:
        tool = self._tool
        if isinstance(tool, FunctionTool):
            return asyncio.iscoroutinefunction(tool.real_fn)
        return isinstance(tool, AsyncBaseTool)

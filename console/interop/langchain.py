"""LangChain tools as tools of a catalog.

    from console.interop.langchain import toolbox

    plandeck_tools = toolbox("my_package.tools:plandeck_tools", [search, multiply],
                             declare={"search": {"risk": "observe"}})

with the entry point `lab = "my_package.tools:plandeck_tools"` in the group `plandeck.tools`. Tools with
synchronous and with asynchronous code work; what a tool raises is the step's failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.tools import BaseTool, StructuredTool

from console.interop.toolbox import Toolbox, plain


def toolbox(
    place: str, tools: Iterable[BaseTool], declare: Mapping[str, Mapping[str, Any]] | None = None
) -> Toolbox:
    """The tools as a plugin; `place` is where the result is kept (`package.module:variable`), `declare`
    what a tool file would say more of each: risk, contract, undo."""
    return Toolbox(place, [_Tool(tool) for tool in tools], declare)


class _Tool:
    def __init__(self, tool: BaseTool) -> None:
        self._tool = tool
        self.name = tool.name
        self.description = tool.description
        # What the model is to give; arguments that are injected by the caller's own code are not in it.
        self.schema: Mapping[str, Any] = tool.tool_call_schema.model_json_schema()

    def call(self, params: dict[str, Any]) -> Any:
        if isinstance(self._tool, StructuredTool) and self._tool.func is None:
            return plain(asyncio.run(self._tool.ainvoke(params)))
        return plain(self._tool.invoke(params))

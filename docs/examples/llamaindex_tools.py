"""A LlamaIndex tool, and the toolbox that plandeck takes it from."""

from __future__ import annotations

from llama_index.core.tools import FunctionTool

from console.interop.llamaindex import toolbox

MOTTOES = {"plandeck": "think first then act", "craft": "measure twice cut once"}


def motto(of: str = "plandeck") -> str:
    """Look up a motto."""
    if of not in MOTTOES:
        raise KeyError(f"no motto of {of}")
    return MOTTOES[of]


plandeck_tools = toolbox(
    "llamaindex_tools:plandeck_tools",
    [FunctionTool.from_defaults(motto, name="look-up-motto")],
    declare={"look-up-motto": {"risk": "observe", "idempotent": True}},
)

"""Two LangChain tools, and the toolbox that plandeck takes them from."""

from __future__ import annotations

from pathlib import Path

from langchain_core.tools import tool

from console.interop.langchain import toolbox


@tool
def count_words(text: str, distinct: bool = False) -> dict[str, int]:
    """Count the words of a text."""
    words = text.split()
    return {"words": len(set(words) if distinct else words)}


@tool
async def write_note(path: str, text: str) -> str:
    """Write a text to a new file."""
    file = Path(path)
    if file.exists():
        raise FileExistsError(f"{path} is there already")
    file.write_text(f"{text}\n")
    return f"written to {path}"


@tool
def remove_note(path: str) -> str:
    """Remove a file that write_note has written."""
    Path(path).unlink(missing_ok=True)
    return f"removed {path}"


plandeck_tools = toolbox(
    "langchain_tools:plandeck_tools",
    [count_words, write_note, remove_note],
    declare={
        "count_words": {"risk": "observe"},
        "write_note": {
            "risk": "reversible",
            "provides": ["note $path"],
            "undo": {"action": "remove_note", "params": {"path": "$path"}},
        },
        "remove_note": {"risk": "reversible", "recovery": True, "removes": ["note $path"]},
    },
)

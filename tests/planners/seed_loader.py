"""A catalog from the text of a tool file. A tool that says nothing of how it runs does nothing."""

from __future__ import annotations

import json

import yaml

from console.catalog.spec import Catalog
from console.catalog.toolfile import read_tool_file


def catalog_of(*texts: str) -> Catalog:
    """The tools and goals of tool files, in order."""
    files = []
    for text in texts:
        document = yaml.safe_load(text)
        for tool in document["tools"]:
            tool.setdefault("script", {"shell": "true"})
        files.append(read_tool_file(json.dumps({"name": "test", **document})))
    assert not [fault for file in files for fault in file.faults]
    return Catalog(
        tools={tool.name: tool for file in files for tool in file.tools},
        goals=tuple(goal for file in files for goal in file.goals),
    )

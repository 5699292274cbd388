"""A model in a file of one's own, for machines without a network: `gguf:/srv/models/small.gguf`.

The planner's worker runs it (local_server.py). What is looked at here is looked at before anything starts:
is the file there, is it such a model, is the extra installed. Small models need a small task: a short
prompt, few tools, a schema that leaves no room to ramble.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from console.errors import NoPlanner
from console.homes import from_home
from console.model_file import PREFIX
from console.planners.llm_call import FORMS, Patience
from console.planners.llm_settings import ModelSettings

PROMPT = "plan-small-v1"
"""The prompts for small models."""

CONTEXT = 8192
"""Tokens of prompt and reply together, when nothing else is configured."""

REPLY = 1024
DEADLINE = 900.0
MAX_STEPS = 12
MAX_TEXT = 200
_IDS = [str(number) for number in range(1, MAX_STEPS + 1)]


def check(model: str) -> None:
    """Raises `NoPlanner` when the file cannot be used, or nothing here could run it."""
    path = from_home(model.removeprefix(PREFIX))
    try:
        with path.open("rb") as file:
            begins = file.read(4)
    except OSError as error:
        raise _unusable(path, f"cannot read this file: {(error.strerror or str(error)).lower()}") from None
    if begins != b"GGUF":
        raise _unusable(path, "this is not a model in the GGUF format")
    if find_spec("xllamacpp") is None:
        raise NoPlanner(
            "nothing is installed that could run a model in a file",
            where=str(path),
            kept="nothing was started",
            todo="Install it with pip install 'plandeck[local]'",
        )


def _unusable(path: Path, what: str) -> NoPlanner:
    todo = "Name a model as gguf:PATH, such as gguf:/srv/models/small.gguf"
    return NoPlanner(what, where=str(path), kept="nothing was started", todo=todo)


def fitted(settings: ModelSettings) -> ModelSettings:
    """The settings for a model that runs here: free, held to a schema, with the time that it needs."""
    context = settings.context or CONTEXT
    return replace(
        settings,
        forms=("json_schema",) if settings.forms == FORMS else settings.forms,
        api_base="",
        context=context,
        max_tokens=min(settings.max_tokens, REPLY, context // 4),
        price_in=settings.price_in or 0.0,
        price_out=settings.price_out or 0.0,
        silence=max(settings.silence, DEADLINE),
        patience=Patience(deadline=DEADLINE) if settings.patience == Patience() else settings.patience,
    )


def schema(full: Mapping[str, Any]) -> dict[str, Any]:
    """The plan's shape (`llm_schema`) with bounds: as many steps as the tools may need, at most
    `MAX_STEPS`, with short ids and texts. What a small model is bad at is left out: reasons, descriptions,
    gates, a rollback (the tools' own `undo` is there)."""
    items = full["properties"]["steps"]["items"]
    branches = items.get("anyOf", [items])
    tools = max(len(branches), len(branches[0]["properties"]["action"].get("enum", ())))
    longest = min(MAX_STEPS, 2 * tools + 2)
    ids = {"enum": _IDS[:longest]}
    steps = []
    for step in branches:
        keys = step["properties"]
        kept = {
            "id": ids,
            "action": keys["action"],
            "params": bounded(keys["params"]),
            "depends_on": {"type": "array", "items": ids, "maxItems": 4},
        }
        steps.append(_closed(kept))
    return _closed(
        {"steps": {"type": "array", "items": {"anyOf": steps}, "minItems": 1, "maxItems": longest}}
    )


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def bounded(shape: Any) -> Any:
    """A schema whose texts are short and whose lists are, everywhere."""
    if isinstance(shape, list):
        return [bounded(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    found = {key: bounded(value) for key, value in shape.items() if key != "description"}
    kinds = found.get("type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    limits: dict[str, int] = {"maxLength": MAX_TEXT} if "string" in kinds else {}
    return found | limits | ({"maxItems": MAX_STEPS} if "array" in kinds else {})

"""litellm's callbacks in the worker: told of every call, before the worker ends, without secrets."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from console.catalog.spec import Catalog, Script, ToolSpec
from console.planners import llm_callbacks
from console.planners.base import Goal
from console.planners.llm import LlmPlanner
from console.planners.llm_call import ModelError
from console.planners.llm_link import PARTING
from console.planners.llm_settings import ModelSettings
from tests.models.server import ModelServer

SECRET = "a-value-nobody-shall-see"

MODULE = """
import json, os
def tell(kwargs, response, start, end):
    with open(os.environ["TOLD"], "a") as file:
        reply = response.choices[0].message.content if response else None
        file.write(json.dumps({"messages": kwargs["messages"], "reply": reply}) + chr(10))
"""

REPLY = json.dumps({"steps": [{"id": "1", "action": "look", "params": {}, "depends_on": []}]})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def quiet(_message: str, /, **_: object) -> None:
    """Nobody watches."""


def planner(server: ModelServer, folder: Path, callbacks: str) -> LlmPlanner:
    (folder / "own_callback.py").write_text(MODULE)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(folder),
        "TOLD": str(folder / "told.jsonl"),
        "MY_TOKEN": SECRET,
        llm_callbacks.VARIABLE: callbacks,
    }
    settings = ModelSettings(api_base=server.base, forms=("text",))
    return LlmPlanner("openai/stub", settings=settings, environ=environ)


CATALOG = Catalog(tools={"look": ToolSpec(name="look", script=Script(shell="true"))})


@pytest.mark.anyio
async def test_a_callback_is_told_the_whole_call_without_secrets(server: ModelServer, tmp_path: Path) -> None:
    server.plays(REPLY)
    asking = planner(server, tmp_path, "own_callback:tell")
    draft = await asking.plan(Goal(f"Look for {SECRET}"), CATALOG, quiet)
    assert draft.plan.leaves()
    told = tmp_path / "told.jsonl"
    for thread in threading.enumerate():
        if thread.name == PARTING:
            thread.join()
    (call,) = [json.loads(line) for line in told.read_text().splitlines()]
    assert call["reply"] == REPLY
    assert "<secret:MY_TOKEN>" in json.dumps(call["messages"])
    assert SECRET not in told.read_text()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere_module:tell", "nowhere_module:tell: No module named 'nowhere_module'"),
        ("promptlaier", "litellm knows no callback promptlaier"),
    ],
)
async def test_a_callback_that_cannot_be_loaded_stops_the_planning(
    server: ModelServer, tmp_path: Path, name: str, said: str
) -> None:
    with pytest.raises(ModelError, match="the callback cannot be used") as caught:
        await planner(server, tmp_path, name).plan(Goal("Look"), CATALOG, quiet)
    assert said in str(caught.value)
    assert server.asked == []

"""Which tools a model is shown when not all of them fit."""

from __future__ import annotations

import pytest

from console.catalog.spec import Catalog, Contract, Script, ToolSpec
from console.plan.model import Undo
from console.planners.retrieval import Choice, choose


def tool(name: str, description: str = "", needs: str = "", gives: str = "", **more: object) -> ToolSpec:
    contract = Contract(
        requires=(tuple(needs.split()),) if needs else (), provides=(tuple(gives.split()),) if gives else ()
    )
    spec = {"name": name, "description": description, "script": Script(shell="true"), "contract": contract}
    return ToolSpec.model_validate(spec | more)


def catalog(*tools: ToolSpec) -> Catalog:
    return Catalog(tools={one.name: one for one in tools})


TOOLS = catalog(
    *(tool(f"polish_{n}", "Polish the brass") for n in range(8)),
    tool("dumpDatabase", "Write a copy", gives="backup $db"),
    tool("migrate", "Bring a schema up to date", needs="backup $db", verify="count_rows"),
    tool("count_rows", "Count"),
    tool("deploy", "Put a version live", undo=Undo(action="go_back", params={})),
    tool("go_back", "Return"),
)


def shown(task: str, room: int, keep: tuple[str, ...] = ()) -> Choice:
    return choose(TOOLS, task, dict.fromkeys(TOOLS.tools, 10), room, keep)


def names(choice: Choice) -> list[str]:
    return [one.name for one in choice.tools]


def test_where_all_fit_none_is_left_out() -> None:
    assert names(shown("anything", 130)) == list(TOOLS.tools)
    assert shown("anything", 130).left_out == ()


@pytest.mark.parametrize(
    ("task", "room", "chosen"),
    [
        ("migrate the shop's schemas", 30, ["dumpDatabase", "migrate", "count_rows"]),
        ("deployed anew", 20, ["deploy", "go_back"]),
        ("dump a database", 10, ["dumpDatabase"]),
    ],
)
def test_the_tools_that_fit_the_task_come_with_what_they_need(
    task: str, room: int, chosen: list[str]
) -> None:
    choice = shown(task, room)
    assert names(choice) == chosen
    assert {*chosen, *choice.left_out} == set(TOOLS.tools)


def test_what_is_in_the_plan_is_always_shown_and_brings_more_only_where_there_is_room() -> None:
    assert names(shown("polish", 10, ("migrate", "deploy"))) == ["migrate", "deploy"]
    assert names(shown("polish", 40, ("migrate", "deploy"))) == [
        "dumpDatabase",
        "migrate",
        "count_rows",
        "deploy",
    ]

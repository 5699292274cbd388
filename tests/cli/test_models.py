"""Which model plans and which one the steps ask: the command line over the task over the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.catalog.spec import Catalog
from console.commands.ordering import planned_by
from console.service.executors import executor_model_of, executor_of
from console.service.order import Order
from console.settings import load_settings
from console.task import Planning, Task, load


def settled(planner: str = "", model: str = "", **asked: str) -> tuple[str, str]:
    task = planned_by(Task(goal="g", planner=Planning.model_validate(asked)), planner, model)
    return task.planner.use, task.planner.model


def test_without_a_model_the_offline_planner_plans() -> None:
    assert settled() == ("offline", "")


def test_a_configured_model_plans_where_nobody_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANDECK_MODEL", "configured")
    assert settled() == ("llm", "configured")
    assert settled(model="named") == ("llm", "named")
    assert settled(model="", use="auto") == ("llm", "configured")
    assert settled(use="llm", model="of-the-task") == ("llm", "of-the-task")
    assert settled("offline")[0] == "offline"
    assert settled(use="offline")[0] == "offline"


def test_a_model_on_the_command_line_asks_for_it() -> None:
    assert settled(model="named", use="offline") == ("llm", "named")
    assert settled("offline", "named")[0] == "offline"


def test_the_steps_model_is_the_executors_else_the_planners(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(executor: str = "", planner: str = "") -> str:
        task = Task(goal="g", planner=Planning(model=planner))
        order = Order(directory=Path("/r"), task=task, workspace="/w", by="ops", executor_model=executor)
        return executor_model_of(order, load_settings())

    assert chosen() == ""
    assert chosen(planner="planner") == "planner"
    monkeypatch.setenv("PLANDECK_EXECUTOR_MODEL", "small")
    assert chosen(planner="planner") == "small"
    assert chosen("named", "planner") == "named"


def test_stored_turns_are_taken_unless_the_command_line_names_a_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def thinks(executor: str = "") -> str:
        order = Order(
            directory=Path("/r"), task=load("slow-site"), workspace="/w", by="ops", executor_model=executor
        )
        return type(executor_of(order, Catalog(), load_settings(), {})).__name__

    monkeypatch.setenv("PLANDECK_EXECUTOR_MODEL", "small")
    assert thinks() == "RecordedExecutor"
    assert thinks("named") == "LlmExecutor"


def test_what_a_model_needs_can_be_written_as_numbers(own_folders: Path) -> None:
    file = own_folders / "config/plandeck/config.yaml"
    file.parent.mkdir()
    file.write_text("model_timeout: 90\nmodel_price: 0.15/0.60\nmodel_context: 8192\n")
    loaded = load_settings({})
    assert (loaded.model_timeout, loaded.model_price, loaded.model_context) == ("90", "0.15/0.60", "8192")


def test_a_prompt_of_ones_own_is_found_beside_the_task(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text("goal: g\nplanner: {use: llm, model: m, prompt: plan-mine.md}\n")
    assert planned_by(load(str(tmp_path)), "").planner.prompt == str(tmp_path / "plan-mine.md")

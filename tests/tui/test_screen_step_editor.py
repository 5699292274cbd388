"""The form is filled in with few keys and never loses what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events

from console.catalog.spec import Catalog, Parameter, ToolSpec
from console.plan.model import Plan, Step
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.field import Field
from console.tui.screens.step_editor import StepEditor
from tests.tui.builders import CATALOG, DEPLOY
from tests.tui.driving import until
from tests.tui.showing import Shown, shown

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def edit(step: str) -> StepEditor:
    return StepEditor(DEPLOY, DEPLOY.step(step), CATALOG, "")


def add(plan: Plan = DEPLOY) -> StepEditor:
    return StepEditor(plan, None, CATALOG, "after 5 notify_team")


def field(show: Shown, key: str) -> Field:
    return next(f for f in show.screen.query(Field) if f.spec.key == key)


async def test_a_step_is_added_with_a_completed_tool_and_a_reference() -> None:
    async with shown(add()) as show:
        assert "after 5 notify_team" in show.text()
        await show.type("notf")
        assert "notify_team" in show.text(), "a fuzzy match is offered"
        await show.press("down", "enter")
        assert field(show, "action").text == "notify_team"
        await show.press("enter")
        assert field(show, "param message").input.has_focus
        await show.type("done: {step_4")
        await show.press("down", "enter", "ctrl+s")
        assert show.result == Step(id="6", action="notify_team", params={"message": "done: {step_4_result}"})


async def test_saving_without_a_change_gives_the_same_step() -> None:
    async with shown(edit("3")) as show:
        await show.press("ctrl+s")
        assert show.result == DEPLOY.step("3")


async def test_pasted_lines_become_one_and_that_is_said() -> None:
    async with shown(edit("5")) as show:
        message = field(show, "param message").input
        message.focus()
        message.select_all()
        message.post_message(events.Paste("one\n  two\n"))
        await until(show.pilot, lambda: message.value == "one two")
        assert "2 lines were pasted as one" in [n.message for n in show.pilot.app._notifications]


async def test_enter_on_save_saves() -> None:
    async with shown(edit("3")) as show:
        await show.press("shift+tab", "shift+tab", "enter")
        assert show.result == DEPLOY.step("3")


async def test_enter_alone_walks_through_the_form_and_saves() -> None:
    async with shown(edit("4")) as show:
        await show.press(*["enter"] * 13)
        assert show.result == DEPLOY.step("4")


async def test_an_invalid_form_stays_open_with_the_reason_at_the_field() -> None:
    async with shown(edit("3")) as show:
        await show.press("end", "x", "ctrl+s")
        assert show.is_open
        assert "'productionx' is not one of" in show.text()
        assert "Not saved: env:" in show.text()
        assert field(show, "param env").input.has_focus
        await show.press("backspace", "ctrl+s")
        assert show.result == DEPLOY.step("3")


async def test_what_is_wrong_is_said_while_it_is_typed() -> None:
    async with shown(edit("3")) as show:
        await show.press("tab", "tab")
        await show.type("many")
        assert "not an integer" in show.text()


async def test_what_was_typed_survives_another_tool() -> None:
    async with shown(edit("3")) as show:
        await show.press("end", "tab")
        await show.type("-rc1")
        field(show, "action").input.focus()
        await show.press("end", "ctrl+u")
        await show.type("run_tests")
        assert not [f for f in show.screen.query(Field) if f.spec.key == "param tag"]
        await show.press("ctrl+u")
        await show.type("deploy")
        assert field(show, "param tag").text == "v2.3.1-rc1"


async def test_escape_asks_before_it_throws_anything_away() -> None:
    async with shown(edit("3")) as show:
        await show.press("tab")
        await show.type("-rc1")
        await show.press("escape")
        assert isinstance(show.app.screen, ConfirmScreen)
        await show.press("enter")
        assert show.is_open
        assert field(show, "param tag").text == "v2.3.1-rc1"
        await show.press("escape", "y")
        assert show.result is None


async def test_escape_closes_the_candidates_first() -> None:
    async with shown(add()) as show:
        await show.type("dep")
        await show.press("escape")
        assert show.is_open
        assert field(show, "action").text == "dep"


async def test_escape_without_a_change_just_leaves() -> None:
    async with shown(edit("3")) as show:
        await show.press("escape")
        assert show.result is None


async def test_dependencies_are_chosen_with_space() -> None:
    async with shown(edit("3")) as show:
        show.screen.query_one("#depends_on").focus()
        await show.press("down", "space", "ctrl+s")
        assert isinstance(show.result, Step)
        assert show.result.depends_on == ("1",)


async def test_dependencies_are_filtered_while_typing_and_stay_picked() -> None:
    async with shown(edit("3"), size=(100, 40)) as show:
        show.screen.query_one("#depends_on").focus()
        await show.type("back")
        assert "filter /back · 1 of 2 · Esc shows all" in show.text()
        assert "1 run_tests" not in show.text()
        assert "▸ [x] 2 backup_database" in show.text()
        await show.press("escape")
        assert "[x] 1 run_tests" in show.text()
        await show.type("tests")
        await show.press("space", "ctrl+s")
        assert isinstance(show.result, Step)
        assert show.result.depends_on == ("2",)


async def test_a_filter_that_nothing_fits_can_be_seen() -> None:
    async with shown(edit("3")) as show:
        show.screen.query_one("#depends_on").focus()
        await show.type("backup_nothing_of_that_name")
        assert "filter /backup_nothing_of_that_name · 0 of 2" in show.text()


async def test_dependencies_stand_in_their_phases() -> None:
    phase = Step(id="p", action="", description="Prepare", steps=(Step(id="1", action="run_tests"),))
    plan = Plan(steps=(phase, Step(id="2", action="run_tests")))
    async with shown(StepEditor(plan, plan.step("2"), CATALOG, ""), size=(100, 40)) as show:
        text = show.text()
        assert "[ ] p ▾  Prepare" in text
        assert text.index("[ ] 1 run_tests") > text.index("[ ] p ▾")
        assert "  [ ] 1 run_tests" in text


async def test_a_reference_is_offered_after_the_sign_of_another_notation_too() -> None:
    async with shown(edit("5")) as show:
        await show.press("ctrl+u")
        await show.type("${4")
        await show.press("down", "enter")
        assert field(show, "param message").text == "{step_4_result}"


async def test_files_of_the_workspace_are_offered_where_one_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "backup.sql").write_text("")
    tool = ToolSpec(name="remove", parameters=(Parameter(name="file"),))
    plan = Plan(steps=(Step(id="1", action="remove"),))
    editor = StepEditor(plan, plan.step("1"), Catalog(tools={"remove": tool}), "", workspace=tmp_path)
    async with shown(editor) as show:
        await until(show.pilot, lambda: bool(editor.files))
        await show.type("bck")
        await show.press("down", "enter", "ctrl+s")
        assert isinstance(show.result, Step)
        assert show.result.params == {"file": "backup.sql"}


async def test_a_step_is_not_offered_what_depends_on_it() -> None:
    async with shown(edit("2"), size=(80, 40)) as show:
        assert "[ ] 1 run_tests" in show.text()
        assert "4 smoke_tests" not in show.text()


async def test_the_id_of_a_step_that_exists_cannot_be_typed() -> None:
    async with shown(edit("3")) as show:
        assert field(show, "id").input.disabled


async def test_defaults_are_shown_in_empty_fields() -> None:
    async with shown(edit("3")) as show:
        assert field(show, "param replicas").input.placeholder == "(2)"
        assert field(show, "param drain").input.placeholder == "(true)"


async def test_the_values_of_an_enumeration_are_offered() -> None:
    async with shown(edit("3")) as show:
        await show.press("end", "ctrl+u", "down")
        assert "staging" in show.text()
        await show.press("enter", "ctrl+s")
        assert isinstance(show.result, Step)
        assert show.result.params["env"] == "staging"


async def test_everything_is_reached_on_a_small_terminal() -> None:
    async with shown(edit("3"), size=(80, 24)) as show:
        field(show, "on").input.focus()
        await show.pilot.pause()
        assert "host" in show.text()


async def test_markup_in_a_plan_is_text_in_the_form() -> None:
    step = Step(id="6", action="run_tests", description="[bold]now[/nope]")
    plan = DEPLOY.model_copy(update={"steps": (*DEPLOY.steps, step)})
    async with shown(StepEditor(plan, None, CATALOG, "after [red]6"), size=(100, 40)) as show:
        assert "[bold]now[/nope]" in show.text()
        assert "after [red]6" in show.text()


async def test_the_defaults_below_are_those_of_the_tool() -> None:
    async with shown(add()) as show:
        assert field(show, "timeout").input.placeholder == ""
        await show.type("deploy")
        await show.press("escape")
        assert field(show, "timeout").input.placeholder == "(300 s)"
        assert "rollback_release" in field(show, "undo").input.placeholder


async def test_a_new_step_waits_for_the_one_above_it() -> None:
    async with shown(StepEditor(DEPLOY, None, CATALOG, "after 4", after="4")) as show:
        assert "[x] 4" in show.text()
        await show.press("escape")
        assert show.result is None, "nothing was typed yet"


async def test_a_step_whose_result_is_used_is_told_so() -> None:
    async with shown(add()) as show:
        await show.type("notify_team")
        await show.press("enter")
        await show.type("done: {step_4_result}")
        assert "its result is used" in next(line for line in show.text().splitlines() if "] 4 " in line)


async def test_fields_of_past_results_of_the_tool_are_offered() -> None:
    editor = StepEditor(DEPLOY, None, CATALOG, "", past=lambda: {"run_tests": [".passed", ".failed[0]"]})
    async with shown(editor) as show:
        await until(show.pilot, lambda: bool(editor.form.past))
        await show.type("notify_team")
        await show.press("enter")
        await show.type("{step_1_result.p")
        assert "{step_1_result.passed}   as in past runs" in show.text()

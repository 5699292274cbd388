"""The small screens: confirm, ask for words, findings, keys, picker, runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.widgets import Input

from console.errors import UsageError
from console.plan.check.finding import Finding
from console.plan.model import Plan
from console.run.life import RunStatus
from console.tui.app import ConsoleApp, Options
from console.tui.keys import ActionInfo
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.findings import FindingsScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.picker import Picker, SampleInfo
from console.tui.screens.request_changes import RequestChanges
from console.tui.screens.run import RunScreen
from console.tui.screens.runs import RunInfo, RunList
from console.tui.screens.text_input import AskText
from tests.tui import fakes
from tests.tui.builders import DEPLOY, running, succeeded
from tests.tui.driving import until
from tests.tui.showing import shown

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


# ── confirm ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("keys", "answer"),
    [(["enter"], False), (["y"], True), (["n"], False), (["down", "enter"], True), (["escape"], False)],
)
async def test_the_marked_answer_is_the_one_that_changes_nothing(keys: list[str], answer: bool) -> None:
    async with shown(ConfirmScreen("Delete step [b]3[/b]?", "Delete it", "Keep it")) as show:
        assert "Delete step [b]3[/b]?" in show.text()
        await show.press(*keys)
        assert show.result is answer


async def test_the_marked_answer_has_a_sign_before_it() -> None:
    async with shown(ConfirmScreen("Delete step 3?", "Delete it", "Keep it")) as show:
        assert "▸  n  Keep it" in show.text()
        await show.press("down")
        assert "▸  y  Delete it" in show.text()
        assert show.text().count("▸") == 1


# ── words ────────────────────────────────────────────────────────────────────────────────────────


async def test_enter_sends_a_line() -> None:
    async with shown(AskText("Reason", "slow")) as show:
        await show.type(" disk")
        await show.press("enter")
        assert show.result == "slow disk"


async def test_several_lines_are_sent_with_enter_and_broken_with_ctrl_j() -> None:
    async with shown(AskText("Reason", multiline=True)) as show:
        await show.type("one")
        await show.press("ctrl+j")
        await show.type("two")
        await show.press("enter")
        assert show.result == "one\ntwo"


@pytest.mark.parametrize("multiline", [False, True])
async def test_escape_keeps_what_was_typed_until_it_is_thrown_away(multiline: bool) -> None:
    async with shown(AskText("Reason", multiline=multiline)) as show:
        await show.type("precious")
        await show.press("escape", "enter")
        assert show.is_open
        assert "precious" in show.text()
        await show.press("escape", "y")
        assert show.result is None


async def test_a_request_for_changes_wants_words() -> None:
    async with shown(RequestChanges(running(DEPLOY, *succeeded("1")))) as show:
        assert "1 finished and 0 running" in show.text()
        await show.press("enter")
        assert show.is_open
        await show.type("use staging first")
        await show.press("enter")
        assert show.result == "use staging first"


# ── findings ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Mend:
    """An edit that says what it would do."""

    summary: str

    def change(self, plan: Plan) -> Plan:
        return plan


NOTE = Finding("over_planning", "note", "", "one step would do")
ERROR = Finding("no_backup", "error", "3", "nothing backs up [b]service[/b]", Mend("insert backup before 3"))


async def test_the_worst_finding_comes_first_and_its_fix_is_one_key() -> None:
    async with shown(FindingsScreen([NOTE, ERROR], DEPLOY)) as show:
        text = show.text()
        assert "1 error · 1 note" in text
        assert "3 deploy" in text
        assert "nothing backs up [b]service[/b]" in text
        assert "f: insert backup before 3" in text
        await show.press("f")
        assert show.result is ERROR


async def test_a_finding_without_a_fix_gives_nothing() -> None:
    async with shown(FindingsScreen([NOTE, ERROR], DEPLOY)) as show:
        await show.press("down", "enter")
        assert show.is_open
        await show.press("escape")
        assert show.result is None


async def test_no_findings_are_said_as_such() -> None:
    async with shown(FindingsScreen([], DEPLOY)) as show:
        assert "found nothing" in show.text()
        await show.press("f", "enter", "escape")
        assert show.result is None


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────

ACTIONS = [
    ActionInfo("approve", "a", "Approve what waits", True, "", "Run"),
    ActionInfo("rollback", "R", "Preview the rollback", False, "no step has started", "Run"),
    ActionInfo("search", "/", "Search", True, "", "Panes"),
]


async def test_a_dead_key_is_listed_with_its_reason() -> None:
    async with shown(HelpScreen(ACTIONS)) as show:
        assert "Preview the rollback  no step has started" in show.text()


async def test_keys_are_filtered_by_word_and_by_key() -> None:
    async with shown(HelpScreen(ACTIONS)) as show:
        await show.type("roll")
        assert "Approve" not in show.text()
        await show.press("escape")
        assert "Approve" in show.text()
        await show.press("slash")
        assert "Search" in show.text()
        assert "Approve" not in show.text()
        await show.press("escape", "escape")
        assert show.result is None


# ── picker and runs ──────────────────────────────────────────────────────────────────────────────

SAMPLES = [SampleInfo("deploy", "Deploy a version", ("smoke tests fail",)), SampleInfo("research", "Write")]
RUNS = [
    RunInfo("4f1c", "Deploy [b]v2[/b]", RunStatus.RUNNING, "2 min ago"),
    RunInfo("99ab", "Migrate", RunStatus.ROLLBACK_INCOMPLETE),
]


async def test_a_goal_is_typed_at_once() -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.type("make it so")
        await show.press("enter")
        assert show.result == "make it so"


@pytest.mark.parametrize(
    ("downs", "chosen"),
    [(1, "4f1c"), (2, "deploy"), (3, "deploy:smoke tests fail"), (4, "research"), (5, "99ab")],
)
async def test_tasks_faults_and_runs_are_picked_with_the_arrows(downs: int, chosen: str) -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.press(*["down"] * downs, "enter")
        assert show.result == chosen


async def test_the_arrow_up_goes_back_to_the_line() -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.press("down", "up")
        await show.type("x")
        await show.press("enter")
        assert show.result == "x"


async def test_an_empty_goal_starts_nothing() -> None:
    async with shown(Picker([], [])) as show:
        await show.press("enter", "down", "enter")
        assert show.is_open
        await show.press("escape")
        assert show.result is None


async def test_runs_say_how_they_ended() -> None:
    async with shown(RunList(RUNS)) as show:
        assert "Deploy [b]v2[/b]" in show.text()
        assert "rollback incomplete" in show.text()
        await show.press("j", "enter")
        assert show.result == "99ab"


async def test_no_runs_are_said_as_such() -> None:
    async with shown(RunList([])) as show:
        assert "There is no other run" in show.text()


async def test_another_run_is_shown_in_place_of_this_one(tmp_path: Path) -> None:
    opened: list[str] = []
    ours, other = (fakes.FakeSession(tmp_path, *fakes.running(), run=run) for run in ("4f1c", "99ab"))

    async def open_run(run: str) -> fakes.FakeSession:
        opened.append(run)
        return other

    options = Options(by="ada", offers=lambda: ([], RUNS), open=open_run)
    async with ConsoleApp(ours, options).run_test() as pilot:
        app = pilot.app
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.bridge.ready)
        assert isinstance(app.screen, RunScreen)
        app.screen.refresh_run()
        app.screen.action_do("other_run")
        await until(pilot, lambda: isinstance(app.screen, RunList))
        assert isinstance(app.screen, RunList)
        assert [info.run for info in app.screen.runs] == ["99ab"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.session is other)
    assert opened == ["99ab"]


async def test_what_is_typed_narrows_what_is_offered() -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.type("smoke")
        assert "research" not in show.text()
        await show.press("down", "down", "enter")
        assert show.result == "deploy:smoke tests fail"


async def test_a_goal_that_nothing_is_called_like_is_planned() -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.type("turn off")
        assert "Nothing of that name is here; Enter has it planned" in show.text()
        await show.press("down", "enter")
        assert show.result == "turn off"


async def test_escape_takes_what_is_typed_before_it_leaves() -> None:
    async with shown(Picker(SAMPLES, RUNS)) as show:
        await show.type("smoke")
        await show.press("down", "escape")
        assert show.is_open
        assert "research" in show.text()
        await show.press("escape")
        assert show.result is None


async def test_a_text_that_is_not_taken_says_why_and_stays() -> None:
    def check(text: str) -> str:
        return "no blanks" if " " in text else ""

    async with shown(AskText("Its name:", check=check)) as show:
        await show.type("my deploy")
        assert "no blanks" in show.text()
        await show.press("enter")
        assert show.is_open
        await show.press(*["left"] * 6, "backspace", "enter")
        assert show.result == "mydeploy"


async def test_a_goal_that_cannot_be_opened_is_not_lost() -> None:
    async def open_nothing(_what: str) -> fakes.FakeSession:
        raise UsageError("there is no such task")

    options = Options(by="ada", offers=lambda: (SAMPLES, RUNS), open=open_nothing)
    async with ConsoleApp(None, options).run_test() as pilot:
        app = pilot.app
        await until(pilot, lambda: isinstance(app.screen, Picker))
        first = app.screen
        await pilot.press(*"deplyo", "enter")
        await until(pilot, lambda: isinstance(app.screen, Picker) and app.screen is not first)
        assert app.screen.query_one(Input).value == "deplyo"

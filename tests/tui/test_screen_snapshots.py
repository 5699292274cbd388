"""How the screens look: few pictures, each named by the promise it keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from console.run.life import RunStatus
from console.tui.actions import describe
from console.tui.screens.approval import ApprovalScreen
from console.tui.screens.help import HelpScreen
from console.tui.screens.picker import Picker, SampleInfo
from console.tui.screens.rollback import RollbackScreen
from console.tui.screens.runs import RunInfo
from console.tui.screens.step_editor import StepEditor
from console.tui.view import View
from tests.tui.builders import CATALOG, DEPLOY, drafted, failed, request_of, running, succeeded
from tests.tui.showing import Below, Clock
from tests.tui.test_screen_rollback import PREVIEW

Compare = Callable[..., bool]

SAMPLES = [
    SampleInfo("deploy", "Deploy a new version, staging first", ("smoke tests fail", "deploy hangs")),
    SampleInfo("migrate-database", "Migrate a database to a new schema"),
]
RUNS = [
    RunInfo("4f1c", "Deploy v2.3.1 to production safely", RunStatus.RUNNING, "2 min ago", "3/8"),
    RunInfo("12ce", "Rotate every certificate", RunStatus.ROLLBACK_INCOMPLETE, "3 days ago", "8/8"),
]


@pytest.fixture
def looks(snap_compare: Compare) -> Compare:
    """Compares a screen over an application with its picture."""

    def compare(screen: Callable[[], Screen[Any]], size: tuple[int, int], *keys: str) -> bool:
        async def show(pilot: Pilot[None]) -> None:
            await pilot.app.push_screen(screen())
            await pilot.pause()
            await pilot.press(*keys)

        return snap_compare(Below(), terminal_size=size, run_before=show)

    return compare


def approval() -> ApprovalScreen:
    state = drafted(DEPLOY)
    return ApprovalScreen(request_of(state), state, clock=Clock())


def test_approval_shows_commands_first_on_a_small_terminal(looks: Compare) -> None:
    assert looks(approval, (80, 24))


def test_approval_shows_commands_first_on_a_large_terminal(looks: Compare) -> None:
    assert looks(approval, (140, 40), "G", "enter")


def test_step_editor_fits_a_small_terminal(looks: Compare) -> None:
    assert looks(
        lambda: StepEditor(DEPLOY, DEPLOY.step("3"), CATALOG, "after 2"), (80, 24), "end", "x", "tab"
    )


def test_rollback_says_losses_first_and_starts_on_cancel(looks: Compare) -> None:
    state = running(DEPLOY, *succeeded("1"), *succeeded("2"), *failed("3"))
    assert looks(lambda: RollbackScreen(PREVIEW, "f" * 64, state, clock=Clock()), (80, 24))


def test_picker_offers_a_line_tasks_and_runs(looks: Compare) -> None:
    assert looks(lambda: Picker(SAMPLES, RUNS), (80, 24), "down")


def test_help_lists_dead_keys_with_their_reason(looks: Compare) -> None:
    actions = [action for action in describe(View()) if action.id in ("approve", "retry", "help", "palette")]
    assert looks(lambda: HelpScreen(actions), (80, 24))

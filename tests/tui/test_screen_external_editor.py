"""The plan goes out to an editor and comes back, and no text is ever lost."""

from __future__ import annotations

import os
import pty
import select
import stat
import subprocess
import sys
import termios
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.worker import Worker

from console.errors import ControlRefused, Fault, InvalidPlan, PlandeckError
from console.plan.codec import dump_yaml, load
from console.plan.model import Plan
from console.tui.external_editor import edit_plan, editor_command, with_faults, without_faults
from console.tui.screens.confirm import ConfirmScreen
from tests.tui.builders import DEPLOY
from tests.tui.showing import Below

pytestmark = pytest.mark.anyio

Edit = Callable[[str], str]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


class Editor:
    """An editor that does one thing each time it is opened, and remembers what it was shown."""

    def __init__(self, *edits: Edit, failure: str = "") -> None:
        self.edits = list(edits)
        self.failure = failure
        self.seen: list[str] = []
        self.file = Path()
        self.modes: set[int] = set()

    async def __call__(self, file: Path) -> str:
        self.file = file
        self.modes = {stat.S_IMODE(path.stat().st_mode) for path in (file, file.parent)}
        self.seen.append(file.read_text())
        file.write_text(self.edits.pop(0)(self.seen[-1]))
        return self.failure


def start(
    app: App[None], editor: Editor, *refusals: PlandeckError, keep: Path | None = None
) -> Worker[Plan | None]:
    """What the run took; it refuses as often as there are `refusals`."""
    refused = list(refusals)

    async def work() -> Plan | None:
        taken: list[Plan] = []

        async def take(plan: Plan) -> None:
            if refused:
                raise refused.pop(0)
            taken.append(plan)

        await edit_plan(app, DEPLOY, take, run_editor=editor, keep=keep)
        return next(iter(taken), None)

    return app.run_worker(work(), exit_on_error=False)


def change(old: str, new: str) -> Edit:
    return lambda text: text.replace(old, new)


async def test_a_changed_plan_comes_back_and_leaves_nothing_behind() -> None:
    app, editor = Below(), Editor(change("v2.3.1", "v2.4.0"))
    async with app.run_test():
        plan = await start(app, editor).wait()
    assert plan is not None
    assert plan.step("3").params["tag"] == "v2.4.0"
    assert not editor.file.parent.exists()


async def test_only_the_operator_can_read_the_file() -> None:
    app, editor = Below(), Editor(change("", ""))
    async with app.run_test():
        await start(app, editor).wait()
    assert editor.modes == {0o600, 0o700}


async def test_an_unchanged_plan_is_nothing() -> None:
    app, editor = Below(), Editor(lambda text: text)
    async with app.run_test():
        assert await start(app, editor).wait() is None
    assert not editor.file.parent.exists()


async def test_a_faulty_text_is_offered_again_with_its_faults_marked() -> None:
    app, editor = Below(), Editor(change("- 3\n", "- 77\n"), change("77", "3"))
    async with app.run_test() as pilot:
        worker = start(app, editor)
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("y")
        assert await worker.wait() is None, "the mended text is the plan as it was"
    assert "77" in editor.seen[1]
    assert "#✗ step 4:" in editor.seen[1]


async def test_a_plan_that_does_not_fit_the_tools_is_offered_again_at_its_step() -> None:
    app, editor = Below(), Editor(change("v2.3.1", "v2.4.0"), change("v2.4.0", "v2.5.0"))
    unfit = InvalidPlan(
        [Fault(0, "4", "there is no tool deploy_stagin"), Fault(0, "", "rollback item 1: no")]
    )
    async with app.run_test() as pilot:
        worker = start(app, editor, unfit)
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press("y")
        plan = await worker.wait()
    assert plan is not None
    assert plan.step("3").params["tag"] == "v2.5.0"
    lines = editor.seen[1].splitlines()
    at = lines.index("#✗ step 4: there is no tool deploy_stagin")
    assert lines[at + 1] == "- id: 4"
    assert lines[0] == "#✗ rollback item 1: no"
    assert not editor.file.parent.exists()


async def test_who_is_refused_by_the_run_keeps_the_text() -> None:
    app, editor = Below(), Editor(change("v2.3.1", "v2.4.0"))
    async with app.run_test(notifications=True):
        worker = start(app, editor, ControlRefused("step 3 has started", kept="the edit was not applied"))
        assert await worker.wait() is None
        (note,) = app._notifications
    assert "step 3 has started" in note.message
    assert str(editor.file) in note.message
    assert "v2.4.0" in editor.file.read_text()


async def test_who_gives_up_keeps_the_text() -> None:
    app, editor = Below(), Editor(lambda text: text + "steps: again\n")
    async with app.run_test(notifications=True) as pilot:
        worker = start(app, editor)
        await pilot.pause()
        await pilot.press("escape")
        assert await worker.wait() is None
        (note,) = app._notifications
    assert str(editor.file) in note.message
    assert "steps: again" in editor.file.read_text()


async def test_an_editor_that_fails_after_a_change_loses_nothing() -> None:
    app = Below()
    editor = Editor(change("v2.3.1", "v9"), failure="the editor vi ended with exit code 1")
    async with app.run_test(notifications=True):
        assert await start(app, editor).wait() is None
        (note,) = app._notifications
    assert "exit code 1" in note.message
    assert str(editor.file) in note.message
    assert "v9" in editor.file.read_text()


@pytest.mark.parametrize("answer", ["y", "n"])
async def test_a_text_that_was_not_taken_is_offered_the_next_time(tmp_path: Path, answer: str) -> None:
    app, keep = Below(), tmp_path / "edit"
    lost = Editor(change("v2.3.1", "v9"), failure="the editor vi was ended by signal 1")
    again = Editor(lambda text: text)
    async with app.run_test() as pilot:
        assert await start(app, lost, keep=keep).wait() is None
        worker = start(app, again, keep=keep)
        await pilot.pause()
        assert isinstance(app.screen, ConfirmScreen)
        await pilot.press(answer)
        plan = await worker.wait()
    assert ("v9" in again.seen[0]) == (answer == "y")
    assert (plan is not None) == (answer == "y")
    assert not keep.exists()


async def test_a_text_that_nobody_has_changed_is_not_offered(tmp_path: Path) -> None:
    app, keep = Below(), tmp_path / "edit"
    keep.mkdir(mode=0o700)
    for name in ("plan.yaml", "given.yaml"):
        (keep / name).write_text("goal: of another time\n")
    editor = Editor(change("v2.3.1", "v2.4.0"))
    async with app.run_test():
        assert await start(app, editor, keep=keep).wait() is not None
    assert "of another time" not in editor.seen[0]


def test_faults_stand_above_their_lines_and_go_away_again() -> None:
    text = dump_yaml(DEPLOY)
    faults = [Fault(3, "1", "not known", "nearest is run_tests"), Fault(0, "", "no goal\nat all")]
    marked = with_faults(text, faults)
    lines = marked.splitlines()
    assert lines[0] == "#✗ no goal at all"
    assert lines[3].strip() == "#✗ step 1: not known (nearest is run_tests)"
    assert lines[4] == text.splitlines()[2]
    assert without_faults(marked) == text
    assert load(marked) == DEPLOY, "a person who leaves them in is not punished"


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({"VISUAL": "code --wait", "EDITOR": "ed"}, ["code", "--wait"]),
        ({"EDITOR": "ed"}, ["ed"]),
        ({}, ["vi"]),
        ({"VISUAL": " "}, ["vi"]),
    ],
)
def test_the_operators_editor_is_used(environment: dict[str, str], command: list[str]) -> None:
    assert editor_command(environment) == command


def test_the_configured_editor_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "plandeck" / "config.yaml"
    config.parent.mkdir(mode=0o700)
    config.write_text("editor: nano -w\n")
    config.chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert editor_command({"EDITOR": "ed"}) == ["nano", "-w"]


PROGRAM = """
import sys
from textual.app import App, ComposeResult
from textual.widgets import Static
from console.plan.codec import load
from console.plan.model import Plan
from console.tui.external_editor import edit_plan

class Editing(App[str]):
    def compose(self) -> ComposeResult:
        yield Static("clock", id="clock")
    def on_mount(self) -> None:
        self.set_interval(0.01, lambda: self.query_one("#clock", Static).update("tick"))
        self.run_worker(self.edit(), exit_on_error=False)
    async def edit(self) -> None:
        goals = []
        async def take(plan: Plan) -> None:
            goals.append(plan.goal)
        await edit_plan(self, load('{"goal": "old", "steps": [{"id": 1, "tool": "none"}]}'), take)
        self.exit(*goals)

print("GAVE", Editing().run())
"""


def test_a_real_editor_gets_the_terminal_and_gives_it_back(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ntest -t 0 && test -t 1 && sed -i s/old/new/ "$1"\n')
    editor.chmod(0o700)
    outer, inner = pty.openpty()
    termios.tcsetwinsize(inner, (24, 80))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "VISUAL": str(editor), "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(inner)
    try:
        said = read_all(outer)
    finally:
        process.kill()
        process.wait()
    assert b"GAVE new" in said


def read_all(terminal: int) -> bytes:
    """Everything a program writes to its terminal until it is gone."""
    said = b""
    while select.select([terminal], [], [], 30)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    return said

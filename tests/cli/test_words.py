"""Without the screen everything can be done that its keys can do, by words."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.commands.words.table import TABLE
from console.tui.actions import ACTIONS
from tests.cli.plandeck import GREET, MAKE, Shell
from tests.cli.test_prompts import answered, typed

MOVES = ["down", "up", "top", "bottom", "half_down", "half_up", "right", "left"]
LOOKS = [
    "next_pane",
    "previous_pane",
    "zoom",
    "unzoom",
    "levels",
    "back",
    "next_match",
    "previous_match",
    "follow",
]
NEEDS_NO_WORD = {
    **dict.fromkeys(MOVES, "there is no cursor: a step is named"),
    **dict.fromkeys(LOOKS, "there are no panes"),
    "copy": "the terminal itself copies",
    "reject": "the question is put, and answered",
    "summary": "told at the end",
    "take_up": "plandeck resume",
    "start_like": "plandeck run --like",
    "other_run": "plandeck attach",
}

TWICE = {
    "goal": "Greet twice",
    "steps": [*GREET["steps"], {"id": 2, "action": "hello", "params": {"who": "all"}, "depends_on": [1]}],
}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_every_action_of_the_screen_has_a_word() -> None:
    worded = {action for word in TABLE.values() for action in word.does.split()}
    actions = {action.id for action in ACTIONS if action.group != "Replay"}
    assert worded <= actions
    assert actions - worded == set(NEEDS_NO_WORD)


def test_a_plan_is_changed_by_words_and_each_change_can_be_undone(shell: Shell) -> None:
    ask = "approve the plan? [y/n]"
    asks = [
        (ask, "add hello after 1 who='the team'\n"),
        ("add step 3 after 1", ""),
        (ask, "set 3 who {step_1_result}\n"),
        ("who: the team becomes {step_1_result}", ""),
        (ask, "after 3 1 2\n"),
        ("after: (none) becomes 1, 2", ""),
        (ask, "move 2 before 1\n"),
        ("Re-wire the dependencies? [y/N]", "n\n"),
        ("the plan is as it was", "undo\n"),
        ("undo the last edit", ""),
        (ask, "delete 2\n"),
        ("delete step 2", ""),
        ("deleted 2", ""),
        (ask, "y\n"),
    ]
    code, seen = answered(shell, TWICE, asks)
    assert code == 0, seen
    assert "hello hello you" in seen
    assert f"{ask} {ask}" not in seen
    assert "▶ step 2" not in seen
    assert seen.count("\a") == 1, "what an edit of one's own puts again does not ring"


def test_an_edit_shows_what_it_made_of_the_plan_and_a_word_lists_all_of_it(shell: Shell) -> None:
    ask = "approve the plan? [y/n]"
    asks = [(ask, "set 2 who none\n"), ("rev 2", ""), (ask, "again\n"), ("Everything", ""), (ask, "n\n")]
    code, seen = answered(shell, TWICE, asks)
    assert code == 3
    edited, again = seen.partition("rev 2")[2].split("set 2 who none")[-1].split("again\r\n")
    assert "who: all becomes none" in edited
    assert "$ echo hello none" in edited
    assert "checked: " in edited
    assert "$ echo hello you" not in edited
    assert "$ echo hello you" in again


def test_what_is_wrong_with_a_word_is_told_and_nothing_is_changed(shell: Shell) -> None:
    asks = [
        ("approve the plan? [y/n]", "set 1 whom you\n"),
        ("it has no field 'whom'", "add hullo\n"),
        ("no tool hullo", "set 1 who {step_9_result}\n"),
        ("there is no step 9", "move 1 somewhere\n"),
        ("it needs a place", "fix 7\n"),
        ("there is no finding '7'", "undo\n"),
        ("there is no edit to undo", "diff\n"),
        ("no revision waits", "y\n"),
    ]
    code, seen = answered(shell, GREET, asks)
    assert code == 0
    assert "rev 2" not in seen


def test_holding_a_step_tells_what_waits_for_it_without_the_screen(shell: Shell) -> None:
    asks = [("approve the plan? [y/n]", "hold 1\n"), ("held 1: blocks 2", "release 1\n"), ("released", "y\n")]
    code, seen = answered(shell, MAKE, [*asks, ("roll back, stop?", "failures\n"), ("exit code 3", "stop\n")])
    assert code in (1, 4)
    assert "rollback covers 1/1" in seen


def test_a_name_that_must_be_typed_may_be_a_word(shell: Shell) -> None:
    plan = {"goal": "Wipe", "steps": [{"id": 1, "action": "wipe", "params": {"target": "stop"}}]}
    code, _ = answered(shell, plan, [("type stop (target of step 1)", "stop\n")])
    assert code == 0
    assert (shell.folder / "stop").exists()


def test_a_revision_is_told_part_by_part_and_put_without_one(shell: Shell) -> None:
    command = ("run", "deploy", "--inject", "broken-build", "--plain")
    approve = "approve the revision? [y/n]"
    asks = [
        ("type production", "production\n"),
        ("replan, roll back, stop? ", "replan\n"),
        ("part 1, removed: 8 notify_team", ""),
        (approve, "leave 1\n"),
        ("? Approve the revision", ""),
        (approve, "n keep telling them\n"),
        ("keep telling them", ""),
        ("stop? ", "rollback\n"),
        ("roll back? [y/N]", "y\n"),
    ]
    code, seen = typed(shell, command, asks)
    assert code == 6
    first, second = (part.partition(approve)[0] for part in seen.split("? Approve the revision")[1:3])
    assert "part 2, added: 9 rollback_production (asks: it is new)" in first
    assert "$ sh deploy/switch.sh production v2.3.0" in first
    assert "removed: 8" not in second
    assert "undone: 2 build_image, 4 deploy_staging, 6 deploy_production" in seen


def test_where_nothing_goes_on_it_is_said_what_can_be_done(shell: Shell) -> None:
    asks = [
        ("[y/n]", "hold 1\n"),
        ("held 1", "y\n"),
        ("nothing goes on; 1 held: type release STEP", "pause\n"),
    ]
    asks += [("the run is paused: type continue", "release 1\n"), ("released", "continue\n")]
    code, seen = answered(shell, MAKE, [*asks, ("roll back, stop? ", "stop\n")])
    assert code == 4, seen
    asks = [("nothing goes on; 2 not done: type retry, skip or done STEP; the run is paused", "skip 2\n")]
    code, seen = typed(shell, ("resume", "last", "--plain"), [*asks, ("skipped", "continue\n")])
    assert code == 0, seen

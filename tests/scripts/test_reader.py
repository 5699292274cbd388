"""A session script is read strictly: every fault is told with its line, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.errors import UsageError
from console.service.act import Act
from console.tui.actions import ACTIONS
from console.tui.scripts.model import Condition, Expect, Press, Say, Snapshot, TypeIn, WaitFor
from console.tui.scripts.reader import InvalidScript, load_script
from tests.scripts.played import SCRIPTS, load

WHOLE = """\
title: A try
task: deploy
set: {tag: v9}
inject: broken-build
clock: 2026-05-14 09:30:00
begin: picker
size: 80x24
world:
  "6/1": {seconds: 12, exit: 1, err: no}
lines:
  - say: Nothing has
      run yet.
  - wait_for: awaiting_approval
  - press: a G ctrl+p
  - press: [enter, " "]
  - type: production
  - expect: {steps: {"6": failed}, text: 'no'}
  - snapshot: end
"""


def write(folder: Path, text: str) -> str:
    file = folder / "try.yaml"
    file.write_text(text)
    return str(file)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(InvalidScript) as caught:
        load_script(write(folder, text))
    return [str(fault) for fault in caught.value.faults]


def test_a_script_is_read_whole(tmp_path: Path) -> None:
    script = load_script(write(tmp_path, WHOLE))
    assert (script.title, script.task, script.inject, script.begin) == (
        "A try",
        "deploy",
        "broken-build",
        "picker",
    )
    assert script.size == (80, 24)
    assert script.start == 1_778_751_000.0
    assert script.world == {"6/1": Act(12.0, 1, err="no")}
    assert script.lines == (
        Say(11, "Nothing has run yet."),
        WaitFor(13, Condition(status="awaiting_approval")),
        Press(14, ("a", "G", "ctrl+p")),
        Press(15, ("enter", " ")),
        TypeIn(16, "production"),
        Expect(17, Condition(steps={"6": "failed"}, text="no")),
        Snapshot(18, "end"),
    )


def test_all_faults_are_told_with_their_lines(tmp_path: Path) -> None:
    told = faults(
        tmp_path,
        "task: deplyo\nclock: yesterday\nworld: {'6/1': {second: 3}}\nlines:\n"
        "  - prss: a\n  - press: a entr\n  - wait_for: runing\n  - expect: {steps: {'6': gone}}\n"
        "  - snapshot: Not A Name\n  - {say: a, press: b}\n",
    )
    assert [fault.split(":")[0] for fault in told] == ["1", "2", "3", "5", "6", "7", "8", "9", "10"]
    text = "\n".join(told)
    assert "did you mean 'deploy'?" in text
    assert "did you mean 'seconds'?" in text
    assert "'entr' is no key (did you mean 'enter'?)" in text
    assert "did you mean 'running'?" in text


def test_every_key_that_does_something_can_be_pressed(tmp_path: Path) -> None:
    keys = [key for action in ACTIONS for key in action.keys.split(",") if key]
    text = f"task: deploy\nlines:\n  - press: {' '.join([*keys, 'exclamation_mark', 'alt+asterisk'])}\n"
    (line,) = load_script(write(tmp_path, text)).lines
    assert isinstance(line, Press)
    assert line.keys[: len(keys)] == tuple(keys)


def test_a_wait_is_for_something_and_never_for_seconds(tmp_path: Path) -> None:
    (told,) = faults(tmp_path, "task: deploy\nlines:\n  - wait_for: {seconds: 3}\n")
    assert told.startswith("3: unknown key 'seconds'")


def test_two_snapshots_cannot_have_one_name(tmp_path: Path) -> None:
    told = faults(tmp_path, "task: deploy\nlines:\n  - snapshot: a\n  - snapshot: a\n")
    assert told == ["3: there are two snapshots a", "4: there are two snapshots a"]


@pytest.mark.parametrize(
    "text", ["", "[]", "- a\n", "task: deploy\n", "lines: [{say: a}]\n", "a: &b 1\nc: *b\n"]
)
def test_what_is_no_script_is_refused(tmp_path: Path, text: str) -> None:
    assert faults(tmp_path, text)


def test_a_script_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match="cannot read this script"):
        load_script("no-such-script")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_can_be_read(name: str) -> None:
    assert load(name).lines

"""An exported run on a clock of its own: what is there at which moment, and every way to another one."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from console.errors import InvalidDocument
from console.redact import Redactor
from console.run import events as ev
from console.run.control import spool
from console.run.journal import Journal
from console.run.life import StepStatus
from console.run.state import RunState
from console.service.exported import HEAD, TAIL, Exported, lines_of, read_exported
from console.service.playback import IDLE, Playback
from tests.tui import fakes

SECRET = "correct-horse-battery"


class Hand:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A failed run on the disk, a second between two records, a long wait before the failure."""
    directory = tmp_path / "4f1c"
    journal = Journal.open(directory)
    events = fakes.failed()
    journal.append(
        [(1000.0 + n + (3600 if n > len(events) - 3 else 0), event) for n, event in enumerate(events)]
    )
    journal.close()
    folder = spool(directory, "4f1c/6/1")
    folder.mkdir(parents=True)
    (folder / "out").write_text("".join(f"line {n}\n" for n in range(10)))
    (folder / "err").write_text(f"token {SECRET}\n")
    return directory


def exported(run: Path, **more: bool) -> Exported:
    file = run.parent / "run.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines_of(run, Redactor({"TOKEN": SECRET}), **more)))
    return read_exported(file)


def test_an_export_holds_every_record_and_what_was_printed_without_secrets(run: Path) -> None:
    back = exported(run)
    assert [record.event for record in back.records] == list(fakes.failed())
    assert back.output["6", 1].out.splitlines()[-1] == "line 9"
    assert back.output["6", 1].err == "token <secret:TOKEN>\n"
    assert exported(run, output=False).output == {}


def test_of_a_long_output_the_ends_are_kept_and_the_rest_is_counted(run: Path) -> None:
    lines = [f"{n:06} {'x' * 90}\n" for n in range(5000)]
    (spool(run, "4f1c/6/1") / "out").write_text("".join(lines))
    output = exported(run).output["6", 1]
    kept = output.out.splitlines(keepends=True)
    assert kept[0] == lines[0]
    assert kept[-1] == lines[-1]
    assert len(output.out) < HEAD + TAIL + 100
    assert all(len(line) == len(lines[0]) for line in kept if "not in this export" not in line)
    assert output.left_out == sum(map(len, lines)) - sum(len(line) for line in kept if line in lines)


@pytest.mark.parametrize("key", ["4f1c/../1", "x", "4f1c/6/2", "a/b/c/d"])
def test_a_key_that_names_other_files_is_refused(run: Path, key: str) -> None:
    exported(run)
    file = run.parent / "run.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        if line.get("key") == "4f1c/6/1":
            line["key"] = key
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(InvalidDocument):
        read_exported(file)


def spoilt(run: Path, spoil: Callable[[list[dict[str, Any]]], object]) -> str:
    """What is said of an export after its records were changed."""
    exported(run)
    file = run.parent / "run.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    spoil(lines)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(InvalidDocument) as caught:
        read_exported(file)
    (fault,) = caught.value.faults
    return str(fault)


def test_records_that_are_not_there_are_missed(run: Path) -> None:
    assert "1: this is record 2: the first records are missing" in spoilt(run, lambda lines: lines.pop(0))
    assert "3: this is record 4: record 3 is missing" in spoilt(run, lambda lines: lines.pop(2))


def test_records_that_cannot_follow_each_other_are_told_with_their_line(run: Path) -> None:
    def swap(lines: list[dict[str, Any]]) -> None:
        ended = next(n for n, line in enumerate(lines) if line["event"] == "step_succeeded")
        lines[ended], lines[ended - 1] = lines[ended - 1], lines[ended]
        lines[ended - 1]["seq"], lines[ended]["seq"] = ended, ended + 1

    assert "cannot follow the ones before it: step" in spoilt(run, swap)


def test_the_export_of_another_version_says_what_is_not_known(run: Path) -> None:
    told = spoilt(run, lambda lines: lines[3].update(event="came_later"))
    assert "4: this version knows no event 'came_later' (play it with the version that wrote it)" in told
    told = spoilt(run, lambda lines: lines[0].update(colour="red"))
    assert "1: run_created is not as this version knows it: colour: extra inputs" in told


def test_an_export_that_was_cut_off_is_read_up_to_there(run: Path) -> None:
    whole = exported(run)
    file = run.parent / "run.jsonl"
    data = file.read_bytes()
    file.write_bytes(data[: data.rindex(b'{"seq":') + 30])
    cut = read_exported(file)
    assert cut.records == whole.records[:-1]
    assert cut.cut == len(data.splitlines()) - (1 if data.splitlines()[-1].startswith(b'{"event"') else 0)
    assert Playback(cut, run).position.is_cut
    assert not Playback(whole, run).position.is_cut
    file.write_bytes(data.rstrip())
    assert read_exported(file) == whole


async def taken(playback: Playback, count: int) -> RunState:
    """The fold over the first `count` records that come."""
    state = RunState()
    async for record in playback.records():
        state.apply(record)
        if state.seq == count:
            break
    return state


@pytest.mark.anyio
async def test_records_come_when_the_clock_gets_to_them(run: Path, tmp_path: Path) -> None:
    hand = Hand()
    playback = Playback(exported(run), tmp_path / "replay", clock=hand)
    assert playback.position.number == 1
    playback.play()
    hand.now += 3.0
    with anyio.fail_after(5):
        state = await taken(playback, 4)
    assert state.seq == playback.position.number == 4
    assert playback.now() == 1003.0


def test_a_wait_in_which_nothing_happened_is_short(run: Path, tmp_path: Path) -> None:
    hand = Hand()
    back = exported(run)
    playback = Playback(back, tmp_path / "replay", clock=hand)
    long = next(n for n, (a, b) in enumerate(pairwise(back.records)) if b.at - a.at > 100)
    playback.go_to(long + 1)
    playback.play(True)
    hand.now += IDLE / 2
    assert 1000 < playback.position.moment - long < 3000
    hand.now += IDLE / 2
    assert playback.position.number == long + 2


def test_every_way_to_a_place(run: Path, tmp_path: Path) -> None:
    playback = Playback(exported(run), tmp_path / "replay", clock=Hand())
    of = playback.position.of
    assert playback.go_to_place("#7")
    assert playback.position.number == 7
    playback.step(1)
    playback.step(-2)
    assert playback.position.number == 6
    assert playback.go_to_place("00:03")
    assert playback.position.number == 4
    assert playback.go_to_place("end")
    assert playback.position.number == of
    assert playback.go_to_place("0%")
    assert playback.position.number == 1
    assert playback.go_to_failure()
    assert playback.position.number in playback.position.failures
    assert not playback.go_to_failure()
    assert playback.go_to_place("#999999")
    assert playback.position.number == of
    assert not playback.go_to_place("soon")


@pytest.mark.anyio
async def test_back_again_is_the_same_as_never_further(run: Path, tmp_path: Path) -> None:
    playback = Playback(exported(run), tmp_path / "replay", clock=Hand())
    rewound: list[bool] = []
    playback.on_rewind = lambda: rewound.append(True)
    playback.go_to_failure()
    with anyio.fail_after(5):
        state = await taken(playback, playback.position.number)
    assert state.step("6").status is StepStatus.FAILED
    assert (spool(playback.directory, "4f1c/6/1") / "out").read_text().count("\n") == 10
    playback.step(-1)
    assert rewound == [True]
    with anyio.fail_after(5):
        state = await taken(playback, playback.position.number)
    assert state.step("6").status is StepStatus.RUNNING
    assert (spool(playback.directory, "4f1c/6/1") / "out").read_text().count("\n") < 10


def test_the_speed_changes_in_steps_and_keeps_the_place(run: Path, tmp_path: Path) -> None:
    hand = Hand()
    playback = Playback(exported(run), tmp_path / "replay", clock=hand)
    playback.play()
    hand.now += 2
    playback.faster(1)
    assert (playback.position.speed, playback.now()) == (2.0, 1002.0)
    hand.now += 2
    assert playback.now() == 1006.0
    playback.play()
    hand.now += 100
    assert playback.now() == 1006.0


def test_failures_are_those_that_an_operator_looks_for(run: Path, tmp_path: Path) -> None:
    back = exported(run)
    failures = Playback(back, tmp_path / "replay").position.failures
    assert [type(back.records[seq - 1].event) for seq in failures] == [ev.StepFailed]

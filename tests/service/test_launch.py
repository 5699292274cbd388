"""Starting a run's process: it comes up, or says in one line why not."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
from pathlib import Path

import anyio
import pytest
from pydantic import ValidationError

from console.errors import JournalError, UsageError
from console.plan.model import Plan, Step
from console.service.client import attach, is_executed
from console.service.launch import LOG, NotLaunched, launch
from console.service.order import Order, load_order, save_order
from console.settings import new_run_dir
from console.task import Task

NOTE = Plan(goal="Note", steps=(Step(id="1", action="none", params={"text": "noted"}),))


def order(workspace: Path, **more: object) -> Order:
    fields = {
        "directory": new_run_dir(),
        "task": Task(goal="Note", plan=NOTE),
        "workspace": str(workspace),
        "by": "me",
    }
    return Order.model_validate(fields | more)


def engine_of(one: Order) -> int:
    return int((one.directory / "lock").read_text())


def wait_for(pid: int) -> None:
    """Wait for the end of a process that is not our child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    select.select([fd], [], [], 20)
    os.close(fd)


def test_a_launched_run_listens_has_a_session_of_its_own_and_no_terminal(tmp_path: Path) -> None:
    one = order(tmp_path)
    launch(one)
    pid = engine_of(one)
    try:
        assert is_executed(one.directory)
        parent, _, session, terminal = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:5]
        assert int(parent) != os.getpid()
        assert int(session) != os.getsid(0)
        assert terminal == "0"
        assert stat.S_IMODE((one.directory / LOG).stat().st_mode) == 0o600
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(pid)
    assert not (one.directory / "sock").exists()


def test_a_process_that_is_told_to_end_says_so_in_the_record(tmp_path: Path) -> None:
    one = order(tmp_path)
    launch(one)

    async def follow() -> list[str]:
        async with attach(one.directory) as session:
            os.kill(engine_of(one), signal.SIGTERM)
            with anyio.fail_after(20):
                return [record.event.kind async for record in session.records()]

    kinds = anyio.run(follow)
    assert kinds[-1] == "engine_stopped"
    assert "run_finished" not in kinds


def test_an_approved_run_goes_to_its_end_alone(tmp_path: Path) -> None:
    one = order(tmp_path, approve="yes", unattended=True)
    launch(one)
    pid = engine_of(one)
    wait_for(pid)
    from console.run.journal import read

    assert [record.event.kind for record in read(one.directory)][-1] == "run_finished"
    assert not (one.directory / "sock").exists()


def test_why_a_run_cannot_start_comes_back_in_one_line_with_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(NotLaunched, match="the workspace is not there") as caught:
        launch(order(tmp_path / "nowhere"))
    assert caught.value.exit_code == UsageError.exit_code
    assert "\n" not in str(caught.value)


def test_a_process_that_dies_at_once_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no such interpreter' >&2\nexit 7\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(NotLaunched, match=r"ended at once \(exit code 7\): no such interpreter"):
        launch(order(tmp_path))


def test_an_order_is_kept_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    one = order(tmp_path, approve="disruptive", env=("A", "B"), limits={"parallel": 2})
    save_order(one)
    assert stat.S_IMODE((one.directory / "order.json").stat().st_mode) == 0o600
    assert load_order(one.directory) == one
    assert load_order(one.directory, approve="yes").approve == "yes"


def test_an_order_that_is_lost_is_told(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="the order of this run cannot be read"):
        load_order(tmp_path)


def test_an_order_for_an_unknown_risk_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        order(tmp_path, approve="anything")

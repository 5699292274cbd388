"""What the Events pane shows is what was written, though it is put away as text."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from console.run import events as ev
from console.run.journal import Journal, read
from console.service.client import Kept
from console.tui.app import ConsoleApp, Options
from console.tui.records import Records
from tests.tui import fakes
from tests.tui.driving import WIDE, Driver


def test_a_record_of_a_journal_comes_back_as_it_was_told(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    failed = ev.StepFailed(step="7", attempt=2, error="no space", changed={"name": "copy"})
    journal.append([(1.5, ev.StepHeld(step="7", by="ops")), (2.5, failed), (3.5, ev.RunStarted())])
    journal.close()
    told, records = list(read(tmp_path / "r")), Records()
    for record in told:
        records.append(record)
    assert len(records) == 3
    for kept, record in zip(records, told, strict=True):
        assert (kept.seq, kept.at, kept.event) == (record.seq, record.at, record.event)
    assert records[1].event == failed
    assert records[-1].event == ev.RunStarted()
    assert [record.seq for record in records[1:]] == [2, 3]


def test_a_record_of_no_journal_is_kept_as_it_is() -> None:
    records = Records()
    records.append(record := ev.Record(seq=1, at=1.0, event=ev.RunStarted()))
    assert records[0] is record


@pytest.mark.anyio
async def test_a_record_that_was_changed_is_told_beside_what_it_says(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "4f1c")
    journal.append([(fakes.T0, event) for event in fakes.running()])
    journal.close()
    with closing(sqlite3.connect(tmp_path / "4f1c" / "journal.db")) as connection, connection:
        connection.execute("UPDATE records SET at = at + 1 WHERE seq = 3")
    session = Kept(tmp_path / "4f1c")
    async with ConsoleApp(session, Options(by="ada")).run_test(size=WIDE) as pilot:
        driver = Driver(pilot, cast(Any, session), False)
        await driver.until(lambda: "THE RECORD IS BROKEN" in driver.text())
        driver.line("do not trust it: record 3")
        await driver.press("6")
        driver.line("plan drafted")

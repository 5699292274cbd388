"""The record of a run: durable, chained, held by one process, readable by all."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.errors import JournalCorrupt, JournalError, JournalFull, JournalUnsafe, RunHeld
from console.run import events as ev
from console.run.journal import GENESIS, Journal, last, read, verify


def warned(text: str = "x") -> tuple[float, ev.Event]:
    return (1.5, ev.Warned(message=text))


def test_what_was_appended_is_read_back(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    written = [*journal.append([warned("a"), warned("b")]), *journal.append([warned("c")])]
    journal.close()
    assert list(read(tmp_path / "r")) == written
    assert [r.seq for r in written] == [1, 2, 3]
    assert list(read(tmp_path / "r", after=2)) == written[2:]


def test_a_reader_sees_what_is_committed_while_the_writer_goes_on(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned("a")])
    assert len(list(read(tmp_path / "r"))) == 1
    journal.append([warned("b")])
    assert len(list(read(tmp_path / "r"))) == 2
    journal.close()


def test_the_chain_goes_on_where_it_ended(tmp_path: Path) -> None:
    for text in "abc":
        journal = Journal.open(tmp_path / "r")
        journal.append([warned(text)])
        journal.close()
    verdict = verify(tmp_path / "r")
    assert verdict.ok
    assert verdict.records == 3
    assert verdict.head != GENESIS


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned()])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "r").iterdir()}
    journal.close()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o700


def test_one_process_holds_a_run(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    with pytest.raises(RunHeld, match=f"pid {os.getpid()}"):
        Journal.open(tmp_path / "r")
    journal.close()
    Journal.open(tmp_path / "r").close()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    hold = (
        "import sys, os, signal, pathlib; from console.run.journal import Journal;"
        "journal = Journal.open(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", hold, str(tmp_path / "r")], check=False).returncode == -9
    Journal.open(tmp_path / "r").close()


@pytest.mark.parametrize("column", ["at", "kind", "body", "hash"])
def test_a_changed_record_is_found(tmp_path: Path, column: str) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned(str(n)) for n in range(5)])
    journal.close()
    other = {"at": 9.0, "kind": "run_started", "body": '{"message":"no"}', "hash": "0" * 64}[column]
    with sqlite3.connect(tmp_path / "r" / "journal.db") as base:
        base.execute(f"UPDATE records SET {column} = ? WHERE seq = 3", (other,))
    base.close()
    verdict = verify(tmp_path / "r")
    assert not verdict.ok
    assert "record 3" in verdict.problem


def test_a_record_taken_out_is_found(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned(str(n)) for n in range(5)])
    journal.close()
    with sqlite3.connect(tmp_path / "r" / "journal.db") as base:
        base.execute("DELETE FROM records WHERE seq = 2")
    base.close()
    assert verify(tmp_path / "r").problem == "record 2 is missing"


def test_a_record_of_no_known_kind_is_named(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned()])
    journal.close()
    with sqlite3.connect(tmp_path / "r" / "journal.db") as base:
        base.execute("UPDATE records SET kind = 'danced'")
    base.close()
    with pytest.raises(JournalCorrupt, match="danced"):
        list(read(tmp_path / "r"))


def test_a_file_that_is_no_record_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "journal.db").write_bytes(
        b"not a database at all, but long enough to be looked at" * 50
    )
    before = (tmp_path / "r" / "journal.db").read_bytes()
    with pytest.raises(JournalError, match="cannot be used"):
        Journal.open(tmp_path / "r")
    assert (tmp_path / "r" / "journal.db").read_bytes() == before


def test_a_record_of_a_newer_form_is_refused(tmp_path: Path) -> None:
    Journal.open(tmp_path / "r").close()
    base = sqlite3.connect(tmp_path / "r" / "journal.db")
    base.execute("PRAGMA user_version=99")
    base.close()
    with pytest.raises(JournalError, match="newer"):
        Journal.open(tmp_path / "r")


def test_there_is_no_such_run(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="no such run"):
        list(read(tmp_path / "nowhere"))


def test_a_full_disk_leaves_the_record_whole_and_usable(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned("kept")])
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(JournalFull, match="no space"):
        journal.append([warned("x" * 100_000)])
    journal._connection.execute("PRAGMA max_page_count=1000000")
    journal.append([warned("after")])
    journal.close()
    assert verify(tmp_path / "r").ok
    assert [r.event.message for r in read(tmp_path / "r") if isinstance(r.event, ev.Warned)] == [
        "kept",
        "after",
    ]


def test_after_a_write_of_unknown_fate_nothing_is_written(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    journal.append([warned("kept")])
    journal._connection.execute("PRAGMA query_only=1")
    with pytest.raises(JournalUnsafe):
        journal.append([warned("lost")])
    journal._connection.execute("PRAGMA query_only=0")
    with pytest.raises(JournalUnsafe):
        journal.append([warned("never")])
    journal.close()
    assert len(list(read(tmp_path / "r"))) == 1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), min_size=1, max_size=8),
    st.data(),
)
def test_any_cut_of_the_log_leaves_a_prefix(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    journal = Journal.open(folder / "r")
    written = [record for text in texts for record in journal.append([warned(text)])]
    log = folder / "r" / "journal.db-wal"
    content = log.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    copy = folder / "copy"
    copy.mkdir()
    (copy / "journal.db").write_bytes((folder / "r" / "journal.db").read_bytes())
    (copy / "journal.db-wal").write_bytes(content[:cut])
    journal.close()
    try:
        left = list(read(copy))
    except JournalError:
        return  # cut before the table was made
    assert left == written[: len(left)]
    if cut == len(content):
        assert left == written


def test_the_last_number_is_known_without_reading_the_rest(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "r")
    assert last(tmp_path / "r") == 0
    journal.append([warned("a"), warned("b")])
    assert last(tmp_path / "r") == 2
    journal.close()
    with pytest.raises(JournalError, match="there is no such run"):
        last(tmp_path / "none")

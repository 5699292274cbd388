"""The index of the spool files: every line, wherever the writes were cut."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.tui import spool_index
from console.tui.spool_index import LINE, SpoolIndex

PIECES = st.lists(
    st.tuples(st.sampled_from(("out", "err")), st.text(alphabet="ab\n", max_size=12).map(str.encode)),
    max_size=20,
)


def grown(index: SpoolIndex) -> list[tuple[str, bytes]]:
    while index.grow() or index.behind:
        pass
    return [index.line(i) for i in range(len(index))]


@given(PIECES)
def test_lines_come_out_whole_wherever_the_writes_were_cut(pieces: list[tuple[str, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        index = SpoolIndex(folder)
        written = {"out": b"", "err": b""}
        for stream, data in pieces:
            with (folder / stream).open("ab") as file:
                file.write(data)
            written[stream] += data
            index.grow()
        lines = grown(index)
        for stream, data in written.items():
            wanted = data.split(b"\n")
            if wanted[-1] == b"":
                wanted.pop()
            assert [line for which, line in lines if which == stream] == wanted
        index.close()


def test_files_that_are_not_there_yet_are_empty(tmp_path: Path) -> None:
    index = SpoolIndex(tmp_path / "not-yet")
    assert not index.grow()
    assert len(index) == 0
    (tmp_path / "not-yet").mkdir()
    (tmp_path / "not-yet" / "out").write_bytes(b"here")
    assert index.grow()
    assert index.line(0) == ("out", b"here")
    index.close()


def test_a_line_without_end_is_not_read_whole(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x" * 5_000_000)
    index = SpoolIndex(tmp_path)
    assert [len(line) for _, line in grown(index)] == [LINE + 1]
    index.close()


def test_searching_goes_both_ways_and_takes_any_case(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"one\nTwo\nthree\ntwo\n")
    index = SpoolIndex(tmp_path)
    index.grow()
    assert index.find(b"two", 0, 1) == 1
    assert index.find(b"two", 2, 1) == 3
    assert index.find(b"two", 2, -1) == 1
    assert index.find(b"four", 0, 1) == -1
    index.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PIECES, st.integers(0, 30), st.sampled_from((1, -1)), st.sampled_from((b"a", b"AB", b"bb")))
def test_what_is_found_is_what_reading_every_line_finds(
    monkeypatch: pytest.MonkeyPatch, pieces: list[tuple[str, bytes]], start: int, way: int, needle: bytes
) -> None:
    monkeypatch.setattr(spool_index, "CHUNK", 8)
    monkeypatch.setattr(spool_index, "PIECE", 16)
    with tempfile.TemporaryDirectory() as name:
        index = SpoolIndex(Path(name))
        for stream, data in pieces:
            with (Path(name) / stream).open("ab") as file:
                file.write(data)
            index.grow()
        lines = [line for _, line in grown(index)]
        wanted = range(start, len(lines)) if way > 0 else range(start, -1, -1)
        hits = [i for i in wanted if i < len(lines) and needle.lower() in lines[i]]
        expected = hits[0] if hits and start < len(lines) else -1
        assert index.find(needle, start, way) == expected
        index.close()


def test_what_is_kept_of_many_lines_is_little(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"a line of output\n" * 200_000)
    index = SpoolIndex(tmp_path)
    lines = grown(index)
    assert len(lines) == 200_000
    assert set(lines) == {("out", b"a line of output")}
    assert len(index._pieces) < 100
    index.close()

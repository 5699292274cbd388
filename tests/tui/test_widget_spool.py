"""The index of the spool files: every line, wherever the writes were cut."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

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

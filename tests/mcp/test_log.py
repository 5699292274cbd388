"""What servers say besides messages: kept as safe text, without secrets, within bounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.runners import mcp_log
from console.runners.mcp_log import ServerLog
from tests.mcp.calling import bench, fake


def kept(path: Path) -> str:
    return "".join(file.read_text() for file in sorted(path.parent.iterdir(), reverse=True))


@pytest.mark.anyio
async def test_what_a_server_mutters_is_kept_without_its_secret_and_without_effect(tmp_path: Path) -> None:
    server = fake(env={"FAKE_KEY": "$CANARY"})
    async with bench(tmp_path, {"s": server}, {"CANARY": "c4n4ry-value"}) as b:
        assert (await b.call("s.mutter")).out == "said nothing"
    lines = (tmp_path / "servers" / "s.log").read_text().splitlines()
    assert sorted(lines) == [
        "not a message: ␛[2Jand here <secret:CANARY>",
        "␛]0;mine␇the key is <secret:CANARY>",
    ]
    assert (tmp_path / "servers" / "s.log").stat().st_mode & 0o777 == 0o600


def test_a_secret_is_found_wherever_the_stream_is_cut(tmp_path: Path) -> None:
    said = b"the key is hunter22\x1b[31m, not hunter\n"
    for at in range(len(said)):
        path = tmp_path / str(at) / "s.log"
        path.parent.mkdir()
        log = ServerLog(path, {"KEY": "hunter22"})
        log.write(said[:at])
        log.note("not a message", b"stray")
        log.write(said[at:])
        log.close()
        assert kept(path).replace("not a message: stray\n", "") == "the key is <secret:KEY>, not hunter\n"


def test_a_log_is_bounded_and_its_end_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_log, "LIMIT", 10_000)
    path = tmp_path / "s.log"
    for session in range(3):
        log = ServerLog(path, {})
        for number in range(1_000):
            log.write(f"{session}: line {number}\n".encode())
        log.close()
    whole = kept(path)
    assert len(whole) < 21_000
    assert whole.splitlines()[-500:] == [f"2: line {number}" for number in range(500, 1_000)]
    assert log.last_line == "2: line 999"


def test_a_stray_line_is_shown_in_one_line_and_cut(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "s.log", {"KEY": "x" * 5_000})
    shown = log.note("not a message", b"\xff" + b"x" * 5_000 + b"\rgone\x1b[8m" + b"y" * 5_000)
    assert shown.startswith("\ufffd<secret:KEY>␍goney")
    assert len(shown) == 200
    assert (tmp_path / "s.log").read_text().startswith(f"not a message: {shown}")


def test_a_log_that_cannot_be_written_still_has_its_last_line(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "not there" / "s.log", {})
    log.write(b"cannot read\n\n   \n")
    assert log.last_line == "cannot read"

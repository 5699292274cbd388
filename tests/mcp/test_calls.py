"""Calls of servers: results, files, what is told on the way, secrets, and the end of everything."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from console.catalog.spec import Risk
from console.errors import NeverStarted
from console.plan.model import Expect
from tests.mcp.calling import bench, fake, modern

pytestmark = pytest.mark.anyio


async def test_a_text_is_the_result_and_a_second_call_uses_the_same_session(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake("banner")}) as b:
        first, second = (
            await b.call("s.echo", text="{step_9_result} $HOME"),
            await b.call("s.echo", text="two"),
        )
        assert (first.event.kind, first.out, first.status.exit_code) == (
            "step_succeeded",
            "{step_9_result} $HOME",
            0,
        )
        assert second.out == "two"
        assert len(b.noted("pids")) == 1
        assert "Welcome" in (tmp_path / "servers" / "s.log").read_text()


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
async def test_servers_of_every_older_protocol_work(tmp_path: Path, version: str) -> None:
    async with bench(tmp_path, {"s": fake(f"version={version}")}) as b:
        assert (await b.call("s.echo", text="hello")).out == "hello"


async def test_a_server_that_dies_of_the_newer_greeting_is_greeted_the_old_way(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake("fragile")}) as b:
        assert (await b.call("s.echo", text="hello")).out == "hello"
        assert len(b.noted("pids")) == 2


async def test_the_newest_protocol_structured_content_and_progress(tmp_path: Path) -> None:
    async with bench(tmp_path, {"m": modern()}) as b:
        assert (await b.call("m.add", first=1, second=2)).out == '{"total": 3}'
        worked = await b.call("m.work")
        assert worked.out == '{"result": "done"}'
        assert worked.err == "progress: 1/2 half\n"
        failed = await b.call("m.fail")
        assert failed.event.kind == "step_failed"
        assert failed.error.startswith("m.fail: ")


async def test_progress_and_log_messages_go_to_the_error_output(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        told = await b.call("s.tell")
        assert told.out == "told"
        assert told.err == 'progress: 1/2 part 1\nprogress: 2/2 part 2\nwarning: {"disk": "nearly full"}\n'


async def test_a_picture_and_a_file_are_kept_in_the_attempts_folder(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        outcome = await b.call("s.picture")
        files = outcome.spool / "files"
        assert outcome.out.split("\n") == [
            "here", str(files / "1.png"), str(files / "2-re_port.bin"), "(image/png that is damaged)",
        ]  # fmt: skip
        assert (files / "1.png").read_bytes() == b"\x89PNG\r\n\x1a\n"
        assert (files / "2-re_port.bin").read_bytes() == b"\x00\x01\x02"
        assert (files / "1.png").stat().st_mode & 0o777 == 0o600


async def test_a_failure_is_told_with_the_servers_own_words(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        failed = await b.call("s.fail")
        assert failed.event.kind == "step_failed"
        assert "\x1b" not in failed.error
        assert failed.error.startswith("s.fail: no such ")
        assert not failed.status.never_started
        refused = await b.call("s.refuse")
        assert refused.error == "s refused the call: that is not how to call it"


async def test_success_that_means_failure_is_caught_by_what_is_expected(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        assert (await b.call("s.lie")).event.kind == "step_succeeded"
        caught = await b.call("s.lie", expect=Expect(matches="^[0-9]+ rows"))
        assert caught.error == "not as expected: the result does not match '^[0-9]+ rows'"


async def test_answers_to_nobody_and_second_answers_change_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        assert (await b.call("s.twice")).out == "once"
        assert (await b.call("s.echo", text="mine")).out == "mine"


async def test_sampling_and_roots_are_refused(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        await b.call("s.ask")
        await b.call("s.echo", text="after the replies")
        replies = b.noted("replies")
        assert len(replies) == 2
        assert all('"error"' in reply for reply in replies)


async def test_a_secret_reaches_the_server_and_nothing_that_is_kept(tmp_path: Path) -> None:
    server = fake(env={"FAKE_KEY": "key-$CANARY"})
    async with bench(tmp_path, {"s": server}, {"CANARY": "c4n4ry-value"}) as b:
        outcome = await b.call("s.secret")
        assert outcome.out.startswith("the key is key-<secret:CANARY>, path /")
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in kept if b"c4n4ry" in path.read_bytes()]
        assert "c4n4ry" not in b.catalog.model_dump_json()
        shown = (Path("/proc") / pid / "cmdline" for pid in b.noted("pids"))
        assert not [path for path in shown if b"c4n4ry" in path.read_bytes()]


async def test_a_setting_that_is_found_everywhere_is_no_secret(tmp_path: Path) -> None:
    server = modern(env={"DEBUG": "$DEBUG", "ZONE": "$ZONE"})
    async with bench(tmp_path, {"m": server}, {"DEBUG": "3", "ZONE": "total"}) as b:
        assert (await b.call("m.add", first=1, second=2)).out == '{"total": 3}'


async def test_a_cancelled_call_is_told_to_the_server(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        spec = b.spec("s.wait")
        await b.backend.submit(spec)
        while not b.noted("calls"):
            await anyio.sleep(0.01)
        assert (await b.backend.status(spec.key)).phase == "running"
        await b.backend.cancel(spec.key)
        outcome = await b.outcome(spec)
        assert (outcome.event.kind, outcome.status.phase) == ("step_cancelled", "cancelled")
        assert (await b.call("s.echo", text="still there")).out == "still there"
        assert len(b.noted("cancelled")) == 1
        assert len(b.noted("pids")) == 1


async def test_a_time_out_is_told_to_the_server(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        outcome = await b.call("s.wait", timeout=0.3)
        assert outcome.status.timed_out
        assert outcome.error == "the server s did not answer within 0.3 s"
        assert not outcome.status.never_started
        assert (await b.call("s.echo", text="still there")).out == "still there"
        assert len(b.noted("cancelled")) == 1


async def test_the_same_attempt_is_made_once(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        spec = b.spec("s.echo", text="once")
        taken = [await b.backend.submit(spec), await b.backend.submit(spec)]
        await b.outcome(spec)
        taken.append(await b.backend.submit(spec))
        assert taken == [True, False, False]
        assert b.noted("calls") == ["echo"]


async def test_a_call_whose_files_cannot_be_made_was_never_started_and_its_key_stays_free(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        spec = b.spec("s.echo", text="x")
        spec.spool.mkdir(parents=True)
        (spec.spool / "err").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(NeverStarted, match="cannot be written down: Too many levels of symbolic links"):
            await b.backend.submit(spec)
        assert (await b.backend.status(spec.key)).phase == "unknown"
        (spec.spool / "err").unlink()
        assert await b.backend.submit(spec)
        assert (await b.outcome(spec)).out == "x"


async def test_calls_go_side_by_side(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake()}) as b:
        waiting = b.spec("s.wait")
        await b.backend.submit(waiting)
        assert (await b.call("s.echo", text="meanwhile")).out == "meanwhile"
        await b.backend.cancel(waiting.key)


async def test_nothing_of_a_server_is_left(tmp_path: Path) -> None:
    async with bench(tmp_path, {"s": fake("stubborn")}) as b:
        offspring = int((await b.call("s.offspring")).out)
        pids = [offspring, *map(int, b.noted("pids"))]
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def test_what_is_not_known_of_the_risk_counts_as_disruptive(tmp_path: Path) -> None:
    from console.catalog.spec import McpTool

    server = fake(tools={"wait": McpTool(risk=Risk.OBSERVE), "die": McpTool(risk=Risk.REVERSIBLE)})
    async with bench(tmp_path, {"s": server, "t": fake()}) as b:
        tools = b.catalog.tools
        assert {name: tools[name].risk for name in ("s.echo", "s.wait", "s.die", "t.echo", "t.die")} == {
            "s.echo": Risk.DISRUPTIVE, "s.wait": Risk.OBSERVE, "s.die": Risk.REVERSIBLE,
            "t.echo": Risk.DISRUPTIVE, "t.die": Risk.DESTRUCTIVE,
        }  # fmt: skip
        assert (tools["s.echo"].risk_known, tools["s.wait"].risk_known) == (False, True)
        assert tools["s.echo"].mcp is not None
        assert tools["s.echo"].mcp.claims == ("read only",)

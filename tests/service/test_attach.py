"""Attaching to a run: history and present, several front ends, who holds the control, bad company."""

from __future__ import annotations

import os
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import aclosing, closing
from pathlib import Path

import anyio
import pytest

from console.errors import ControlRefused, UsageError
from console.run import events as ev
from console.run.control import Approve, Countersign, Pause, PreviewRollback, Stop
from console.service import server
from console.service.client import Kept, NotExecuted, Refused, attach, is_executed
from console.service.server import listen
from tests.service.sessions import HELLO, Scripted, frame, heard, served, spoken_to

pytestmark = pytest.mark.anyio


def warned(count: int, start: int = 0) -> list[ev.Event]:
    return [ev.Warned(message=str(number)) for number in range(start, start + count)]


async def test_history_and_present_come_once_and_in_order(session: Scripted) -> None:
    session.tell(*warned(1000))
    async with served(session), attach(session.directory) as client:
        numbers = []
        async with aclosing(client.records()) as records:
            async for record in records:
                numbers.append(record.seq)
                if record.seq == 1001:
                    session.tell(*warned(500, 1000))
                if record.seq == 1501:
                    break
    assert numbers == list(range(1, 1502))


async def test_two_front_ends_see_the_same(session: Scripted) -> None:
    async with (
        served(session),
        attach(session.directory, ui=True) as one,
        attach(session.directory, ui=True) as two,
    ):
        session.tell(*warned(5))
        for client in (one, two):
            async with aclosing(client.records(3)) as records:
                assert [(await anext(records)).seq for _ in range(3)] == [4, 5, 6]


async def test_the_first_screen_holds_the_control_and_hands_it_on(session: Scripted) -> None:
    async with served(session), attach(session.directory, ui=True, who="one") as one:
        await heard(one, lambda s: s.has_control)
        async with attach(session.directory, ui=True, who="two") as two:
            await heard(two, lambda s: s.holder == "one")
            assert not two.has_control
            with pytest.raises(ControlRefused, match="one holds the control"):
                await two.wish(Stop())
            await two.take_control()
            await heard(one, lambda s: s.holder == "two")
            assert not one.has_control
            with pytest.raises(ControlRefused, match="two holds the control"):
                await one.wish(Stop())
        await heard(one, lambda s: s.has_control)
    assert session.wishes == []


async def test_who_asks_for_the_control_gets_it_from_its_holder_or_is_told_that_not(
    session: Scripted,
) -> None:
    async with (
        served(session),
        attach(session.directory, ui=True, who="one") as one,
        attach(session.directory, ui=True, who="two") as two,
        attach(session.directory, ui=True, who="three") as three,
    ):
        await heard(one, lambda s: s.others == ("two", "three"))
        await two.ask_control()
        for client in (one, two, three):
            await heard(client, lambda s: s.asker == "two" and s.holder == "one")
        await three.ask_control()
        await heard(three, lambda s: s.kept == "two asks for it already")
        await one.answer_control(yes=False)
        await heard(two, lambda s: s.kept == "one keeps it" and s.asker == "" and s.holder == "one")
        await two.ask_control()
        await heard(one, lambda s: s.asker == "two")
        await one.answer_control(yes=True)
        await heard(two, lambda s: s.has_control and not s.kept)
        await heard(one, lambda s: s.holder == "two" and not s.has_control)


async def test_only_the_holder_s_answer_hands_the_control_over(session: Scripted) -> None:
    async with (
        served(session),
        attach(session.directory, ui=True, who="one") as one,
        attach(session.directory, ui=True, who="two") as two,
    ):
        await two.ask_control()
        await two.answer_control(yes=True)
        with pytest.raises(ControlRefused, match="one holds the control"):
            await two.wish(Stop())
        await heard(one, lambda s: s.asker == "two" and s.has_control)


async def test_who_asked_comes_first_when_the_holder_leaves(session: Scripted) -> None:
    async with served(session), attach(session.directory, ui=True, who="three") as three:
        async with attach(session.directory, ui=True, who="one") as one:
            await one.take_control()
            async with attach(session.directory, ui=True, who="two") as two:
                await two.ask_control()
                await heard(three, lambda s: s.asker == "two" and s.holder == "one")
            await heard(three, lambda s: s.asker == "" and s.holder == "one")
            await three.ask_control()
            await heard(one, lambda s: s.asker == "three")
        await heard(three, lambda s: s.has_control)


async def test_a_screen_that_is_killed_frees_the_control_and_the_run_goes_on(session: Scripted) -> None:
    async with served(session, engine=1):
        code = (
            "import anyio, os, pathlib, sys\n"
            "from console.service.client import attach\n"
            "async def main():\n"
            "    async with attach(pathlib.Path(sys.argv[1]), ui=True, who='doomed') as session:\n"
            "        while not session.has_control: await session._news.wait()\n"
            "        os.kill(os.getpid(), 9)\n"
            "anyio.run(main)\n"
        )
        killed = await anyio.run_process([sys.executable, "-c", code, str(session.directory)], check=False)
        assert killed.returncode == -9
        session.tell(*warned(1))
        async with attach(session.directory, ui=True) as client:
            await heard(client, lambda s: s.has_control)
            async with aclosing(client.records(1)) as records:
                assert (await anext(records)).seq == 2


async def test_a_wish_is_granted_answered_or_refused_as_in_this_process(session: Scripted) -> None:
    async with served(session), attach(session.directory, ui=True, who="me") as client:
        assert await client.wish(PreviewRollback(back_to="1")) == {
            "rollback": ev.RollbackPlan(uncovered=("1",)),
            "hash": "h",
        }
        with pytest.raises(ControlRefused, match="the run is drafting"):
            await client.wish(Pause(), by="somebody")
    assert session.wishes == [(PreviewRollback(back_to="1"), "me"), (Pause(), "somebody")]


async def test_records_end_when_the_engine_goes_and_nothing_is_missing(session: Scripted) -> None:
    async with attach_after_start(session) as client:
        seen = [record.event.kind async for record in client.records()]
    assert seen == ["run_created", "warned", "run_finished"]


def attach_after_start(session: Scripted):  # type: ignore[no-untyped-def]
    """A client whose engine tells two more facts and goes."""
    from contextlib import asynccontextmanager

    @asynccontextmanager
    async def both():  # type: ignore[no-untyped-def]
        async with anyio.create_task_group() as tasks:
            up = anyio.Event()
            go = anyio.Event()

            async def engine() -> None:
                async with served(session):
                    up.set()
                    await go.wait()
                    session.tell(*warned(1), ev.RunFinished(outcome="stopped", exit_code=4))

            tasks.start_soon(engine)
            await up.wait()
            async with attach(session.directory) as client:
                go.set()
                yield client

    return both()


async def test_a_wish_after_the_engine_has_gone_says_so(session: Scripted) -> None:
    async with attach_after_start(session) as client:
        async for _ in client.records():
            pass
        assert client.control is None
        with pytest.raises(ControlRefused, match="is lost"):
            await client.wish(Stop())


async def test_a_run_without_a_process_says_how_to_take_it_up(session: Scripted) -> None:
    session.journal.close()
    with pytest.raises(NotExecuted, match=r"no process executes this run.*plandeck resume 4f1c"):
        async with attach(session.directory):
            pass
    assert not is_executed(session.directory)
    assert [record.seq async for record in Kept(session.directory).records()] == [1]


async def test_the_journal_of_a_hundred_thousand_records_is_followed_to_its_end(session: Scripted) -> None:
    session.tell(*warned(100_000))
    async with served(session), attach(session.directory) as client:
        last = 0
        async with aclosing(client.records()) as records:
            async for record in records:
                last = record.seq
                if last == 100_001:
                    break
    assert last == 100_001


async def test_a_record_that_was_changed_is_known_to_whoever_attaches(session: Scripted) -> None:
    session.tell(*warned(3))
    async with served(session), attach(session.directory) as client:
        assert await client.verify() == ""
        with closing(sqlite3.connect(session.directory / "journal.db")) as connection, connection:
            connection.execute("UPDATE records SET body = '{}' WHERE seq = 2")
        assert "record 2 (warned) does not fit the chain" in await client.verify()
    assert "record 2 (warned)" in await Kept(session.directory).verify()


# ── the socket ───────────────────────────────────────────────────────────────────────────────────


async def test_the_socket_is_open_to_its_owner_only_and_goes_with_its_service(session: Scripted) -> None:
    os.umask(0o000)
    try:
        async with served(session):
            found = (session.directory / "sock").lstat()
    finally:
        os.umask(0o022)
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert not (session.directory / "sock").exists()


async def test_a_path_that_is_too_long_for_a_socket_is_no_obstacle(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 120) / "4f1c"
    directory.mkdir(parents=True, mode=0o700)
    session = Scripted(directory)
    async with served(session), attach(directory) as client:
        assert client.run == "4f1c"


async def test_a_stale_socket_is_replaced(session: Scripted) -> None:
    listen(session.directory).close()
    assert (session.directory / "sock").exists()
    assert not is_executed(session.directory)
    async with served(session):
        assert is_executed(session.directory)


async def test_a_file_in_the_socket_s_place_is_never_removed(session: Scripted) -> None:
    (session.directory / "sock").write_text("mine")
    with pytest.raises(UsageError, match="is in the way"):
        listen(session.directory)
    assert (session.directory / "sock").read_text() == "mine"


# ── bad company ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ([b"GET / HTTP/1.1\r\n\r\n"], "is not allowed"),
        ([b"\x7f\xff\xff\xff"], "is not allowed"),
        ([frame({"say": "hello", "version": 99})], "another version"),
        ([frame({"say": "wish", "wish": "stop"})], "another version"),
        ([frame(HELLO), b"\x00\x00\x00\x02{]"], "not JSON"),
        ([frame(HELLO), frame({"say": "sing"})], "nothing a client says"),
    ],
    ids=["http", "2 GB", "version", "no hello", "no JSON", "unknown"],
)
async def test_who_does_not_speak_the_language_is_sent_away_with_the_reason(
    session: Scripted, said: list[bytes], reason: str
) -> None:
    async with served(session):
        answers = await spoken_to(session.directory, *said)
        assert answers[-1]["say"] == "bye"
        assert reason in answers[-1]["reason"]
        async with attach(session.directory, ui=True) as client:
            await heard(client, lambda s: s.has_control)


async def test_a_bad_wish_is_refused_and_the_client_stays(session: Scripted) -> None:
    async with served(session), attach(session.directory, ui=True) as client:
        bad = {"say": "wish", "id": 77, "wish": "stop", "body": "{", "by": 5}
        await client._say(bad)
        assert await client.wish(PreviewRollback())


async def test_silence_is_sent_away(session: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HELLO_SECONDS", 0.05)
    async with served(session):
        answers = await spoken_to(session.directory, b"\x00\x00")
    assert "said nothing" in answers[-1]["reason"]


async def test_one_client_too_many_is_sent_away(session: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "CLIENTS", 1)
    async with served(session), attach(session.directory):
        with pytest.raises(Refused, match="1 clients are attached already"):
            async with attach(session.directory):
                pass


async def test_a_client_that_reads_nothing_neither_stops_the_run_nor_fills_the_memory(
    session: Scripted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "STALL_SECONDS", 0.05)
    async with served(session) as service, await anyio.connect_unix(session.directory / "sock") as deaf:
        deaf.extra(anyio.abc.SocketAttribute.raw_socket).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        await deaf.send(frame(HELLO))
        with anyio.fail_after(20):
            while "sent away" not in caplog.text:
                session.tell(*warned(1))
                for deaf_one in service.clients:
                    deaf_one.tell({"say": "reply", "id": 0, "value": "x" * 10_000})
                await anyio.wait_all_tasks_blocked()
        last = session.journal.seq
        async with attach(session.directory) as client, aclosing(client.records(last - 1)) as records:
            assert (await anext(records)).seq == last
    assert "read nothing" in caplog.text or "fetch its answers" in caplog.text


async def test_a_client_sent_away_while_it_slept_comes_back_and_misses_nothing(session: Scripted) -> None:
    async with served(session) as service, attach(session.directory, ui=True) as client:
        await heard(client, lambda s: s.has_control)
        service.clients[0].wire.close()
        session.tell(*warned(3))
        async with aclosing(client.records(1)) as records:
            assert [(await anext(records)).seq for _ in range(3)] == [2, 3, 4]
        await heard(client, lambda s: s.has_control)


async def test_what_a_client_calls_itself_is_made_harmless(session: Scripted) -> None:
    async with served(session), attach(session.directory, ui=True, who="a\x1b[2Jb" + "c" * 500) as client:
        await heard(client, lambda s: bool(s.holder))
        assert client.holder.isprintable()
        assert len(client.holder) <= server.NAME_LENGTH


# ── who may come in ──────────────────────────────────────────────────────────────────────────────

ATTACH = (
    "import anyio, pathlib, sys\n"
    "from console.errors import PlandeckError\n"
    "from console.service.client import attach\n"
    "async def main():\n"
    "    async with attach(pathlib.Path(sys.argv[1]), ui=True): print('in')\n"
    "try: anyio.run(main)\n"
    "except PlandeckError as error: print(error)\n"
)


async def attached_by(session: Scripted, *, engine: int | None, **env: str) -> str:
    """What a child process of this one hears when it attaches."""
    async with served(session, engine=engine):
        done = await anyio.run_process(
            [sys.executable, "-c", ATTACH, str(session.directory)], env=os.environ | env, check=False
        )
    return done.stdout.decode()


async def test_a_process_of_the_same_user_comes_in(session: Scripted) -> None:
    assert await attached_by(session, engine=1) == "in\n"


async def test_a_descendant_of_the_engine_is_refused(session: Scripted) -> None:
    assert "a process that the run started may not steer it" in await attached_by(session, engine=None)


async def test_a_step_that_left_the_engine_s_family_is_refused_by_its_marker(session: Scripted) -> None:
    assert "a process that the run started" in await attached_by(session, engine=1, PLANDECK_STEP="4f1c/3/1")


async def test_a_step_of_another_run_may_run_a_plandeck_of_its_own(session: Scripted) -> None:
    assert await attached_by(session, engine=1, PLANDECK_STEP="beef/3/1") == "in\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_is_refused_even_when_the_folder_lets_them_in(tmp_path: Path) -> None:
    code = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "link = socket.socket(socket.AF_UNIX)\n"
        "try: link.connect(sys.argv[1]); print(link.recv(65536))\n"
        "except OSError as error: print(error.strerror)\n"
    )
    directory = Path("/tmp") / f"plandeck-{os.getpid()}" / "4f1c"
    directory.mkdir(parents=True, mode=0o755)
    try:
        session = Scripted(directory)
        async with served(session, engine=1):
            closed = await anyio.run_process([sys.executable, "-c", code, str(directory / "sock")])
            (directory / "sock").chmod(0o777)
            opened = await anyio.run_process([sys.executable, "-c", code, str(directory / "sock")])
    finally:
        subprocess.run(["rm", "-r", str(directory.parent)], check=True)
    assert closed.stdout == b"Permission denied\n"
    assert b"belongs to user 0, not to user 65534" in opened.stdout


# ── two persons ──────────────────────────────────────────────────────────────────────────────────


async def test_who_approves_is_told_by_the_kernel_and_who_looks_on_may_countersign(
    session: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "person_of", lambda pid: "ada" if pid == os.getpid() else "")
    yes = Countersign(request="q1", hash="h")
    async with (
        served(session),
        attach(session.directory, ui=True, who="one") as one,
        attach(session.directory, ui=True, who="two") as two,
    ):
        await heard(two, lambda s: s.holder == "one")
        await two.wish(yes, by="not ada", person="eve")
        with pytest.raises(ControlRefused, match="one holds the control"):
            await two.wish(Approve(request="q1", hash="h"))
        await one.wish(PreviewRollback())
    assert session.wishes == [(yes, "not ada"), (PreviewRollback(), "one")]
    assert session.persons == ["ada", "ada"]


async def test_a_guest_does_not_countersign(session: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_guest", lambda peer: True)
    async with served(session), attach(session.directory, ui=True) as client:
        with pytest.raises(ControlRefused, match="a guest may ask for a rollback"):
            await client.wish(Countersign(request="q1", hash="h"))
    assert session.wishes == []

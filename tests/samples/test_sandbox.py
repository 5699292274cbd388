"""A task's world is built once, found again, and taken down whole."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from console.errors import BackendError, InvalidTask, UsageError
from console.sandbox import parse, prepare

pytestmark = pytest.mark.anyio

ENV = {"PATH": os.environ["PATH"]}
WEB: dict[str, Any] = {
    "name": "web",
    "run": 'python3 -m http.server "$PORT" --bind 127.0.0.1',
    "port": "PORT",
    "ready": {"port": "PORT"},
}


def pid_of(workspace: Path, service: str) -> int:
    return int((workspace / ".sandbox" / f"{service}.pid").read_text().split()[0])


def is_listening(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) == 0


async def test_files_are_copied_and_set_up_once(tmp_path: Path) -> None:
    beside, work = tmp_path / "task", tmp_path / "work"
    (beside / "site").mkdir(parents=True)
    (beside / "site" / "a.txt").write_text("a")
    box = parse(
        {"copy": ["site", {"from": "site/a.txt", "to": "deep/b.txt"}], "setup": ["echo run >> setups"]}
    )
    for _ in range(2):
        running = await prepare(beside, box, work, ENV)
        await running.teardown()
    assert (work / "site" / "a.txt").read_text() == "a"
    assert (work / "deep" / "b.txt").read_text() == "a"
    assert (work / "setups").read_text() == "run\n"


async def test_a_service_is_ready_before_anything_else_and_gone_after(tmp_path: Path) -> None:
    running = await prepare(tmp_path, parse({"services": [WEB]}), tmp_path, ENV)
    assert is_listening(running.env["PORT"])
    await running.teardown()
    assert not is_listening(running.env["PORT"])


async def test_a_service_that_outlived_its_engine_is_taken_over(tmp_path: Path) -> None:
    box = parse({"services": [WEB]})
    first = await prepare(tmp_path, box, tmp_path, ENV)
    pid = pid_of(tmp_path, "web")
    second = await prepare(tmp_path, box, tmp_path, ENV)
    assert pid_of(tmp_path, "web") == pid
    assert second.env == first.env
    await second.teardown()
    assert not is_listening(first.env["PORT"])
    await first.teardown()


async def test_a_service_that_is_gone_is_started_again_on_its_port(tmp_path: Path) -> None:
    box = parse({"services": [WEB]})
    first = await prepare(tmp_path, box, tmp_path, ENV)
    pid = pid_of(tmp_path, "web")
    await first.teardown()
    second = await prepare(tmp_path, box, tmp_path, ENV)
    assert pid_of(tmp_path, "web") != pid
    assert second.env == first.env
    assert is_listening(second.env["PORT"])
    await second.teardown()


async def test_a_service_and_all_it_started_end_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.sandbox.services.GRACE", 0.1)
    run = "sh -c 'trap \"\" TERM; sleep 600 & echo $! > child; wait'"
    box = parse({"services": [{"name": "stubborn", "run": run, "ready": {"file": "child"}}]})
    running = await prepare(tmp_path, box, tmp_path, ENV)
    child = os.pidfd_open(int((tmp_path / "child").read_text()))
    await running.teardown()
    with anyio.fail_after(5):
        await anyio.wait_readable(child)
    os.close(child)


async def test_a_service_that_ends_early_is_told_with_its_log(tmp_path: Path) -> None:
    box = parse(
        {"services": [{"name": "sick", "run": "sh -c 'echo no; exit 3'", "ready": {"file": "never"}}]}
    )
    with pytest.raises(BackendError, match=r"service sick: the service ended before it was ready.*sick\.log"):
        await prepare(tmp_path, box, tmp_path, ENV)
    assert (tmp_path / ".sandbox" / "sick.log").read_text() == "no\n"


async def test_a_service_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    box = parse(
        {"services": [{"name": "mute", "run": "sleep 600", "ready": {"file": "never", "within": 0.1}}]}
    )
    with pytest.raises(BackendError, match=r"mute: the service was not ready within 0\.1 s"):
        await prepare(tmp_path, box, tmp_path, ENV)


async def test_a_failing_setup_says_which_command_and_why(tmp_path: Path) -> None:
    box = parse({"setup": ["true", "echo oh no >&2; exit 4"]})
    with pytest.raises(BackendError, match=r"sandbox setup 2: exit code 4 from .*: oh no"):
        await prepare(tmp_path, box, tmp_path, ENV)


async def test_a_setup_that_failed_is_run_again(tmp_path: Path) -> None:
    box = parse({"setup": ["test -e mended"]})
    with pytest.raises(BackendError):
        await prepare(tmp_path, box, tmp_path, ENV)
    (tmp_path / "mended").touch()
    await (await prepare(tmp_path, box, tmp_path, ENV)).teardown()


async def test_services_end_when_teardown_fails(tmp_path: Path) -> None:
    running = await prepare(tmp_path, parse({"services": [WEB], "teardown": ["exit 1"]}), tmp_path, ENV)
    with pytest.raises(BackendError, match="teardown 1"):
        await running.teardown()
    assert not is_listening(running.env["PORT"])


async def test_every_teardown_command_has_its_turn_and_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.sandbox.world.TEARDOWN", 0.2)
    box = parse({"teardown": ["echo $$ > pid; exec sleep 1000", "false", "touch after"]})
    running = await prepare(tmp_path, box, tmp_path, ENV)
    with pytest.raises(BackendError, match=r"sandbox teardown 1: 'echo .*' did not end within 0\.2 s"):
        await running.teardown()
    assert (tmp_path / "after").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("site", "site/pipe` is a named pipe"),
        ("site/pipe", "site/pipe` is a named pipe"),
        ("work/same", "are the same file"),
        ("gone", "No such file or directory"),
    ],
)
async def test_what_cannot_be_copied_is_named_with_the_reason(tmp_path: Path, source: str, why: str) -> None:
    for folder in ("site", "work"):
        (tmp_path / folder).mkdir()
    os.mkfifo(tmp_path / "site" / "pipe")
    (tmp_path / "work" / "same").touch()
    with pytest.raises(BackendError, match=f"sandbox copy: cannot copy {source}: .*{why}"):
        await prepare(tmp_path, parse({"copy": [source]}), tmp_path / "work", ENV)


async def test_services_end_when_the_preparing_is_cancelled(tmp_path: Path) -> None:
    slow = {"name": "slow", "run": "sleep 600", "ready": {"file": "never"}}
    with anyio.move_on_after(0.5) as scope:
        await prepare(tmp_path, parse({"services": [WEB, slow]}), tmp_path, ENV)
    assert scope.cancelled_caught
    assert not (tmp_path / ".sandbox" / "web.pid").exists()
    assert not (tmp_path / ".sandbox" / "slow.pid").exists()


async def test_a_chosen_failure_comes_after_the_setup(tmp_path: Path) -> None:
    box = parse({"setup": ["echo good > state"], "inject": {"bad": {"run": ["echo bad > state"]}}})
    await prepare(tmp_path / "a", box, tmp_path / "x", ENV)
    await prepare(tmp_path / "a", box, tmp_path / "y", ENV, inject="bad")
    assert (tmp_path / "x" / "state").read_text() == "good\n"
    assert (tmp_path / "y" / "state").read_text() == "bad\n"
    with pytest.raises(UsageError, match=r"no failure named 'worse'.*There are: bad"):
        await prepare(tmp_path / "a", box, tmp_path / "z", ENV, inject="worse")


async def test_every_command_sees_the_sandbox_variables(tmp_path: Path) -> None:
    box = parse({"env": {"WHO": "me"}, "setup": ['echo "$WHO" > who']})
    running = await prepare(tmp_path, box, tmp_path, ENV)
    assert (tmp_path / "who").read_text() == "me\n"
    assert running.env == {"WHO": "me"}


async def test_a_proof_names_the_checks_that_do_not_hold(tmp_path: Path) -> None:
    running = await prepare(tmp_path, parse({}), tmp_path, ENV)
    assert await running.failing(["true", "test -e never", "false"]) == ("test -e never", "false")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"copy": ["../outside"]}, "must be a path inside"),
        ({"copy": [{"from": "a", "to": "/etc/passwd"}]}, "must be a path inside"),
        ({"services": [{"name": "x y", "run": "true"}]}, "sandbox.services.0.name"),
        (
            {"services": [{"name": "x", "run": "true", "ready": {"port": "P"}}]},
            "no service has a port named 'P'",
        ),
        ({"set_up": []}, "sandbox.set_up"),
    ],
)
def test_a_sandbox_that_makes_no_sense_is_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidTask, match=says):
        parse(document, file="task.yaml")

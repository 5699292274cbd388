"""What is killed, and what goes on: the engine, the fork server, a supervisor, a stranger's line.

What really ran is told by the steps themselves, in a file beside the run.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import psutil
import pytest

from console.errors import BackendError, NeverStarted
from console.run.control import spool
from console.runners.backend import Spec
from console.runners.local import LocalBackend
from console.runners.order import Order

pytestmark = pytest.mark.anyio
Specs = Callable[..., Spec]
KEY = "run/1/1"

ENGINE = """
import sys, anyio
from pathlib import Path
from console.run.control import spool
from console.runners.backend import Spec
from console.runners.local import LocalBackend

run_dir, cwd, line, count, then = Path(sys.argv[1]), *sys.argv[2:6]

async def main():
    async with LocalBackend(run_dir, linger=0, ready=3) as backend:
        for number in range(1, int(count) + 1):
            key = f"run/{number}/1"
            spec = Spec(key, ("/bin/sh", "-c", line), cwd, spool(run_dir, key), {"PATH": "/usr/bin:/bin"})
            print(await backend.submit(spec), flush=True)
        if then == "stay":
            await anyio.sleep_forever()

anyio.run(main)
"""
"""An engine in a process of its own."""


WAIT = "echo $PLANDECK_STEP >> ledger; echo on; while ! test -e go; do sleep 0.01; done; echo done; exit 4"
"""A step that enters itself in the ledger and goes on when there is a file `go`."""


@pytest.fixture
async def backend(run_dir: Path) -> AsyncIterator[LocalBackend]:
    async with LocalBackend(run_dir, linger=0) as backend:
        yield backend


def engine(run_dir: Path, tmp_path: Path, line: str, count: int, then: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", ENGINE, str(run_dir), str(tmp_path), line, str(count), then]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


def dial(run_dir: Path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    home = os.open(run_dir, os.O_RDONLY)
    line.connect(f"/proc/self/fd/{home}/shim.sock")
    os.close(home)
    return line


def fork_server(run_dir: Path) -> psutil.Process:
    """The process at the other end of the run's socket."""
    with dial(run_dir) as line:
        pid = int.from_bytes(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder)
    return psutil.Process(pid)


def supervisor(run_dir: Path, key: str = KEY) -> psutil.Process:
    for line in (spool(run_dir, key) / "claim").read_text().splitlines():
        if line.startswith("supervisor "):
            return psutil.Process(int(line.split()[1]))
    raise AssertionError("no supervisor in the claim")


def ledger(tmp_path: Path) -> Counter[str]:
    return Counter((tmp_path / "ledger").read_text().split())


async def until_ready(server: psutil.Process, count: int) -> list[psutil.Process]:
    """The supervisors of a fork server, when there are `count`."""
    with anyio.fail_after(10):
        while len(children := server.children()) < count:
            await anyio.sleep(0.01)
    return children


async def until_on(backend: LocalBackend, key: str = KEY) -> None:
    async for chunk in backend.output(key):
        if chunk.data.startswith(b"on"):
            return


async def whole_output(backend: LocalBackend, key: str = KEY) -> bytes:
    return b"".join([chunk.data async for chunk in backend.output(key)])


# ── the engine ───────────────────────────────────────────────────────────────────────────────────


async def test_steps_outlive_a_killed_engine_and_the_next_one_takes_them_up(
    run_dir: Path, tmp_path: Path, spec: Specs
) -> None:
    with engine(run_dir, tmp_path, WAIT, 3, "stay") as first:
        assert first.stdout
        assert [first.stdout.readline() for _ in range(3)] == ["True\n"] * 3
        first.kill()
    keys = [f"run/{number}/1" for number in (1, 2, 3)]
    async with LocalBackend(run_dir, linger=0) as backend:
        for key in keys:
            await until_on(backend, key)
            assert (await backend.status(key)).phase == "running"
            assert not await backend.submit(spec(key, WAIT))
        (tmp_path / "go").touch()
        for key in keys:
            assert (await backend.status(key, wait=None)).exit_code == 4
            assert await whole_output(backend, key) == b"on\ndone\n"
    assert ledger(tmp_path) == dict.fromkeys(keys, 1)


async def test_supervisors_with_nothing_to_do_do_not_outlive_a_killed_engine(
    run_dir: Path, tmp_path: Path
) -> None:
    with engine(run_dir, tmp_path, "true", 1, "stay") as first:
        assert first.stdout
        first.stdout.readline()
        server = fork_server(run_dir)
        family = [server, *await until_ready(server, 3)]
        first.kill()
    assert psutil.wait_procs(family, timeout=10)[1] == []


async def test_supervisors_that_die_are_not_made_anew_before_a_step_asks(run_dir: Path, spec: Specs) -> None:
    async with LocalBackend(run_dir, linger=0, ready=2) as backend:
        server = fork_server(run_dir)
        idle = await until_ready(server, 2)
        for process in idle:
            process.kill()
        psutil.wait_procs(idle)
        assert fork_server(run_dir) == server  # it has heard of their end when it greets
        assert server.children() == []
        await backend.submit(spec(KEY, "exit 4"))
        assert (await backend.status(KEY, wait=None)).exit_code == 4


async def test_what_a_dead_engine_managed_to_order_is_claimed_before_the_next_one_looks(
    backend: LocalBackend, run_dir: Path, tmp_path: Path
) -> None:
    keys = [f"run/{number}/1" for number in range(1, 51)]
    with dial(run_dir) as line:
        for key in keys:
            name = f"steps/{spool(run_dir, key).name}".encode()
            argv = [b"/bin/sh", b"-c", b"echo $PLANDECK_STEP >> ledger"]
            cwd = os.fsencode(tmp_path)
            order = Order(
                name=name, key=key.encode(), cwd=cwd, argv=argv, env={}, secrets={}, timeout=None, grace=1
            )
            line.sendall(order.pack())
    async with LocalBackend(run_dir, linger=0) as second:
        assert "unknown" not in [(await second.status(key)).phase for key in keys]
        for key in keys:
            await second.status(key, wait=None)
    assert ledger(tmp_path) == dict.fromkeys(keys, 1)


async def test_what_ended_while_nobody_looked_is_known(run_dir: Path, tmp_path: Path) -> None:
    with engine(run_dir, tmp_path, "echo $PLANDECK_STEP >> ledger; exit 4", 1, "go") as first:
        first.wait()
    async with LocalBackend(run_dir, linger=0) as backend:
        assert (await backend.status(KEY, wait=None)).exit_code == 4
    assert ledger(tmp_path) == {KEY: 1}


async def test_an_attempt_runs_once_whoever_submits_it(run_dir: Path, tmp_path: Path) -> None:
    line = "echo $PLANDECK_STEP >> ledger"
    with engine(run_dir, tmp_path, line, 20, "go") as one, engine(run_dir, tmp_path, line, 20, "go") as two:
        said = one.communicate()[0].split() + two.communicate()[0].split()
    assert Counter(said) == {"True": 20, "False": 20}
    async with LocalBackend(run_dir, linger=0) as backend:
        for number in range(1, 21):
            assert (await backend.status(f"run/{number}/1", wait=None)).exit_code == 0
    assert ledger(tmp_path) == {f"run/{number}/1": 1 for number in range(1, 21)}


async def test_the_same_key_at_the_same_time_runs_once(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    said = []

    async def submit() -> None:
        said.append(await backend.submit(spec(KEY, "echo $PLANDECK_STEP >> ledger")))
        assert (await backend.status(KEY, wait=None)).exit_code == 0

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(submit)
    assert sorted(said) == [False] * 4 + [True]
    assert ledger(tmp_path) == {KEY: 1}


# ── the fork server ──────────────────────────────────────────────────────────────────────────────


async def test_a_killed_fork_server_takes_no_step_with_it(
    backend: LocalBackend, run_dir: Path, tmp_path: Path, spec: Specs
) -> None:
    await backend.submit(spec(KEY, WAIT))
    await until_on(backend)
    fork_server(run_dir).kill()
    assert await backend.submit(spec("run/2/1", "echo $PLANDECK_STEP >> ledger"))
    assert (await backend.status("run/2/1", wait=None)).exit_code == 0
    (tmp_path / "go").touch()
    assert (await backend.status(KEY, wait=None)).exit_code == 4
    assert await whole_output(backend) == b"on\ndone\n"
    assert ledger(tmp_path) == {KEY: 1, "run/2/1": 1}


async def test_who_waits_does_not_need_the_fork_server(
    backend: LocalBackend, run_dir: Path, tmp_path: Path, spec: Specs
) -> None:
    await backend.submit(spec(KEY, WAIT))
    await until_on(backend)
    codes = []

    async def wait() -> None:
        codes.append((await backend.status(KEY, wait=None)).exit_code)

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        fork_server(run_dir).kill()
        await anyio.wait_all_tasks_blocked()
        (tmp_path / "go").touch()
    assert codes == [4, 4, 4]


async def test_a_step_of_a_dead_fork_server_can_be_cancelled(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    await backend.submit(spec(KEY, WAIT))
    await until_on(backend)
    fork_server(run_dir).kill()
    await backend.cancel(KEY)
    assert (await backend.status(KEY, wait=None)).phase == "cancelled"


async def test_an_order_that_was_not_answered_in_time_cannot_start_later(
    backend: LocalBackend, run_dir: Path, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.runners.local.PATIENCE", 0.2)
    server = fork_server(run_dir)
    server.suspend()
    try:
        with pytest.raises(NeverStarted, match="does not answer"):
            await backend.submit(spec(KEY, "echo $PLANDECK_STEP >> ledger"))
    finally:
        server.resume()
    monkeypatch.undo()
    assert not await backend.submit(spec(KEY, "true"))
    assert (await backend.status(KEY, wait=None)).never_started
    assert not (spool(run_dir, KEY) / "out").exists()


async def test_no_descriptor_left_means_never_started_and_the_key_stays_free(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    server = fork_server(run_dir)
    before = server.rlimit(psutil.RLIMIT_NOFILE)
    server.rlimit(psutil.RLIMIT_NOFILE, (server.num_fds(), before[1]))
    with pytest.raises(NeverStarted, match="Too many open files"):
        await backend.submit(spec(KEY, "true"))
    assert (await backend.status(KEY)).phase == "unknown"
    server.rlimit(psutil.RLIMIT_NOFILE, before)
    assert await backend.submit(spec(KEY, "true"))
    assert (await backend.status(KEY, wait=None)).exit_code == 0


async def test_a_socket_that_a_dead_fork_server_left_is_replaced(run_dir: Path, spec: Specs) -> None:
    async with LocalBackend(run_dir, linger=0):
        fork_server(run_dir).kill()
    assert (run_dir / "shim.sock").is_socket()
    async with LocalBackend(run_dir, linger=0) as backend:
        await backend.submit(spec(KEY, "exit 4"))
        assert (await backend.status(KEY, wait=None)).exit_code == 4


async def test_a_run_may_lie_deeper_than_a_socket_name_is_long(run_dir: Path, tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-rather-long-name"] * 10)
    deep.mkdir(parents=True)
    async with LocalBackend(deep, linger=0) as backend:
        key_spec = Spec(KEY, ("/bin/sh", "-c", "exit 4"), "/", spool(deep, KEY))
        await backend.submit(key_spec)
        assert (await backend.status(KEY, wait=None)).exit_code == 4


@pytest.mark.parametrize("data", [b"\xff" * 100, b"\0\0\0\x10half", b"\0\0\0\x05\0\0\0\0\0", b""])
async def test_a_stranger_on_the_line_disturbs_nobody(
    backend: LocalBackend, run_dir: Path, spec: Specs, data: bytes
) -> None:
    with dial(run_dir) as line:
        line.sendall(data)
        await backend.submit(spec(KEY, "exit 4"))
        assert (await backend.status(KEY, wait=None)).exit_code == 4


# ── a supervisor ─────────────────────────────────────────────────────────────────────────────────


async def test_a_killed_supervisor_leaves_its_step_lost_and_says_what_still_runs(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    await backend.submit(spec(KEY, WAIT))
    await until_on(backend)
    pid = (await backend.status(KEY)).pid
    supervisor(run_dir).kill()
    status = await backend.status(KEY, wait=None)
    os.killpg(pid, signal.SIGKILL)
    assert status.phase == "lost"
    assert status.error == f"its supervisor ended without a word; its process {pid} still runs"
    assert not await backend.submit(spec(KEY, WAIT))


async def test_a_damaged_exit_record_is_no_result(backend: LocalBackend, run_dir: Path, spec: Specs) -> None:
    await backend.submit(spec(KEY, "true"))
    await backend.status(KEY, wait=None)
    (spool(run_dir, KEY) / "exit").write_bytes(b"")
    status = await backend.status(KEY, wait=None)
    assert (status.phase, status.error) == ("lost", "its exit record is damaged")


@pytest.mark.parametrize(
    "claim",
    [
        b"",
        b"\0" * 64,
        b"process 12",
        b"process x y",
        b"supervisor",
        b"supervisor \n",
        b"supervisor 1" + b"0" * 20,
    ],
)
async def test_a_damaged_claim_is_a_claim(
    backend: LocalBackend, run_dir: Path, spec: Specs, claim: bytes
) -> None:
    home = spool(run_dir, KEY)
    home.mkdir()
    (home / "claim").write_bytes(claim)
    assert (await backend.status(KEY, wait=None)).phase == "lost"
    (home / "lock").touch()
    with (home / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert (await backend.status(KEY, wait=0.01)).phase == "running"
        await backend.cancel(KEY)
    assert not await backend.submit(spec(KEY, "true"))


async def test_files_that_cannot_be_read_are_one_line(backend: LocalBackend, run_dir: Path) -> None:
    (run_dir / "steps" / "1.1").write_text("no directory")
    with pytest.raises(BackendError, match="cannot be used: Not a directory"):
        await backend.status(KEY)


async def test_a_supervisor_killed_between_two_steps_is_replaced(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    await backend.submit(spec(KEY, "true"))
    await backend.status(KEY, wait=None)
    idle = supervisor(run_dir)
    idle.kill()
    idle.wait()
    await backend.submit(spec("run/2/1", "exit 4"))
    assert (await backend.status("run/2/1", wait=None)).exit_code == 4


async def test_more_steps_at_once_than_supervisors_are_kept(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    keys = [f"run/{number}/1" for number in range(1, 41)]
    for key in keys:
        await backend.submit(spec(key, WAIT))
    (tmp_path / "go").touch()
    assert [(await backend.status(key, wait=None)).exit_code for key in keys] == [4] * 40
    assert ledger(tmp_path) == dict.fromkeys(keys, 1)
    await backend.submit(spec("run/41/1", "exit 5"))
    assert (await backend.status("run/41/1", wait=None)).exit_code == 5


async def test_steps_that_cannot_keep_their_output_leave_no_descriptor(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    async def held_after(key: str, *, fails: bool) -> int:
        if fails:
            spool(run_dir, key).mkdir()
            (spool(run_dir, key) / "err").symlink_to("elsewhere")
        await backend.submit(spec(key, "true"))
        assert (await backend.status(key, wait=None)).never_started is fails
        return sum(process.num_fds() for process in server.children())

    server = fork_server(run_dir)
    before = await held_after(KEY, fails=False)
    for number in range(2, 6):
        await held_after(f"run/{number}/1", fails=True)
    assert await held_after("run/6/1", fails=False) == before


async def test_many_steps_leave_no_zombie_and_no_descriptor(
    backend: LocalBackend, run_dir: Path, spec: Specs
) -> None:
    numbers = iter(range(1, 10_000))

    async def work(count: int) -> None:
        for _ in range(count):
            key = f"run/{next(numbers)}/1"
            await backend.submit(spec(key, "/bin/sh", "-c", "true"))
            assert (await backend.status(key, wait=None)).exit_code == 0

    async def round_of_steps() -> list[int]:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(work, 25)
        processes = [server, *server.children(recursive=True)]
        assert not [process for process in processes if process.status() == psutil.STATUS_ZOMBIE]
        return [psutil.Process().num_fds(), *sorted(process.num_fds() for process in processes)]

    server = fork_server(run_dir)
    assert await round_of_steps() == await round_of_steps()

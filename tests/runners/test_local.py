"""One attempt on this machine, with real processes: what it sees, gives, leaves and is told."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from console.errors import BackendError, NeverStarted
from console.run.control import spool
from console.runners.backend import Spec, Status
from console.runners.local import LocalBackend

pytestmark = pytest.mark.anyio
Specs = Callable[..., Spec]
KEY = "run/1/1"


@pytest.fixture
async def backend(run_dir: Path) -> AsyncIterator[LocalBackend]:
    async with LocalBackend(run_dir, linger=0) as backend:
        yield backend


async def carry_out(backend: LocalBackend, spec: Spec) -> Status:
    assert await backend.submit(spec)
    return await backend.status(spec.key, wait=None)


async def read(backend: LocalBackend, key: str = KEY, offset: int = 0) -> dict[str, bytes]:
    streams = {"out": bytearray(), "err": bytearray()}
    async for chunk in backend.output(key, offset):
        assert chunk.offset == offset + len(streams[chunk.stream])
        streams[chunk.stream] += chunk.data
    return {name: bytes(data) for name, data in streams.items()}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


# ── what a step gives ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_the_exit_code_and_both_streams_are_kept(run_dir: Path, spec: Specs) -> None:
    async with LocalBackend(run_dir, linger=0) as backend:
        status = await carry_out(backend, spec(KEY, "echo out; echo err >&2; exit 3"))
        assert (status.phase, status.exit_code, status.never_started) == ("exited", 3, False)
        assert status.ended >= status.started > 0
        assert await read(backend) == {"out": b"out\n", "err": b"err\n"}


async def test_an_error_of_the_engine_leaves_the_backend_as_it_is(run_dir: Path) -> None:
    with pytest.raises(KeyError, match="its own"):
        async with LocalBackend(run_dir, linger=0):
            raise KeyError("its own")


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_engine_leaves_its_steps_alone(run_dir: Path, spec: Specs, tmp_path: Path) -> None:
    line = "while ! test -e go; do sleep 0.01; done; exit 4"
    with anyio.CancelScope() as scope:
        async with LocalBackend(run_dir, linger=0) as backend:
            await backend.submit(spec(KEY, line))
            scope.cancel()
            await backend.status(KEY, wait=None)
    assert scope.cancelled_caught
    (tmp_path / "go").touch()
    async with LocalBackend(run_dir, linger=0) as backend:
        assert (await backend.status(KEY, wait=None)).exit_code == 4


async def test_a_signal_is_a_negative_exit_code(backend: LocalBackend, spec: Specs) -> None:
    assert (await carry_out(backend, spec(KEY, "kill -USR1 $$"))).exit_code == -10


async def test_binary_output_is_kept_byte_for_byte(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    data = os.urandom(300_000) + bytes(range(256)) + b"\xff\xfe\r\n\0"
    (tmp_path / "data").write_bytes(data)
    await carry_out(backend, spec(KEY, "cat data; cat data >&2"))
    assert await read(backend) == {"out": data, "err": data}


async def test_output_can_be_read_from_any_byte_on(backend: LocalBackend, spec: Specs) -> None:
    await carry_out(backend, spec(KEY, "printf 0123456789"))
    assert (await read(backend, offset=7))["out"] == b"789"


async def test_output_is_followed_while_the_step_runs(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    await backend.submit(spec(KEY, "echo one; cat gate; echo two"))
    seen = []
    async for chunk in backend.output(KEY):
        seen.append(chunk.data)
        if len(seen) == 1:
            assert (await backend.status(KEY)).phase == "running"
            await anyio.to_thread.run_sync((tmp_path / "gate").write_bytes, b"between\n")
    assert b"".join(seen) == b"one\nbetween\ntwo\n"


async def test_a_large_output_does_not_pass_through_the_engine(backend: LocalBackend, spec: Specs) -> None:
    status = await carry_out(backend, spec(KEY, "head -c 50000000 /dev/zero"))
    assert status.exit_code == 0
    assert (await read(backend))["out"] == bytes(50_000_000)


# ── what a step sees ─────────────────────────────────────────────────────────────────────────────


async def test_the_environment_is_what_was_given_and_the_marker(backend: LocalBackend, spec: Specs) -> None:
    await carry_out(backend, spec(KEY, "/usr/bin/env", "--", "env", env={"A": "1=2", "PATH": "/usr/bin"}))
    lines = (await read(backend))["out"].splitlines()
    assert sorted(lines) == [b"A=1=2", b"PATH=/usr/bin", b"PLANDECK_STEP=run/1/1"]


async def test_there_is_nothing_to_read_and_no_terminal(backend: LocalBackend, spec: Specs) -> None:
    status = await carry_out(backend, spec(KEY, "cat; exec < /dev/tty"))
    assert status.exit_code not in (0, None)
    streams = await read(backend)
    assert streams["out"] == b""
    assert b"/dev/tty" in streams["err"]


async def test_a_step_leads_a_session_and_leaves_no_core(backend: LocalBackend, spec: Specs) -> None:
    await carry_out(backend, spec(KEY, "ulimit -c; cut -d' ' -f1,5,6 /proc/$$/stat"))
    limit, ids = (await read(backend))["out"].splitlines()
    assert limit == b"0"
    assert len(set(ids.split())) == 1


async def test_a_step_inherits_no_descriptor_and_no_blocked_or_ignored_signal(
    backend: LocalBackend, spec: Specs
) -> None:
    await carry_out(backend, spec(KEY, "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"))
    _, blocked, _, ignored = (await read(backend))["out"].split()
    assert int(blocked, 16) == 0
    assert int(ignored, 16) & 0x7FFFFFFF == 0  # the C library keeps those above for itself
    await carry_out(backend, spec("run/2/1", "ls /proc/$$/fd"))
    assert set((await read(backend, "run/2/1"))["out"].split()) <= {b"0", b"1", b"2"}


async def test_files_are_for_the_owner_only(backend: LocalBackend, spec: Specs, run_dir: Path) -> None:
    before = os.umask(0)
    try:
        await carry_out(backend, spec(KEY, "echo hi"))
    finally:
        os.umask(before)
    for path in (run_dir, *run_dir.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


# ── what never starts ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("no-such-program", "x"), "no-such-program was not found on the PATH"),
        (("./missing", "x"), "./missing is not there"),
        (("./plain", "x"), "./plain is not executable"),
        (("./nonsense", "x"), "a script needs a #! line"),
        (("./orphan", "x"), "the interpreter it names is not there"),
        (("./", "x"), "./ is not executable"),
        (("echo", "x" * 200_000), "too long (2"),
    ],
)
async def test_what_cannot_be_executed_was_never_started_and_says_why(
    backend: LocalBackend, spec: Specs, tmp_path: Path, argv: tuple[str, ...], words: str
) -> None:
    for name, text, mode in (
        ("plain", "#!/bin/sh\n", 0o644),
        ("nonsense", "echo", 0o755),
        ("orphan", "#!/no/such/shell\n", 0o755),
    ):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(mode)
    status = await carry_out(backend, spec(KEY, *argv))
    assert (status.phase, status.exit_code, status.never_started) == ("exited", None, True)
    assert words in status.error


async def test_a_working_directory_that_is_gone_is_named(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    status = await carry_out(backend, spec(KEY, "true", cwd=str(tmp_path / "gone")))
    assert status.never_started
    assert status.error == f"the working directory {tmp_path}/gone is not there"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"secrets": {"TOKEN": ""}}, "the secret TOKEN is empty"),
        ({"env": {"A": "x\0y"}}, "NUL"),
        ({"env": {"A": "\ud900"}}, "cannot be given to a process"),
        ({"env": {"A=B": "x"}}, "no name for a variable"),
        ({"cwd": "here"}, "not an absolute path"),
        ({"on": "elsewhere.example"}, "must run on elsewhere.example"),
        ({"call": {"tool": "x"}}, "it has no command"),
    ],
)
async def test_what_makes_no_sense_as_a_process_is_refused(
    backend: LocalBackend, spec: Specs, options: dict[str, object], words: str
) -> None:
    with pytest.raises(NeverStarted, match=words):
        await backend.submit(spec(KEY, "true", **options))
    assert (await backend.status(KEY)).phase == "unknown"


@pytest.mark.parametrize("key", ["", "run/1", "run/../1", "run/1/1/1", "/1/1", "run/a b/1"])
async def test_a_key_cannot_leave_the_run(backend: LocalBackend, key: str) -> None:
    with pytest.raises(BackendError, match="does not name an attempt"):
        await backend.status(key)


async def test_the_directory_of_an_attempt_follows_from_its_key(
    backend: LocalBackend, spec: Specs, run_dir: Path
) -> None:
    wrong = spec("run/1/2", "true")
    with pytest.raises(BackendError, match="follows from its key"):
        await backend.submit(Spec(key=KEY, argv=wrong.argv, cwd=wrong.cwd, spool=wrong.spool))


# ── how a step ends ──────────────────────────────────────────────────────────────────────────────


async def test_a_timeout_ends_what_ignores_term(backend: LocalBackend, spec: Specs) -> None:
    line = "trap '' TERM; echo $$; sh -c 'echo $$; sleep 1000'; sleep 1000"
    status = await carry_out(backend, spec(KEY, line, timeout=0.2, grace=0.2))
    assert (status.timed_out, status.exit_code, status.phase) == (True, -9, "exited")
    pids = [int(pid) for pid in (await read(backend))["out"].split()]
    assert len(pids) == 2
    assert not any(map(is_alive, pids))


async def test_a_cancelled_step_may_clean_up(backend: LocalBackend, spec: Specs) -> None:
    await backend.submit(spec(KEY, "trap 'echo clean; exit 7' TERM; echo on; while :; do sleep 0.02; done"))
    async for chunk in backend.output(KEY):
        if chunk.data == b"on\n":
            await backend.cancel(KEY)
    status = await backend.status(KEY)
    assert (status.phase, status.exit_code, status.timed_out) == ("cancelled", 7, False)
    assert (await read(backend))["out"] == b"on\nclean\n"


async def test_a_child_of_a_cancelled_step_has_the_grace_too(backend: LocalBackend, spec: Specs) -> None:
    child = "trap 'sleep 0.3; echo clean; exit' TERM; echo on; while :; do sleep 0.02; done"
    await backend.submit(spec(KEY, f'sh -c "{child}" & wait', grace=10))
    async for chunk in backend.output(KEY):
        if chunk.data == b"on\n":
            await backend.cancel(KEY)
    status = await backend.status(KEY)
    assert (status.phase, status.stragglers) == ("cancelled", 0)
    assert (await read(backend))["out"] == b"on\nclean\n"


async def test_a_cancel_right_after_the_start_leaves_nothing_pending(
    backend: LocalBackend, spec: Specs
) -> None:
    for attempt in range(1, 21):
        key = f"run/1/{attempt}"
        await backend.submit(spec(key, "/bin/sleep", "1000"))
        await backend.cancel(key)
        status = await backend.status(key, wait=None)
        assert status.phase == "cancelled"
        assert not status.pid or not is_alive(status.pid)


async def test_a_caller_that_is_cancelled_leaves_the_attempt_started_or_not_at_all(
    backend: LocalBackend, spec: Specs
) -> None:
    for attempt in range(1, 21):
        key = f"run/1/{attempt}"
        with anyio.CancelScope() as scope:
            scope.cancel()
            await backend.submit(spec(key, "true"))
        assert (await backend.status(key, wait=None)).phase in ("exited", "unknown")


async def test_a_late_cancel_does_not_hit_the_next_step(backend: LocalBackend, spec: Specs) -> None:
    await carry_out(backend, spec(KEY, "true"))
    await backend.cancel(KEY)
    assert (await carry_out(backend, spec("run/2/1", "true"))).phase == "exited"


async def test_a_grandchild_that_holds_the_output_does_not_hold_the_step(
    backend: LocalBackend, spec: Specs
) -> None:
    status = await carry_out(backend, spec(KEY, "sleep 1000 & echo $!"))
    assert (status.exit_code, status.stragglers) == (0, 1)
    assert not is_alive(int((await read(backend))["out"]))


async def test_a_daemon_in_a_session_and_environment_of_its_own_is_swept(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    line = "setsid env -i sh -c 'trap \"\" TERM HUP; echo $$ > pid; sleep 1000; sleep 1000' & "
    line += "while ! test -s pid; do sleep 0.01; done"
    status = await carry_out(backend, spec(KEY, line))
    assert status.stragglers == 2
    assert not is_alive(int((tmp_path / "pid").read_text()))


async def test_what_is_left_behind_may_finish_when_it_is_quick(backend: LocalBackend, spec: Specs) -> None:
    status = await carry_out(backend, spec(KEY, "(sleep 0.05; echo late) &"))
    assert (status.exit_code, status.stragglers) == (0, 0)
    assert (await read(backend))["out"] == b"late\n"


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_secret_is_taken_out_wherever_its_writes_are_cut(backend: LocalBackend, spec: Specs) -> None:
    line = 'for c in h u n t e r 2 2; do printf $c; printf $c >&2; done; echo " $TOKEN"; printf hunt'
    status = await carry_out(backend, spec(KEY, line, secrets={"TOKEN": "hunter22"}))
    assert status.exit_code == 0
    assert await read(backend) == {
        "out": b"<secret:TOKEN> <secret:TOKEN>\nhunt",
        "err": b"<secret:TOKEN>",
    }


async def test_a_secret_is_in_no_file_of_the_run(backend: LocalBackend, spec: Specs, run_dir: Path) -> None:
    await carry_out(backend, spec(KEY, "echo $TOKEN; exec no-such", secrets={"TOKEN": "hunter22"}))
    assert not [path for path in run_dir.rglob("*") if path.is_file() and b"hunter22" in path.read_bytes()]


async def test_a_step_with_secrets_ends_with_its_process_too(backend: LocalBackend, spec: Specs) -> None:
    status = await carry_out(backend, spec(KEY, "echo $TOKEN; sleep 1000 &", secrets={"TOKEN": "hunter22"}))
    assert (status.exit_code, status.stragglers, status.error) == (0, 1, "")
    assert (await read(backend))["out"] == b"<secret:TOKEN>\n"


async def test_a_step_with_secrets_that_cannot_start_says_why(backend: LocalBackend, spec: Specs) -> None:
    status = await carry_out(backend, spec(KEY, "no-such", "x", secrets={"TOKEN": "hunter22"}))
    assert (status.never_started, status.error) == (True, "no-such was not found on the PATH")


# ── many ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_unknown_attempt_is_not_waited_for(backend: LocalBackend) -> None:
    assert (await backend.status(KEY, wait=None)).phase == "unknown"
    assert await read(backend) == {"out": b"", "err": b""}


async def test_waiting_has_an_end_and_does_not_disturb_the_next_wait(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    await backend.submit(spec(KEY, "cat gate"))
    assert (await backend.status(KEY, wait=0.01)).phase == "running"
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(backend.status, KEY, None)
        await anyio.to_thread.run_sync((tmp_path / "gate").write_bytes, b"go")
    assert (await backend.status(KEY)).exit_code == 0


async def test_the_host_is_the_only_worker(backend: LocalBackend) -> None:
    (worker,) = await backend.workers()
    assert worker.host == os.uname().nodename


async def test_the_operator_can_give_an_attempt_up(
    backend: LocalBackend, spec: Specs, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "gate")
    await backend.submit(spec(KEY, "cat gate"))
    found = []

    async def wait() -> None:
        found.append(await backend.status(KEY, wait=None))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        await backend.abandon(KEY)
    await anyio.to_thread.run_sync((tmp_path / "gate").write_bytes, b"late")
    assert [status.phase for status in found] == ["lost"]
    assert (await backend.status(KEY)).phase == "lost"


async def test_an_attempt_given_up_before_it_started_never_starts(
    backend: LocalBackend, spec: Specs, run_dir: Path
) -> None:
    await backend.abandon(KEY)
    assert not await backend.submit(spec(KEY, "true"))
    assert (await backend.status(KEY)).never_started
    assert not (spool(run_dir, KEY) / "out").exists()


async def test_after_a_restart_of_the_machine_nobody_claims_to_know(run_dir: Path) -> None:
    (run_dir / "boot").write_text("another boot")
    async with LocalBackend(run_dir, linger=0) as backend:
        assert (await backend.status(KEY)).phase == "lost"

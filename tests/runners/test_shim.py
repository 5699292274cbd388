"""The fork server stays small, and alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

import console
from console.errors import BackendError
from console.runners.backend import Spec
from console.runners.local import LocalBackend

ROOT = Path(console.__file__).parents[1]
Specs = Callable[..., Spec]


def test_the_fork_server_loads_nothing_it_does_not_need() -> None:
    line = "import sys; sys.path.append(sys.argv[1]); import console.runners.shim; print(*sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", line, str(ROOT)]
    loaded = set(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split())
    ours = {name for name in loaded if name.startswith("console.")}
    assert ours == {"console.runners"} | {
        f"console.runners.{name}" for name in ("shim", "pool", "supervisor", "order", "processes", "program")
    }
    assert not loaded & {"pathlib", "typing", "dataclasses", "subprocess", "asyncio", "anyio", "logging"}


@pytest.mark.anyio
async def test_two_backends_share_one_fork_server(run_dir: Path, spec: Specs) -> None:
    backends = [LocalBackend(run_dir, linger=0) for _ in range(4)]
    codes = []

    async def work(number: int) -> None:
        async with backends[number] as backend:
            key = f"run/{number}/1"
            await backend.submit(spec(key, "cut -d' ' -f4 /proc/$PPID/stat"))
            codes.append((await backend.status(key, wait=None)).exit_code)

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(work, number)
    assert codes == [0] * 4


@pytest.mark.anyio
async def test_supervisors_are_made_before_steps_ask_for_them(run_dir: Path, spec: Specs) -> None:
    line = (
        "server=$(cut -d' ' -f4 /proc/$PPID/stat);"
        " until [ $(wc -w </proc/$server/task/$server/children) = 3 ]; do :; done"
    )
    async with LocalBackend(run_dir, linger=0, ready=3) as backend:
        await backend.submit(spec("run/1/1", line, timeout=20.0))
        assert (await backend.status("run/1/1", wait=None)).exit_code == 0


FULL_DISK = """
import sys, anyio
from pathlib import Path
from console.errors import NeverStarted
from console.run.control import spool
from console.runners.backend import Spec
from console.runners.local import LocalBackend

run_dir = Path(sys.argv[1])

def spec(key, line):
    return Spec(key, ("/bin/sh", "-c", line), "/", spool(run_dir, key), {"PATH": "/usr/bin:/bin"})

async def main():
    async with LocalBackend(run_dir, linger=0) as backend:
        await backend.submit(spec("run/1/1", "head -c 1000000 /dev/zero"))
        print((await backend.status("run/1/1", wait=0.5)).phase)
        try:
            await backend.submit(spec("run/2/1", "true"))
        except NeverStarted as error:
            print(error)
        (run_dir / "steps/1.1/out").write_bytes(b"")
        print((await backend.status("run/1/1", wait=None)).exit_code)
        print(await backend.submit(spec("run/2/1", "true")))
        print((await backend.status("run/2/1", wait=None)).exit_code)

anyio.run(main)
"""


def test_a_full_disk_loses_no_record_and_starts_nothing_new(tmp_path: Path) -> None:
    unshare = ["unshare", "-Urm", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=100k none {tmp_path}"
    if not shutil.which("unshare") or subprocess.run([*unshare, mount], capture_output=True).returncode:
        pytest.skip("no file system of one's own is to be had here")
    argv = [*unshare, f'{mount} && exec "$@"', "sh", sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines() == [
        "running",
        "step run/2/1: it cannot be claimed: No space left on device. it was never started",
        "1",
        "True",
        "0",
    ]


@pytest.mark.anyio
async def test_a_fork_server_that_does_not_come_up_is_one_line(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.runners.link.sys.executable", "/bin/true")
    monkeypatch.setattr("console.runners.link._TRIES", 2)
    with pytest.raises(BackendError, match=r"shim\.sock: the process that starts steps does not answer"):
        async with LocalBackend(run_dir, linger=0):
            pass


@pytest.mark.anyio
async def test_a_python_that_is_gone_is_one_line(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.runners.link.sys.executable", "/no/such/python")
    with pytest.raises(BackendError, match="cannot be reached: No such file"):
        async with LocalBackend(run_dir, linger=0):
            pass

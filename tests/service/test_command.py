"""A command whose output is wanted whole."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Literal

import anyio
import pytest

from console.service.command import output_of

PATH = {"PATH": os.environ["PATH"]}


@pytest.mark.anyio
@pytest.mark.parametrize(("stream", "written"), [("stdout", b"said\n"), ("stderr", b"complained\n")])
async def test_its_exit_code_and_what_it_wrote(
    tmp_path: Path, stream: Literal["stdout", "stderr"], written: bytes
) -> None:
    line = "cat; echo said; echo complained >&2; exit 3"
    assert await output_of(["sh", "-c", line], stream, cwd=tmp_path, env=PATH) == (3, written)


@pytest.mark.anyio
async def test_one_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await output_of(["no-such-program"], "stdout", cwd=tmp_path, env=PATH)


def test_nothing_is_left_of_one_that_is_called_off_at_any_moment(tmp_path: Path) -> None:
    async def call_off(after: float) -> None:
        with anyio.move_on_after(after):
            await output_of(["sleep", "0.01"], "stderr", cwd=tmp_path, env=PATH)

    for moment in range(60):
        anyio.run(call_off, moment / 10_000)
    gc.collect()  # what is open still is told of, which fails the test

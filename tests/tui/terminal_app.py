"""The console as a program, for tests that give it a terminal: `python -m tests.tui.terminal_app DIR`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from console.tui.app import Options, run_console
from tests.tui import fakes

if __name__ == "__main__":
    session = fakes.FakeSession(Path(sys.argv[1]), *fakes.running())
    sys.exit(asyncio.run(run_console(session, Options(by="ada"))))

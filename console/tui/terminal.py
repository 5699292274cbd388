"""The driver of the terminal: its input survives any byte, and a terminal that is gone ends the console.

Textual's own driver ends at the first byte that is no UTF-8, reads for ever at full speed from a terminal
that was closed, and blocks the application once thirty frames could not be written to it. A closed
terminal is usually told by SIGHUP, but not where that is ignored, comes too late, or there is no session.
"""

from __future__ import annotations

import signal
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import Any

from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

HUNG_UP = 128 + signal.SIGHUP
"""Exit code of a console whose terminal is gone."""


class Writer(WriterThread):
    """Writes what is painted. What a terminal that is gone does not take is dropped: whoever paints
    waits for room here."""

    def run(self) -> None:
        while (text := self._queue.get()) is not None:
            with suppress(OSError):
                self._file.write(text)
                if self._queue.empty():
                    self._file.flush()
        with suppress(OSError):
            self._file.flush()


class Terminal(LinuxDriver):
    """The Linux driver with this file's input and output."""

    def run_input_thread(self) -> None:
        try:
            super().run_input_thread()
        except (OSError, EOFError):
            app = self._app
            app.call_later(app.exit, return_code=HUNG_UP)


def _decoder(encoding: str) -> Any:
    """A decoder that drops what is no text, and says when no more will come."""
    decode = getincrementaldecoder(encoding)(errors="ignore").decode

    class Decoder:
        @staticmethod
        def decode(data: bytes, final: bool = False) -> str:
            if not data:
                raise EOFError("the terminal is gone")
            return decode(data, final)

    return Decoder


vars(linux_driver).update(getincrementaldecoder=_decoder, WriterThread=Writer)

"""The driver of the terminal: input that survives any byte and any cut, frames that the terminal has asked
for, and an end of the console when the terminal is gone.

Textual's own driver ends at the first byte that is no UTF-8, takes the parts of a split escape sequence for
keys, reads for ever at full speed from a terminal that was closed, and blocks the application once thirty
frames could not be written to it. A closed terminal is usually told by SIGHUP, but not where that is
ignored, comes too late, or there is no session.
"""

from __future__ import annotations

import os
import selectors
import signal
import termios
from codecs import getincrementaldecoder
from contextlib import suppress
from contextvars import copy_context

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers import linux_driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.drivers.web_driver import WebDriver
from textual.message import Message
from textual.messages import TerminalSupportsSynchronizedOutput

from console.tui.keyboard import Keyboard
from console.tui.pacing import QUESTIONS, Gate, Pace
from console.tui.picture import Picture

HUNG_UP = 128 + signal.SIGHUP
"""Exit code of a console whose terminal is gone."""

READ = 65_536
LOOK = 0.1
"""Seconds between looks at the clock while no key comes."""

CLEAR = "\x1b[m\x1b[2J\x1b[H"

ASKS_POSITION = ("linux", "screen", "tmux", "vt")
"""Beginnings of TERM of terminals that do not know the other question, and may print it."""


class Writer(WriterThread):
    """Writes what is painted. What a terminal that is gone does not take is dropped: whoever paints
    waits for room here."""

    is_writing = False

    @property
    def is_stuck(self) -> bool:
        """Whether something waits to be written."""
        return self.is_writing or not self._queue.empty()

    def run(self) -> None:
        while (text := self._queue.get()) is not None:
            self.is_writing = True
            with suppress(OSError):
                self._file.write(text)
                if self._queue.empty():
                    self._file.flush()
            self.is_writing = False
        with suppress(OSError):
            self._file.flush()


class Paced(Driver):
    """What both drivers have: a pace, a gate, and a picture of what is shown. A frame ends with `flush`."""

    def __init__(
        self,
        app: App[object],
        *,
        debug: bool = False,
        mouse: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self.pace = Pace()
        self.gate = Gate(app, self.pace, self._is_stuck)
        self.picture = Picture()
        self._unflushed = 0
        self._context = copy_context()

    def _is_stuck(self) -> bool:
        return False

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[safe-super]
        self._context = copy_context()
        self.pace.begin()
        self.picture.forget()
        self._unflushed = 0

    def write(self, data: str) -> None:
        self._unflushed += len(data)
        super().write(data)  # type: ignore[safe-super]

    def flush(self) -> None:
        size, self._unflushed = self._unflushed, 0
        if size and (question := self.pace.painted(size)):
            super().write(question)  # type: ignore[safe-super]

    def _tell(self, kind: str) -> None:
        """The terminal answered; called in the thread of the input, which knows nothing of the application
        that some of what is painted then asks for."""
        with suppress(RuntimeError):  # the loop has ended: nothing is painted any more
            self._loop.call_soon_threadsafe(self.gate.answered, kind, context=self._context)


class Browser(Paced, WebDriver):
    """A page that `plandeck serve` shows. Its sequences come whole."""

    def run_input_thread(self) -> None:
        super().run_input_thread()
        if not self.exit_event.is_set():  # the server is gone, and the page with it
            app = self._app
            app.call_later(app.exit, return_code=HUNG_UP)

    def process_message(self, message: Message) -> None:
        if isinstance(message, TerminalSupportsSynchronizedOutput):
            self._tell("mode")
        super().process_message(message)


class Terminal(Paced, LinuxDriver):
    """The Linux driver with this file's input and output."""

    def _is_stuck(self) -> bool:
        return isinstance(self._writer_thread, Writer) and self._writer_thread.is_stuck

    # ── output ───────────────────────────────────────────────────────────────────────────────────

    def start_application_mode(self) -> None:
        super().start_application_mode()
        if self.input_tty and self._writer_thread is not None:
            self.write(QUESTIONS["position"])

    def stop_application_mode(self) -> None:
        # Where there is no second screen to go back from (the Linux console, GNU screen as it comes), the
        # shell's prompt would stand in the middle of the picture.
        self.write(CLEAR)
        super().stop_application_mode()

    def _request_terminal_sync_mode_support(self) -> None:
        if not os.environ.get("TERM", "").startswith(ASKS_POSITION):
            super()._request_terminal_sync_mode_support()

    def _query_in_band_window_resize(self) -> None:
        if not os.environ.get("TERM", "").startswith(ASKS_POSITION):
            super()._query_in_band_window_resize()

    # ── input, in a thread of its own ────────────────────────────────────────────────────────────

    def run_input_thread(self) -> None:
        try:
            self._read_keys()
        except (OSError, EOFError):
            app = self._app
            app.call_later(app.exit, return_code=HUNG_UP)

    def _read_keys(self) -> None:
        parser = XTermParser(self._debug)
        decode = getincrementaldecoder("utf-8")(errors="ignore").decode
        keyboard = Keyboard(self._ask, self._tell)
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                is_typed = selector.select(LOOK)
                text = keyboard.feed(decode(self._keys())) if is_typed else keyboard.tick()
                # No text at all would be the end to the parser.
                for message in (*(parser.feed(text) if text else ()), *parser.tick()):
                    self.process_message(message)

    def _keys(self) -> bytes:
        """What was typed; nothing while somebody else has the terminal. Raises where it is gone."""
        try:
            data = os.read(self.fileno, READ)
        except OSError:
            # A job that another one has taken the terminal from gets the same error as one whose terminal is
            # gone; but that has no settings any more.
            with suppress(termios.error):
                termios.tcgetattr(self.fileno)
                self.exit_event.wait(LOOK)
                return b""
            raise
        if not data:
            raise EOFError("the terminal is gone")
        return data

    def _ask(self) -> bool:
        """Have the terminal answer, so that a lone Escape is known for one; whether it will."""
        if not self.pace.is_answered:
            return False
        super().write(QUESTIONS[self.pace.question])
        return True


vars(linux_driver).update(WriterThread=Writer)

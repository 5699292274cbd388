"""What a server says besides messages: its standard error, and lines that are no messages.

It is kept as safe text, since somebody will look at it in a terminal: the values of secrets are taken out as
from a step's output, escape sequences are spelled out. It never takes more than twice `LIMIT`: what is
older is forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from console.redact import Redactor
from console.text import Cleaner, clean, token

LIMIT = 1024 * 1024
"""Bytes of one file. A full one becomes `NAME.old.log`, in place of the one before it."""

_LINE = 200  # characters of the last line
_TAIL = 2_000  # characters in which it is looked for
_NOTED = 2_000  # characters of a line that is no message
_READ = 65_536  # bytes of it that are looked at: a secret must not be cut before it is found
_OPEN = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class ServerLog:
    """The log of one session, appended to the file `path`. `secrets` are values by name.

    A file that cannot be written loses what was said, and nothing else.
    """

    def __init__(self, path: Path, secrets: Mapping[str, str]) -> None:
        self.path = path
        self._redactor, self._cleaner = Redactor(secrets), Cleaner()
        self._tail = ""

    def note(self, what: str, said: bytes) -> str:
        """Put in a line of our own: `what`, and as much of `said` as shows what it is; gives that."""
        text = self._redactor.redact(said[:_READ].decode("utf-8", "replace"))
        shown = clean(text[:_NOTED]).strip().replace("\n", token("\n"))
        self._keep(f"{what}: {shown}\n")
        return shown[:_LINE]

    def write(self, data: bytes) -> None:
        """Take on the next piece of its standard error, cut anywhere."""
        self._keep(self._cleaner.feed(self._redactor.feed(data)).text)

    def close(self) -> None:
        """Its standard error is over: keep what was held, since a secret might have begun there."""
        self._keep(self._cleaner.feed(self._redactor.close(), final=True).text)

    @property
    def last_line(self) -> str:
        """The last line that says something; "" when none does."""
        lines = (line.strip() for line in reversed(self._tail.splitlines()))
        return next((line[:_LINE] for line in lines if line), "")

    def _keep(self, text: str) -> None:
        if not text:
            return
        self._tail = (self._tail + text)[-_TAIL:]
        with suppress(OSError):
            fd = os.open(self.path, _OPEN, 0o600)
            with os.fdopen(fd, "ab", 0) as file:
                file.write(text.encode())
                is_full = file.tell() >= LIMIT
            if is_full:
                self.path.replace(self.path.with_suffix(".old.log"))

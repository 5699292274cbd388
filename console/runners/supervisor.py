"""The supervisor: the process that owns one attempt of one step from its start to its exit record.

While it has the attempt it holds an exclusive lock on `lock` (liveness is the lock, not the pid). It
starts the command in a session of its own, with no terminal and nothing to read, its output going
straight to the files `out` and `err`; waits for the process, never for the end of its output; enforces
the timeout; cancels when TERM makes it look and there is a file `cancel`, so that a late signal cannot
hit the wrong step; ends what the step leaves behind, which it inherits as a subreaper; and writes
`exit` in one rename. Nothing here waits for the engine or the fork server: both may be gone.

No file is synced: after a power loss the journal's intent says that the attempt may have run.
Times are seconds since the epoch; what lies between two of them is measured by a clock that nobody
sets, and that stands still while the machine sleeps.
"""

from __future__ import annotations

import errno
import json
import os
import signal
from contextlib import suppress
from time import monotonic, time

from console.runners.order import MARKER, Order
from console.runners.processes import descendants, next_signal, send
from console.runners.program import find_program, why_not

LOCK, CLAIM, CANCEL, OUT, ERR, EXIT = "lock", "claim", "cancel", "out", "err", "exit"

DRAIN = 0.25  # seconds in which what is left behind may end by itself (a `tee`, a logger)
TERM_GRACE = 1.0  # from TERM to KILL for what is left behind
KILL_GRACE = 5.0  # then it is reported instead: a process can be in uninterruptible sleep
SPAWN_PAUSES = (0.05, 0.2, 0.5)
RECORD_PAUSE = 1.0

_NEW = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_DEFAULTS = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGPIPE,
    signal.SIGTERM,
    signal.SIGCHLD,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGXFSZ,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


class CannotStart(Exception):
    """The command was never started; the text says why."""


class Supervisor:
    """One attempt. `home`, `lock` and `claim` are the descriptors of its directory and files."""

    def __init__(self, order: Order, home: int, lock: int, claim: int) -> None:
        self._order = order
        self._home = home
        self._lock = lock
        self._claim = claim
        self._pid = 0
        self._code: int | None = None
        self._ending = ""
        self._stragglers: set[int] = set()
        self._redactor = 0
        self._redactor_failed = False
        self._error = ""

    def run(self) -> bool:
        """Start, wait, sweep, and leave the exit record. Whether nothing else was left behind, in this
        process neither: what could not be started may have opened things for it."""
        started, clock = time(), monotonic()
        try:
            self._start(started)
        except CannotStart as error:
            self._error = str(error)
        else:
            self._wait()
            self._sweep()
        self._end_redactor()
        record = {
            "exit_code": self._code,
            "pid": self._pid,
            "started": started,
            "ended": started + monotonic() - clock,
            "timed_out": self._ending == "timeout",
            "cancelled": self._ending == "cancel",
            "never_started": not self._pid,
            "stragglers": len(self._stragglers),
            "error": self._error,
        }
        self._leave(json.dumps(record).encode())
        return not self._reap() and not self._error

    # ── start ────────────────────────────────────────────────────────────────────────────────────

    def _start(self, started: float) -> None:
        order = self._order
        order.env[MARKER] = order.key
        self._stop_if_cancelled()
        streams = self._open_streams()
        try:
            os.chdir(order.cwd)
            self._pid = self._spawn(*streams)
        except FileNotFoundError:
            raise CannotStart(f"the working directory {os.fsdecode(order.cwd)} is not there") from None
        except OSError as error:
            where = os.fsdecode(order.cwd)
            raise CannotStart(f"the working directory {where} cannot be used: {error.strerror}") from None
        finally:
            for fd in streams:
                os.close(fd)
            os.fchdir(self._home)
        with suppress(OSError):  # only for people to read: the step runs without it
            os.write(self._claim, b"process %d %.6f\n" % (self._pid, started))

    def _open_streams(self) -> tuple[int, int]:
        try:
            out = os.open(OUT, _NEW | os.O_APPEND, 0o600, dir_fd=self._home)
            err = os.open(ERR, _NEW | os.O_APPEND, 0o600, dir_fd=self._home)
            if self._order.secrets:
                from console.runners.redacting import interpose  # few steps need what it loads

                self._redactor, out, err = interpose(
                    out, err, self._order.secrets, held=(self._home, self._lock, self._claim)
                )
        except OSError as error:
            raise CannotStart(f"its output cannot be kept: {error.strerror}") from None
        return out, err

    def _spawn(self, out: int, err: int) -> int:
        order = self._order
        pauses = iter(SPAWN_PAUSES)
        while True:
            try:
                return os.posix_spawn(
                    find_program(order.argv[0], order.env.get(b"PATH", os.fsencode(os.defpath))),
                    order.argv,
                    order.env,
                    file_actions=[(os.POSIX_SPAWN_DUP2, out, 1), (os.POSIX_SPAWN_DUP2, err, 2)],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=_DEFAULTS,
                )
            except OSError as error:
                pause = next(pauses, None) if error.errno in (errno.EAGAIN, errno.ENOMEM) else None
                if pause is None:
                    raise CannotStart(why_not(order, error)) from None
            signal.sigtimedwait((signal.SIGTERM,), pause)
            self._stop_if_cancelled()

    def _stop_if_cancelled(self) -> None:
        if self._is_cancelled():
            self._ending = "cancel"
            raise CannotStart("it was cancelled before it started")

    def _is_cancelled(self) -> bool:
        return os.access(CANCEL, os.F_OK, dir_fd=self._home)

    # ── wait ─────────────────────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        """Until the process is over. TERM to its group at the timeout or on a cancel, then KILL."""
        due = None if self._order.timeout is None else monotonic() + self._order.timeout
        while True:
            got = next_signal(due)
            self._reap()
            if self._code is not None:
                return
            if not self._ending:
                if got == signal.SIGTERM and self._is_cancelled():
                    self._ending = "cancel"
                elif not got:
                    self._ending = "timeout"
                else:
                    continue
                send(-self._pid, signal.SIGTERM, signal.SIGCONT)
                due = monotonic() + self._order.grace
            elif not got:
                send(-self._pid, signal.SIGKILL)
                due = None

    def _reap(self) -> bool:
        """Take the exit of every child that is over; whether any is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if pid == self._pid:
                self._code = os.waitstatus_to_exitcode(status)
            elif pid == self._redactor:
                self._redactor = 0
                self._redactor_failed = status != 0

    # ── what is left behind ──────────────────────────────────────────────────────────────────────

    def _sweep(self) -> None:
        """End everything the step left behind, whatever its session or environment."""
        if not self._is_left_after(0 if self._ending else DRAIN):
            return
        # After a cancel or a timeout the group has had its TERM; to many programs a second one
        # means "drop everything".
        self._end_leftovers(signal.SIGTERM, spare_group=bool(self._ending))
        if not self._is_left_after(max(TERM_GRACE, self._order.grace if self._ending else 0)):
            return
        due = monotonic() + KILL_GRACE
        while monotonic() < due:
            self._end_leftovers(signal.SIGKILL)
            if not self._is_left_after(0.1):
                return
        self._error = f"{len(descendants(but=self._redactor))} processes it left behind could not be ended"

    def _is_left_after(self, seconds: float) -> bool:
        """Whether something is still there after `seconds`; sooner when nothing is."""
        due = monotonic() + seconds
        while self._reap() and (not self._redactor or descendants(but=self._redactor)):
            if monotonic() >= due:
                return True
            next_signal(due)
        return False

    def _end_leftovers(self, number: int, *, spare_group: bool = False) -> None:
        for pid, group in descendants(but=self._redactor):
            if not (spare_group and group == self._pid):
                self._stragglers.add(pid)
                send(pid, number, signal.SIGCONT)

    def _end_redactor(self) -> None:
        """It reads the end as soon as the last writer is gone; it may not hold the record up."""
        due = monotonic() + KILL_GRACE
        while self._redactor and self._reap() and monotonic() < due:
            next_signal(due)
        if self._redactor:
            send(self._redactor, signal.SIGKILL)
        if self._redactor or self._redactor_failed:
            self._error = self._error or "a part of its output is missing: it could not be redacted"

    # ── the record ───────────────────────────────────────────────────────────────────────────────

    def _leave(self, record: bytes) -> None:
        """Write the exit record: whole or not at all. While the disk is full it waits for space, and
        the attempt goes on being `running`, until it is cancelled."""
        part = f"{EXIT}.part"
        while True:
            try:
                fd = os.open(part, _NEW | os.O_TRUNC, 0o600, dir_fd=self._home)
                try:
                    is_whole = os.write(fd, record) == len(record)
                finally:
                    os.close(fd)
                if is_whole:
                    os.rename(part, EXIT, src_dir_fd=self._home, dst_dir_fd=self._home)
                    return
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
            if signal.sigtimedwait((signal.SIGTERM,), RECORD_PAUSE) and self._is_cancelled():
                return

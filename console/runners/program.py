"""Which file a command means, and in words why it could not be started.

Only what the fork server can afford to load is imported here.
"""

# pathlib is not loaded here
# ruff: noqa: PTH116

from __future__ import annotations

import errno
import os
import stat

from console.runners.order import Order

_WORDS = {
    errno.EACCES: "{program} is not executable",
    errno.ENOEXEC: "{program} is not a program this machine can run (a script needs a #! line)",
    errno.E2BIG: "the arguments and the environment are too long ({size} bytes)",
    errno.ETXTBSY: "{program} is being written to",
    errno.EAGAIN: "no more processes can be started here",
    errno.ENOMEM: "there is not enough memory to start {program}",
    errno.EMFILE: "too many files are open to start {program}",
    errno.ELOOP: "{program} is a loop of links",
}


def find_program(name: bytes, path: bytes) -> bytes:
    """The file that `name` means on `path`, as execvp(3) looks it up; relative to the current
    directory when it holds a slash. Raises `OSError` when there is none."""
    if b"/" in name:
        return name
    problem = errno.ENOENT
    for folder in path.split(b":"):
        program = (folder or b".") + b"/" + name
        try:
            is_file = stat.S_ISREG(os.stat(program).st_mode)
        except OSError:
            continue
        if is_file and os.access(program, os.X_OK):
            return program
        if is_file:
            problem = errno.EACCES
    raise OSError(problem, os.strerror(problem), name)


def why_not(order: Order, error: OSError) -> str:
    """Why the command of `order` could not be started, in one phrase."""
    program = os.fsdecode(order.argv[0])
    if error.errno == errno.ENOENT:
        if b"/" not in order.argv[0]:
            return f"{program} was not found on the PATH"
        if os.path.lexists(program):
            return f"{program} cannot be run: the interpreter it names is not there"
        return f"{program} is not there"
    words = _WORDS.get(error.errno or 0, "{program} could not be started: " + (error.strerror or "?"))
    size = sum(map(len, order.argv)) + sum(len(name) + len(value) for name, value in order.env.items())
    return words.replace("{program}", program).replace("{size}", str(size))

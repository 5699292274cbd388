"""Commands that evaluate some of their words or run others: the tables of console/catalog/evaluation.py."""

from __future__ import annotations

import re

BUILTINS = {"eval", "trap", "alias", "let", "source", ".", "[["}
EVALUATES = BUILTINS | {"watch", "parallel", "crontab", "expect"}
"""Commands whose words are code, or name a file of code for this very shell; the first are only found
where this shell itself would run them."""

POSITIONAL = frozenset("123456789@*")
"""In a script with placeholders these are the values."""

SHELLS = {"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish", "csh", "tcsh", "busybox"}
TAKES_C = SHELLS | {"su", "runuser", "script", "flock", "sg"}
REMOTE = {"ssh", "slogin", "rsh", "mosh", "pdsh", "clush", "autossh"}
SSH_WITH_VALUE = "BbcDEeFIiJLlmOoPpQRSWw"
SSH_SAFE_OPTIONS = {"-p", "-l", "-i"}

PROGRAMS = {
    "sed": ("-e", "--expression"),
    "awk": (),
    "gawk": (),
    "mawk": (),
    "nawk": (),
    "python": ("-c",),
    "pypy": ("-c",),
    "perl": ("-e", "-E"),
    "ruby": ("-e",),
    "node": ("-e", "-p", "--eval"),
    "bun": ("-e", "--eval"),
    "php": ("-r",),
    "lua": ("-e",),
    "Rscript": ("-e",),
    "julia": ("-e",),
    "elixir": ("-e",),
    "groovy": ("-e",),
    "osascript": ("-e",),
    "vi": ("-c",),
    "vim": ("-c", "--cmd"),
    "nvim": ("-c", "--cmd"),
    "gdb": ("-ex",),
}
"""Interpreters, without their version (`python3.11`), and the options that are followed by program text."""

COMMAND_OPTIONS = {
    "env": ("-S", "--split-string"),
    "rsync": ("-e", "--rsh"),
    "scp": ("-o", "-S"),
    "sftp": ("-o", "-S"),
    "tar": ("-I", "-F", "--use-compress-program", "--to-command", "--checkpoint-action", "--rsh-command"),
}
"""Options whose value is a command, or decides which one is run."""

READ_A_SCRIPT = {"at", "batch"}
"""Commands that take a script for a shell from their standard input, whatever their words are."""

EXECUTING_ADDRESS = re.compile(r"(system|exec|shell):", re.IGNORECASE)
"""How an address of socat begins that is a command."""

FIRST_OPERAND = {"sed", "awk", "gawk", "mawk", "nawk"}
"""Those whose first operand is program text when no option gave it."""

PREFIXES = {
    "sudo": "ughpCrtTUDR",
    "doas": "uC",
    "env": "uCS",
    "nohup": "",
    "timeout": "ks",
    "nice": "n",
    "ionice": "cnp",
    "time": "fo",
    "exec": "a",
    "command": "",
    "builtin": "",
    "xargs": "IinLPsEd",
    "find": "",
    "stdbuf": "ioe",
    "setsid": "",
    "chroot": "",
    "docker": "",
    "podman": "",
    "kubectl": "",
    "sshpass": "pfe",
    "flock": "wE",
    "su": "sgG",
    "runuser": "ugG",
    "pkexec": "",
    "gosu": "",
    "setpriv": "",
    "chrt": "TPD",
    "taskset": "",
    "fakeroot": "ilus",
    "unshare": "",
    "nsenter": "t",
    "systemd-run": "p",
    "strace": "eo",
    "entr": "",
}
"""Commands that run another command, and their short options that take a value."""

OPERANDS_BEFORE_COMMAND = {"timeout": 1, "chroot": 1, "flock": 1, "gosu": 1, "chrt": 1, "taskset": 1}
RUN_THEIR_OPERAND = {
    "sudo", "doas", "env", "nohup", "timeout", "nice", "ionice", "time", "exec", "command", "builtin",
    "xargs", "stdbuf", "setsid", "chroot", "sshpass", "unshare", "nsenter", "systemd-run", "strace",
    "pkexec", "gosu", "setpriv", "chrt", "taskset", "fakeroot",
}  # fmt: skip

NAMES_VARIABLES = {
    "export",
    "readonly",
    "declare",
    "typeset",
    "local",
    "unset",
    "read",
    "getopts",
    "printf -v",
}
CODE_VARIABLES = re.compile(
    r"^(PATH|IFS|ENV|BASH_ENV|PS4|SHELLOPTS|LD_\w+|PYTHON\w*|PERL5\w*|RUBY\w*|NODE_OPTIONS|GIT_SSH\w*|"
    r"GIT_EXTERNAL_DIFF|EDITOR|VISUAL|PAGER|GIT_PAGER)=\0?"
)
READS_NO_OPTIONS = {"[", "test", ":", "return", "exit", "shift"}

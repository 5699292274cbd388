"""What `--help` says: each command has an example that can be typed, in 80 columns; shells complete names."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from console.cli import app

ROOT: Any = get_command(app)
COMMANDS = [(name,) for name in ROOT.commands if name != "script"] + [
    ("script", name) for name in ROOT.commands["script"].commands
]


def help_of(*words: str) -> str:
    command = [sys.executable, "-m", "console.cli", *words, "--help"]
    environment = os.environ | {"COLUMNS": "80"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def examples(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("    plandeck ")]


@pytest.mark.parametrize("words", [(), ("script",), *COMMANDS], ids=" ".join)
def test_help_fits_a_terminal_and_has_an_example_that_can_be_typed(words: tuple[str, ...]) -> None:
    told = help_of(*words)
    assert max(map(len, told.splitlines())) <= 80
    assert examples(told)
    for example in examples(told):
        name, *rest = shlex.split(example)[1:]  # the usage ends so
        command = ROOT.commands[name]
        if name == "script":
            command, rest = command.commands[rest[0]], rest[1:]  # the usage ends so
        command.make_context(name, rest)  # raises where the line cannot be read


def test_the_list_of_commands_cuts_nothing() -> None:
    assert not [line for line in help_of().splitlines() if line.endswith("...")][1:]  # the usage ends so


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("plandeck ro", ["rollback"]),
        ("plandeck run de", ["deploy"]),
        ("plandeck run deploy --inject broken-b", ["broken-build"]),
        ("plandeck run deploy --tools arc", ["archives"]),
        ("plandeck tools backup_d", ["backup_database"]),
        ("plandeck show la", ["last"]),
        ("plandeck demo broken", ["broken-deploy"]),
    ],
)
def test_bash_completes_names_with_the_script_that_is_installed(
    line: str, offers: list[str], tmp_path: Path
) -> None:
    asking = """
    eval "$(plandeck --show-completion bash 2>/dev/null || SHELL=/bin/bash plandeck --show-completion)"
    read -ra COMP_WORDS <<<"$LINE"
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _plandeck_completion plandeck
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    bin_ = tmp_path / "plandeck"
    bin_.write_text(f'#!/bin/sh\nexec {sys.executable} -m console.cli "$@"\n')
    bin_.chmod(0o755)
    environment = os.environ | {"LINE": line, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", asking], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == offers

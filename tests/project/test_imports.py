"""What imports what: the layers, and what a process must not have loaded before it needs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def loaded_by(code: str) -> set[str]:
    """Names of the modules that a fresh Python has loaded after `code`."""
    script = f"{code}\nimport sys\nsys.stderr.write('\\0' + ' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(done.stderr.rpartition("\0")[2].split())


@pytest.mark.slow
def test_imports_go_down_only() -> None:
    script = "from importlinter.cli import lint_imports; import sys; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import console.tui.app", {"litellm", "mcp", "dbos", "console.run.engine"}),
        ("import console.headless", {"textual", "litellm", "mcp", "dbos", "console.run.engine"}),
        ("import console.cli", {"textual", "litellm", "mcp", "dbos"}),
        ("import console.service.client", {"textual", "rich", "litellm", "mcp", "dbos"}),
        ("import console.run.engine", {"textual", "rich", "litellm", "mcp", "dbos"}),
        ("import console.service.host", {"textual", "litellm", "mcp", "dbos", "opentelemetry"}),
        ("import console.planners.offline", {"textual", "rich", "litellm", "mcp", "dbos"}),
        (
            "import console.plan.codec, console.plan.graph, console.plan.edit",
            {"asyncio", "sqlite3", "subprocess"},
        ),
        ("import console.text, console.redact, console.bundled", {"textual", "rich", "pydantic", "asyncio"}),
    ],
)
def test_a_module_brings_only_what_it_needs(code: str, absent: set[str]) -> None:
    assert loaded_by(code) & absent == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_come_without_the_screens(option: str) -> None:
    code = f"import sys\nsys.argv = ['plandeck', '{option}']\nfrom console.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
    assert loaded_by(code) & {"textual", "litellm", "mcp", "dbos", "console.run.engine"} == set()


@pytest.mark.parametrize("words", [[], ["run", "deploy"]])
def test_the_screen_is_painted_before_anything_slow_is_loaded(words: list[str]) -> None:
    code = f"import os, sys\nsys.argv = ['plandeck', *{words!r}]\nos.environ['TERM'] = 'xterm'\n"
    code += "sys.stdin.isatty = sys.stdout.isatty = lambda: True\n"
    code += "import console.tui.app\nfrom console.cli import main\nmade = []\n"
    code += (
        "class Screen:\n    def __init__(self, *_):\n        made.append(self)\n        raise SystemExit\n"
    )
    code += "console.tui.app.ConsoleApp = Screen\n"
    code += "try:\n    main()\nexcept SystemExit:\n    assert made"
    slow = {"pydantic", "jsonschema", "litellm", "mcp", "sqlite3", "console.run.engine"}
    assert loaded_by(code) & slow == set()

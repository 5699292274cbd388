"""Every file that is shipped can be read by what reads it, and none knows the machine it was made on."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from textual.css.stylesheet import Stylesheet

from console import bundled
from console.catalog.load import load
from console.tui.themes import INK_DEFAULTS, read_theme

ROOT = Path(__file__).resolve().parents[2]
TOOL_FILES = sorted([*bundled.tools_dir().glob("*.yaml"), *bundled.samples_dir().glob("*/*tools.yaml")])


def tracked() -> list[Path]:
    """The files of the project, as far as git knows them."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("file", TOOL_FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_every_tool_file_loads_without_a_warning(file: Path) -> None:
    catalog = load([file])
    assert catalog.tools
    assert catalog.warnings == ()


@pytest.mark.parametrize("file", TOOL_FILES, ids=lambda f: f"{f.parent.name}/{f.name}")
def test_every_tool_says_what_it_does_and_what_it_risks(file: Path) -> None:
    for tool in load([file]).tools.values():
        assert tool.description, tool.name
        assert tool.risk_known, tool.name
        assert all(p.description for p in tool.parameters), tool.name


THEMES = sorted(bundled.themes_dir().glob("*.yaml"))


@pytest.mark.parametrize("file", THEMES, ids=lambda f: f.stem)
def test_every_style_sheet_is_sound_in_every_theme(file: Path) -> None:
    theme = read_theme(file)
    variables = {**INK_DEFAULTS, **theme.to_color_system().generate(), **theme.variables}
    sheets = sorted((ROOT / "console").rglob("*.tcss"))
    assert sheets
    for sheet in sheets:
        stylesheet = Stylesheet(variables=variables)
        stylesheet.add_source(sheet.read_text(), (str(sheet), ""))
        stylesheet.parse()
        assert stylesheet.rules, sheet


def test_only_data_lies_beside_the_package() -> None:
    stray = [p for folder in ("tools", "themes", "sample_tasks") for p in (ROOT / folder).rglob("*.py")]
    assert stray == []


def test_no_file_knows_the_machine_it_was_made_on() -> None:
    registries = "|".join(
        (
            r"pypi\." + "org",
            "python" + "hosted",
            r"registry\." + "npmjs",
            r"deb\." + "debian",
            "extra-" + "index-url",
        )
    )
    homes = "|".join((r"/ro" + r"ot/\w", "/ho" + r"me/\w", r"/opt/" + r"dev\b", re.escape(str(ROOT)) + "/"))
    forbidden = re.compile(f"{registries}|{homes}")
    found = []
    for file in tracked():
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{file.relative_to(ROOT)}: {m[0]}" for m in forbidden.finditer(text)]
    assert found == []


def name_of(requirement: str) -> str:
    found = re.match(r"[\w.-]+", requirement)
    assert found
    return re.sub("[-_.]+", "-", found[0]).lower()


def test_who_installs_the_test_extra_can_build_the_package_too() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extra = document["project"]["optional-dependencies"]["test"]
    assert set(document["build-system"]["requires"]) <= set(extra)


def test_the_test_command_of_the_readme_is_what_ci_runs() -> None:
    said = re.search(r"\.venv/bin/(python -m pytest.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert said
    tests = re.search(r"^tests\(\) \{\n(.*?)^\}", (ROOT / ".ci/run").read_text(), re.MULTILINE | re.DOTALL)
    assert tests
    assert [line.split("#")[0].strip() for line in tests[1].splitlines()] == [said[1]]


def test_every_requirement_is_locked_by_hash() -> None:
    lock = (ROOT / ".ci" / "requirements.txt").read_text()
    entries = re.split(r"\n(?=\S)", lock.strip())
    locked = {name_of(entry): entry for entry in entries if not entry.startswith("#")}
    assert all("==" in entry and "--hash=sha256:" in entry for entry in locked.values())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    assert {name_of(w) for w in wanted} <= locked.keys()

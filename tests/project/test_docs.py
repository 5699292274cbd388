"""The guide says what the program does: its generated pages are renewed, its links lead somewhere, its
pictures are there and small, and what it says of JSON and tool files is what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from console import task
from console.catalog.file_tools import TOOL_KEYS
from console.catalog.toolfile import FILE_KEYS
from console.commands.document import document_of
from console.plan import codec
from console.plan.model import Plan, Step
from console.run.state import RunState
from tests.tui.fakes import FakeSession, rolled_back

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def test_the_generated_pages_are_as_the_program_is() -> None:
    told = subprocess.run(
        [sys.executable, str(DOCS / "make.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        file = (page.parent / name) if name else page
        if "://" in target:
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            lost.append(target)
    assert lost == []


def test_every_page_of_the_guide_can_be_reached_from_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in sorted(DOCS.glob("*.md")) if f"docs/{page.name}" not in text] == []


def test_every_picture_is_shown_and_none_is_large() -> None:
    shown = {name for page in PAGES for name in re.findall(r"pictures/([\w-]+\.png)", page.read_text())}
    pictures = {file.name: file.stat().st_size for file in (DOCS / "pictures").iterdir()}
    assert shown == pictures.keys()
    assert max(pictures.values()) < 150_000


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_plan_that_is_shown_can_be_read(page: Path) -> None:
    for text in [*blocks(page, "json"), *blocks(page, "yaml")]:
        value = yaml.safe_load(text)
        if isinstance(value, list) or "steps" in value:
            assert codec.load(text.encode(), file=page.name).leaves()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_task_and_tool_file_that_is_shown_has_known_keys(page: Path) -> None:
    for text in blocks(page, "yaml"):
        value = yaml.safe_load(text)
        if "goal" in value and "steps" not in value:
            assert value.keys() <= task.Task.model_fields.keys(), page.name
        if isinstance(value.get("tools"), list) and isinstance(value["tools"][0], dict):
            assert value.keys() <= set(FILE_KEYS)
            assert all(tool.keys() <= set(TOOL_KEYS) for tool in value["tools"])


def test_every_key_of_a_plan_is_explained() -> None:
    text = (DOCS / "plans.md").read_text()
    unsaid = [name for model in (Plan, Step) for name in model.model_fields if f"`{name}`" not in text]
    assert unsaid == []


def test_every_key_of_a_tool_file_is_explained() -> None:
    text = (DOCS / "tools.md").read_text()
    claims = {"destructive", "read_only", "readOnly"}
    assert [key for key in {*FILE_KEYS, *TOOL_KEYS} - claims if f"`{key}`" not in text] == []


def test_every_key_of_show_as_json_is_explained(tmp_path: Path) -> None:
    told = FakeSession(tmp_path, *rolled_back())
    state: RunState = told.state
    document = document_of(state, tmp_path)
    step = next(one for one in document["steps"] if one["attempts"])
    parts = (document, step, step["attempts"][0], document["rollback"], document["rollback"]["items"][0])
    text = (DOCS / "headless.md").read_text()
    assert [key for part in parts for key in part if f"`{key}`" not in text] == []

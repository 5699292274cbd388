"""Where things are kept and with which modes; what may be configured and how it is refused."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from console import settings
from console.cli import app
from console.errors import InvalidDocument, UsageError
from console.settings import UnsafePlace


def test_the_folder_of_a_run_is_open_to_its_owner_only(own_folders: Path) -> None:
    os.umask(0o000)
    try:
        path = settings.new_run_dir()
    finally:
        os.umask(0o022)
    for folder in (path, path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert path.parent.parent == own_folders / "state" / "plandeck"


def test_a_written_file_is_open_to_its_owner_only(tmp_path: Path) -> None:
    os.umask(0o000)
    try:
        settings.write_private(tmp_path / "order.json", "{}")
        os.close(settings.open_log(tmp_path / "log"))
    finally:
        os.umask(0o022)
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {0o600}


def test_run_ids_are_short_and_differ() -> None:
    ids = {settings.new_run_dir().name for _ in range(50)}
    assert len(ids) == 50
    assert {len(run) for run in ids} == {4}


def test_a_folder_open_to_others_is_refused_with_the_way_out(own_folders: Path) -> None:
    (own_folders / "state" / "plandeck").mkdir(mode=0o755)
    with pytest.raises(UnsafePlace, match=r"open to others \(mode 0755\).*chmod 700"):
        settings.runs_dir()


def test_a_link_in_the_place_of_a_folder_is_refused(own_folders: Path, tmp_path: Path) -> None:
    (own_folders / "state" / "plandeck").symlink_to(tmp_path)
    with pytest.raises(UnsafePlace, match="is a link"):
        settings.runs_dir()


def test_a_file_in_the_place_of_a_folder_is_refused(own_folders: Path) -> None:
    (own_folders / "state" / "plandeck").write_text("")
    with pytest.raises(UnsafePlace, match="plandeck"):
        settings.runs_dir()


def test_a_log_open_to_others_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch(mode=0o644)
    with pytest.raises(UnsafePlace, match="open to others"):
        settings.open_log(log)


def test_a_log_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePlace, match="cannot write"):
        settings.open_log(tmp_path / "log")
    assert not (tmp_path / "elsewhere").exists()


def test_a_relative_xdg_path_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert settings.state_dir() == tmp_path / ".local/state/plandeck"


# ── finding runs ─────────────────────────────────────────────────────────────────────────────────


def kept_run(name: str, at: int) -> Path:
    folder = settings.runs_dir() / name
    folder.mkdir(mode=0o700)
    (folder / "journal.db").touch()
    os.utime(folder, (at, at))
    return folder


def test_a_run_is_found_by_its_id_its_beginning_and_as_the_last() -> None:
    old, new = kept_run("4f1c", 1_000), kept_run("a1b2", 2_000)
    assert settings.find_run("4f1c") == old
    assert settings.find_run("a") == new
    assert settings.find_run("last") == new
    assert settings.run_ids() == ["a1b2", "4f1c"]


def test_an_unknown_run_is_answered_with_the_nearest_one() -> None:
    kept_run("4f1c", 1_000)
    with pytest.raises(UsageError, match=r"there is no run .4f1d..*Did you mean 4f1c"):
        settings.find_run("4f1d")


def test_a_beginning_of_several_runs_is_refused() -> None:
    kept_run("4f1c", 1_000)
    kept_run("4f2d", 1_000)
    with pytest.raises(UsageError, match="4f1c, 4f2d"):
        settings.find_run("4f")


@pytest.mark.parametrize("name", ["", "../../etc", "/", "."])
def test_a_run_is_never_looked_for_outside_its_folder(name: str) -> None:
    kept_run("4f1c", 1_000)
    with pytest.raises(UsageError, match="there is no run"):
        settings.find_run(name)


def test_without_a_state_folder_there_are_no_runs_and_none_is_made(own_folders: Path) -> None:
    assert settings.run_ids() == []
    assert list((own_folders / "state").iterdir()) == []


# ── the config file ──────────────────────────────────────────────────────────────────────────────


def configure(text: str) -> Path:
    file = settings.config_file()
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_without_a_config_file_the_defaults_hold() -> None:
    loaded = settings.load_settings({})
    assert (loaded.planner, loaded.ascii, loaded.editor) == ("auto", False, "vi")


def test_the_environment_overrules_the_config_file() -> None:
    configure("theme: paper\nascii: false\nplanner: offline\nlimits: {parallel: 2}\n")
    loaded = settings.load_settings({"PLANDECK_THEME": "dark", "PLANDECK_ASCII": "1", "EDITOR": "nano"})
    assert (loaded.theme, loaded.ascii, loaded.planner, loaded.editor) == ("dark", True, "offline", "nano")
    assert loaded.limits.parallel == 2


def test_who_is_called_is_a_command_or_a_tool() -> None:
    configure("notify: {tool: notify_webhook, params: {url: https://chat.example.org}}\n")
    notify = settings.load_settings({}).notify
    assert notify == settings.NotifyTool("notify_webhook", "notify", {"url": "https://chat.example.org"})


@pytest.mark.parametrize("text", ["{params: {}}", "{tool: 1}", "{tool: a, parms: {}}", "[a]", "'a \"b'"])
def test_who_is_called_in_another_form_is_refused(text: str) -> None:
    configure(f"notify: {text}\n")
    with pytest.raises(InvalidDocument, match="notify: must be a command, "):
        settings.load_settings({})


def test_a_variable_that_is_wrong_is_named_and_not_the_file_that_is_well() -> None:
    configure("ascii: false\n")
    with pytest.raises(InvalidDocument, match=r"^PLANDECK_ASCII: .*must be true or false, and is 'maybe'"):
        settings.load_settings({"PLANDECK_ASCII": "maybe"})


def test_an_editor_of_blanks_counts_as_not_set() -> None:
    assert settings.load_settings({"VISUAL": " ", "EDITOR": "nano"}).editor == "nano"
    assert settings.load_settings({"VISUAL": "", "EDITOR": "\t"}).editor == "vi"


def test_a_run_that_is_removed_while_runs_are_listed_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    kept_run("aaaa", 1), kept_run("bbbb", 2)
    started = settings._started

    def removed(directory: Path) -> int:
        if directory.name == "aaaa":
            shutil.rmtree(directory)
        return started(directory)

    monkeypatch.setattr(settings, "_started", removed)
    assert settings.run_ids() == ["bbbb"]


def test_a_model_in_a_file_is_looked_for_where_its_name_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = configure("model: 'gguf:small.gguf'\nexecutor_model: 'gguf:large.gguf'\n")
    monkeypatch.chdir(tmp_path)
    found = settings.load_settings({"PLANDECK_EXECUTOR_MODEL": "gguf:mine.gguf"})
    assert found.model == f"gguf:{file.parent}/small.gguf"
    assert found.executor_model == f"gguf:{tmp_path}/mine.gguf"
    given = {"PLANDECK_EXECUTOR_MODEL": "gguf:mine.gguf", "PLANDECK_MODEL": "small", "HOME": "/"}
    kept = settings.carried(given)
    assert kept == {**given, "PLANDECK_EXECUTOR_MODEL": f"gguf:{tmp_path}/mine.gguf"}


@pytest.mark.parametrize(
    "words",
    [
        ["--ascii", "runs"],
        ["attach", "--ascii", "nosuchrun"],
        ["run", "--ascii", "--plain", "--set", "no equals sign", "no such thing.yaml"],
        ["replay", "--ascii", "no.jsonl"],
    ],
)
def test_ascii_can_be_asked_for_on_the_command_line(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANDECK_ASCII", "0")
    assert not settings.load_settings().ascii
    with suppress(Exception):
        app(words, standalone_mode=False)
    assert settings.load_settings().ascii


def test_all_faults_of_the_config_file_are_told_together_with_the_nearest_key() -> None:
    file = configure("theem: paper\nplanner: clever\nlimits: {parallel: 0}\n")
    with pytest.raises(InvalidDocument) as caught:
        settings.load_settings({})
    told = [str(fault) for fault in caught.value.faults]
    assert any("unknown key 'theem' (did you mean 'theme'?)" in line for line in told)
    assert any(line.startswith("planner:") for line in told)
    assert any(line.startswith("limits.parallel:") for line in told)
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not YAML"),
        ("- 1\n", "must be a mapping"),
        ("\x00", "not YAML"),
        ("1: 2\n", "must be a mapping"),
        ("[" * 100_000, "not YAML"),
    ],
    ids=["cut", "list", "nul", "number", "deep"],
)
def test_a_config_file_that_is_not_one_is_refused_in_one_line(text: str, message: str) -> None:
    configure(text)
    with pytest.raises(InvalidDocument, match=message) as caught:
        settings.load_settings({})
    assert "\n" not in str(caught.value)

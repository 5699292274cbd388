"""Every tool of the general tool files, carried out for real; undone where the file offers an undo."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from console.catalog.load import load, names
from console.catalog.spec import Risk
from tests.catalog.bench import Bench

MINE = ("archives", "files", "git", "http", "processes", "services", "text")


def state(folder: Path) -> dict[str, str]:
    """Every path below a folder with what it holds."""

    def held(path: Path) -> str:
        if path.is_symlink():
            return str(path.readlink())
        return path.read_text() if path.is_file() else "/"

    paths = [path for path in sorted(folder.rglob("*")) if ".git" not in path.parts]
    return {str(path.relative_to(folder)): held(path) for path in paths}


def test_all_tool_files_load_together_and_say_their_risk() -> None:
    catalog = load(names())
    assert set(MINE) <= set(names())
    assert not catalog.warnings
    assert [t.name for t in catalog.tools.values() if not t.risk_known] == []


def test_every_tool_that_changes_something_has_an_undo_or_says_why_not() -> None:
    for tool in load(MINE).tools.values():
        changes = tool.risk is not Risk.OBSERVE
        assert not changes or tool.undo or tool.recovery or tool.idempotent or tool.risk is Risk.DISRUPTIVE, (
            tool
        )


def test_files(tmp_path: Path) -> None:
    files = Bench("files", tmp_path)
    (tmp_path / "a b").write_text("one\ntwo\n")
    (tmp_path / "link").symlink_to("a b")
    before = state(tmp_path)
    assert "a b" in files.do("list_files").result
    assert files.do("read_file", path="a b").result == "one\ntwo"
    files.do("file_exists", path="a b")
    assert "nope is not there" in files.fail("file_exists", path="nope")
    sha = hashlib.sha256(b"one\ntwo\n").hexdigest()
    assert files.do("checksum", path="a b").result == sha
    files.do("verify_checksum", path="a b", sha256=sha.upper())
    assert files.fail("verify_checksum", path="a b", sha256="0" * 64) == f"it is {sha}\n"
    assert files.fail("verify_checksum", path="nope", sha256="0" * 64)
    assert int(files.do("disk_usage").result) > 0
    assert int(files.do("disk_free", at_least=1).result) > 0
    assert "less than" in files.fail("disk_free", at_least=10**15)

    for done, there in (
        (files.do("make_dir", path="-d"), True),
        (files.do("write_file", path="new", content="-n $(id) 'x'"), None),
        (files.do("copy_file", **{"from": "a b", "to": "copy"}), True),
        (files.do("move_file", **{"from": "a b", "to": "moved"}), True),
        (files.do("switch_link", path="link", target="elsewhere"), True),
        (files.do("set_mode", path="moved", mode="600"), None),
    )[::-1]:
        if there:
            assert files.probe(done) == 0
        files.undo(done)
        if there:
            assert files.probe(done) == 1
    assert state(tmp_path) == before

    copied = files.do("copy_dir", **{"from": ".", "to": "../whole"})
    assert state(tmp_path.parent / "whole") == before
    files.undo(copied)
    assert not (tmp_path.parent / "whole").exists()
    assert "is not removed" in files.fail("discard_dir", path=".")
    assert "is not removed" in files.fail("discard_dir", path="/")
    files.do("copy_file", **{"from": "a b", "to": "same"})
    files.do("compare_files", left="a b", right="same")
    files.do("back_up_file", path="same")
    files.do("replace_file", path="same", content="three")
    assert files.fail("compare_files", left="a b", right="same") == ""
    replaced = files.do("append_line", path="same", line="-four")
    files.do("append_line", path="same", line="-four")
    assert (tmp_path / "same").read_text() == "three\n-four\n"
    files.undo(replaced)
    deleted = files.do("delete_file", path="same")
    assert files.probe(deleted) == 0
    files.undo(deleted)
    assert (tmp_path / "same").read_text() == "one\ntwo\n"
    assert files.all_used()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    files = Bench("files", tmp_path)
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    for tool, params in (
        ("write_file", {"path": "b", "content": "x"}),
        ("copy_file", {"from": "a", "to": "b"}),
        ("copy_dir", {"from": ".", "to": "b"}),
        ("move_file", {"from": "a", "to": "b"}),
        ("make_dir", {"path": "b"}),
    ):
        assert files.fail(tool, **params)
    assert state(tmp_path) == {"a": "a", "b": "b"}


def test_archives(tmp_path: Path) -> None:
    archives = Bench("archives", tmp_path)
    (tmp_path / "src" / "in").mkdir(parents=True)
    (tmp_path / "src" / "in" / "-f").write_text("text")
    before = state(tmp_path)
    made = archives.do("create_archive", path="src", archive="host:a.tar.gz")
    assert "src/in/-f" in archives.do("list_archive", archive="host:a.tar.gz").result
    archives.do("verify_archive", archive="host:a.tar.gz", path="src")
    assert archives.fail("create_archive", path="src", archive="host:a.tar.gz")
    assert archives.fail("create_archive", path="nope", archive="b.tar.gz")
    out = archives.do("extract_archive", archive="host:a.tar.gz", into="out")
    assert state(tmp_path / "out" / "src") == state(tmp_path / "src")
    (tmp_path / "src" / "in" / "-f").write_text("other")
    assert archives.fail("verify_archive", archive="host:a.tar.gz", path="src") is not None
    (tmp_path / "src" / "in" / "-f").write_text("text")
    archives.undo(out)
    archives.undo(made)
    assert state(tmp_path) == before
    assert archives.all_used()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with two commits and a tag, in a home of its own."""
    (tmp_path / ".gitconfig").write_text(
        "[user]\nname = T\nemail = t@example.org\n[init]\ndefaultBranch = main\n"
    )
    git = ["git", "-C", str(tmp_path / "origin")]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run(["git", "init", "-q", str(tmp_path / "origin")], check=True, env=env)
    for number in (1, 2):
        (tmp_path / "origin" / "f").write_text(f"{number}\n")
        subprocess.run([*git, "add", "-A"], check=True, env=env)
        subprocess.run([*git, "commit", "-q", "-m", f"commit {number}"], check=True, env=env)
        subprocess.run([*git, "tag", f"v{number}"], check=True, env=env)
    return tmp_path


def test_git(repository: Path) -> None:
    git = Bench("git", repository)
    cloned = git.do("git_clone", url="origin", into="work")
    assert git.fail("git_clone", url="origin", into="work")
    assert git.fail("git_clone", url="ext::sh -c touch% CANARY", into="evil")
    assert not (repository / "CANARY").exists()
    work = {"repo": "work"}
    head = git.do("git_commit_id", **work).result
    assert cloned.result == head
    assert git.do("git_clean", **work).result == "clean"
    assert git.do("git_status", **work).result.startswith("## main")
    assert git.do("git_log", **work, count=1).result.endswith("T: commit 2")
    assert "-1\n+2" in git.do("git_diff", **work, old="v1", new="v2").result
    git.do("git_fetch", **work)
    checked = git.do("git_checkout", **work, ref="v1")
    assert checked.result == "main"
    assert (repository / "work" / "f").read_text() == "1\n"
    assert git.fail("git_checkout", **work, ref="nope")
    git.undo(checked)
    assert git.do("git_status", **work).result.startswith("## main")
    tagged = git.do("git_tag", **work, tag="v3")
    assert git.probe(tagged) == 0
    git.undo(tagged)
    assert git.probe(tagged) == 1
    gone = git.do("git_delete_tag", **work, tag="v1")
    assert git.probe(gone) == 0
    git.undo(gone)
    assert git.do("git_commit_id", **work, ref="v1").result == gone.result

    (repository / "work" / "new").write_text("x")
    assert "?? new" in git.fail("git_clean", **work)
    made = git.do("git_commit", **work, message="- it's $(id)\n\nbody")
    assert git.do("git_log", **work, count=1).result.endswith("T: - it's $(id)")
    assert git.fail("git_uncommit", **work, commit=head)
    git.undo(made)
    assert git.do("git_commit_id", **work).result == head
    assert (repository / "work" / "new").read_text() == "x"
    assert git.fail("git_checkout", **work, ref="nope")

    exported = git.do("git_export", **work, ref="v1", into="out")
    assert state(repository / "out") == {"f": "1\n"}
    git.undo(exported)
    git.undo(cloned)
    assert not (repository / "out").exists()
    assert not (repository / "work").exists()
    assert git.all_used()


class _Site(BaseHTTPRequestHandler):
    """Answers 503 twice, then 200; echoes what is posted."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += self.path == "/slow"
        self._answer(
            503 if self.path == "/slow" and self.asked < 3 else 404 if self.path == "/no" else 200, b"hello\n"
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, self.headers["Content-Type"].encode() + b" " + body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def site() -> Iterator[str]:
    _Site.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http(tmp_path: Path, site: str) -> None:
    http = Bench("http", tmp_path)
    http.env["no_proxy"] = "*"
    assert http.do("http_get", url=f"{site}/").result == "hello"
    assert "404" in http.fail("http_get", url=f"{site}/no")
    assert http.do("http_status", url=f"{site}/no", expect=404).result == "404"
    assert "expected 200" in http.fail("http_status", url=f"{site}/no")
    (tmp_path / "secret").write_text("secret")
    assert http.do("http_post", url=f"{site}/", body="@secret").result == "application/json @secret"
    assert (
        http.do("http_post", url=f"{site}/", body="-d'x'", content_type="text/plain").result
        == "text/plain -d'x'"
    )
    assert http.do("wait_until_healthy", url=f"{site}/slow", pause=0).result == "healthy after 3 attempts"
    assert "after 2 attempts" in http.fail("wait_until_healthy", url=f"{site}/no", attempts=2, pause=0)
    sha = hashlib.sha256(b"hello\n").hexdigest()
    done = http.do("download", url=f"{site}/", to="f", sha256=sha)
    assert done.result == sha
    assert "is there already" in http.fail("download", url=f"{site}/", to="f")
    http.undo(done)
    assert sha in http.fail("download", url=f"{site}/", to="f", sha256="0" * 64)
    assert http.fail("download", url=f"{site}/no", to="f")
    assert state(tmp_path) == {"secret": "secret"}
    assert http.all_used()


def test_notifications(tmp_path: Path, site: str) -> None:
    notify = Bench("notify", tmp_path)
    notify.env["no_proxy"] = "*"
    notify.do("notify_team", message="-it's $(done)")
    assert "-it's $(done)" in (tmp_path / "notifications.log").read_text()
    message = 'it\'s "done" $(id)'
    answer = notify.do("notify_webhook", url=f"{site}/", message=message).result
    kind, _, body = answer.partition(" ")
    assert (kind, json.loads(body)) == ("application/json", {"text": message})
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "sh").symlink_to("/bin/sh")
    notify.env["PATH"] = str(programs)
    assert "notify-send" in notify.fail("notify_desktop", message="hello")
    (programs / "notify-send").write_text("#!/bin/sh\nprintf '%s|' \"$@\" > seen\n")
    (programs / "notify-send").chmod(0o755)
    notify.do("notify_desktop", message="-x")
    assert (tmp_path / "seen").read_text() == "--app-name=plandeck|--|plandeck|-x|"
    assert notify.all_used()


def test_processes(tmp_path: Path) -> None:
    processes = Bench("processes", tmp_path)
    with (
        socket.socket() as listening,
        subprocess.Popen(
            [sys.executable, "-c", "input()", "a marked process"], stdin=subprocess.PIPE
        ) as child,
    ):
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        (tmp_path / "pid").write_text(f"{child.pid}\n")
        assert str(child.pid) in processes.do("list_processes", text="a marked process").result
        assert len(processes.do("list_processes", text="no such process").result.splitlines()) == 1
        assert processes.do("process_running", pidfile="pid").result == str(child.pid)
        assert "accepts" in processes.do("wait_for_port", port=port).result
        assert "is taken" in processes.fail("port_free", port=port)
        stopped = processes.do("stop_process", pidfile="pid", wait=5)
        assert child.wait() == -signal.SIGTERM
    assert processes.probe(stopped) == 0
    assert processes.fail("process_running", pidfile="pid")
    assert "is free" in processes.do("port_free", port=port).result
    assert f"port {port}" in processes.fail("wait_for_port", port=port, wait=0)
    (tmp_path / "pid").write_text("1; touch CANARY")
    assert "holds no pid" in processes.fail("stop_process", pidfile="pid")
    assert not (tmp_path / "CANARY").exists()
    assert processes.all_used()


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="needs systemctl")
def test_services(tmp_path: Path) -> None:
    services = Bench("services", tmp_path)
    assert services.fail("unit_active", unit="no-such-unit.service") is not None
    for tool, params in (("unit_status", {"unit": "no-such-unit.service"}), ("failed_units", {})):
        done = services.try_(tool, **params)
        assert done.code == 0 or "systemd" in done.errors or "bus" in done.errors
    assert services.all_used()


def test_text(tmp_path: Path) -> None:
    text = Bench("text", tmp_path)
    (tmp_path / "f").write_text("10 Zwei\n9 zwei\n-x eins\n")
    assert text.do("search_text", path="f", pattern="^-x|^9").result == "2:9 zwei\n3:-x eins"
    assert text.fail("search_text", path="f", pattern="nope") == ""
    assert text.do("count_matches", path="f", pattern="nope").result == "0"
    assert text.fail("count_matches", path="f", pattern="(") != ""
    assert text.do("count_lines", path="f").result == "3"
    assert text.do("head_lines", path="f", count=1).result == "10 Zwei"
    assert text.do("tail_lines", path="f", count=1).result == "-x eins"
    assert text.do("sort_lines", path="f", order="number").result.splitlines()[-1] == "10 Zwei"
    assert text.do("sort_lines", path="f").result.splitlines()[0] == "-x eins"
    assert text.do("sort_lines", path="f", order="reverse").result.splitlines()[0] == "9 zwei"
    assert text.do("sort_lines", path="f", order="unique").result.count("\n") == 2
    assert text.do("replace_text", path="f", old="-x", new="$(id)").result.endswith("$(id) eins")
    assert "does not hold" in text.fail("replace_text", path="f", old="absent")
    (tmp_path / "t").write_text("Hello $name, ${n} times, $$5")
    assert (
        text.do("fill_template", path="t", values={"name": "`id`", "n": 3}).result
        == "Hello `id`, 3 times, $5"
    )
    assert "no value for 'n'" in text.fail("fill_template", path="t", values={"name": "x"})
    top = json.loads(text.do("word_frequencies", path="f", top=1).result)
    assert top == [{"word": "zwei", "count": 2}]
    assert text.all_used()

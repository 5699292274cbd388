"""Two real runbooks, judged from outside: done, undone, or told honestly what could not be undone.

The judge and the runbooks lie beside the project, where they are there at all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

OPS = Path(__file__).parents[3] / "shared" / "ops"
COMMAND = Path(sys.executable).parent / "plandeck"

pytestmark = [
    pytest.mark.skipif(not OPS.exists(), reason="the runbooks are not beside the project"),
    pytest.mark.skipif(not COMMAND.exists(), reason="plandeck is not installed beside this Python"),
    pytest.mark.xdist_group("runbooks"),  # they use fixed ports
    pytest.mark.timeout(120),
]

SITE = (
    "",
    "create_release fail_after",
    "fetch_code crash",
    "link_shared fail",
    "switch_symlink fail_after 1",
    "switch_symlink lie 1",
    "health_check fail",
    "health_check garble",
    "cleanup_releases fail_after",
    "create_release hang 1",
)
NGINX = (
    "",
    "backup_config fail",
    "backup_config fail_after",
    "edit_config fail_after",
    "edit_config lie",
    "test_config crash",
    "reload fail",
    "check_site fail",
    "commit fail_after",
)


@pytest.fixture
def patience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge looks at a web server half a second after it was begun, and would take its silence for the
    state of the site. The runbook's own tools do not see this."""
    (tmp_path / ".curlrc").write_text("retry = 5\nretry-delay = 1\nretry-connrefused\n")
    monkeypatch.setenv("CURL_HOME", str(tmp_path))


def judge(task: str, *arguments: str) -> None:
    said = subprocess.run(
        [sys.executable, str(OPS / "judge.py"), task, "--plandeck", str(COMMAND), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("fault", SITE)
def test_the_site_is_deployed_or_put_back(fault: str) -> None:
    judge("site_deploy", *(["--fault", fault] if fault else []))


@pytest.mark.usefixtures("patience")
def test_a_broken_link_in_the_release_is_put_back() -> None:
    judge("site_deploy", "--flag", "brokenlink")


def has_nginx() -> bool:
    return any(Path(folder, "nginx").exists() for folder in ("/usr/sbin", "/usr/bin", "/usr/local/sbin"))


@pytest.mark.skipif(not has_nginx(), reason="nginx is not installed")
@pytest.mark.parametrize("fault", NGINX)
def test_the_proxy_is_moved_or_put_back(fault: str) -> None:
    judge("nginx_config", *(["--fault", fault] if fault else []))


@pytest.mark.skipif(not has_nginx(), reason="nginx is not installed")
def test_a_broken_configuration_is_put_back() -> None:
    judge("nginx_config", "--flag", "badsyntax")

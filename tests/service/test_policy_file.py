"""Policy files: read whole or not at all, from files that nobody else can have written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.catalog.spec import Risk
from console.run.policy import Rule
from console.service import person, policy_file
from console.service.policy_file import InvalidPolicy, load_policy
from console.settings import UnsafePlace

RULE = "rules:\n- {risk: destructive, require: 2, why: change board}\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the operator's own policy file goes; the system has a folder of its own beside it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(policy_file, "SYSTEM", tmp_path / "etc")
    for folder in (tmp_path / "etc", tmp_path / "config" / "plandeck"):
        folder.mkdir(parents=True)
    return tmp_path / "config" / "plandeck" / "policy.yaml"


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_a_file_there_is_no_rule(own: Path) -> None:
    files = load_policy()
    assert (files.rules, files.loaded.hash, files.changed()) == ((), "", "")


def test_the_rules_of_all_files_count(own: Path) -> None:
    write(policy_file.SYSTEM / "20-hosts.yaml", "rules: [{on: [db-*, web-1], require: 2}]")
    write(
        policy_file.SYSTEM / "10-tools.yaml", "rules: [{actions: deploy, params: {env: prod*}, require: 2}]"
    )
    write(own, RULE)
    files = load_policy()
    assert files.rules == (
        Rule(2, actions=("deploy",), params={"env": ("prod*",)}),
        Rule(2, on=("db-*", "web-1")),
        Rule(2, risk=Risk.DESTRUCTIVE, why="change board"),
    )
    assert [Path(path).name for path in files.loaded.files] == [
        "10-tools.yaml",
        "20-hosts.yaml",
        "policy.yaml",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{risk: destructive, requires: 2, require: 2}]", "unknown key 'requires'"),
        ("rule: []\nrules: []", "unknown key 'rule'"),
        ("rules: [{risk: deadly, require: 2}]", "risk: must be one of observe"),
        ("rules: [{risk: destructive}]", "require: must be how many persons"),
        ("rules: [{require: 3}]", "require: must be how many persons"),
        ("rules: [{require: true}]", "require: must be how many persons"),
        ("rules: [{require: 2, require: 1}]", "twice"),
        ("rules: {require: 2}", "rules: must be a list"),
        ("- require: 2", "must be a mapping"),
        ("rules: [{actions: {a: b}, require: 2}]", "actions: must be a pattern"),
        ("rules: &a [{require: 2}]", "anchor"),
        ("", "empty"),
    ],
)
def test_a_file_with_anything_unknown_is_refused_whole(own: Path, text: str, said: str) -> None:
    write(own, text)
    with pytest.raises(InvalidPolicy) as refused:
        load_policy()
    assert said in " ".join(map(str, refused.value.faults))
    assert "policy.yaml" in str(refused.value)


def test_every_fault_has_its_line(own: Path) -> None:
    write(own, "rules:\n- require: 2\n- require: 2\n  risk: deadly\n- {}\n")
    with pytest.raises(InvalidPolicy) as refused:
        load_policy()
    assert [fault.line for fault in refused.value.faults] == [4, 5]


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_can_write_to_is_refused(own: Path, mode: int) -> None:
    write(own, RULE, mode)
    with pytest.raises(UnsafePlace, match="can be written by others"):
        load_policy()


def test_a_link_is_refused_also_to_a_file_of_one_s_own(own: Path, tmp_path: Path) -> None:
    own.symlink_to(write(tmp_path / "elsewhere.yaml", RULE))
    with pytest.raises(UnsafePlace, match="cannot read this policy file"):
        load_policy()


def test_what_is_no_file_is_refused(own: Path) -> None:
    os.mkfifo(own, 0o600)
    with pytest.raises(UnsafePlace, match="is no file"):
        load_policy()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_refused(own: Path) -> None:
    os.chown(write(own, RULE), 65534, 65534)
    with pytest.raises(UnsafePlace, match="belongs to user 65534"):
        load_policy()


def test_a_file_that_is_too_large_is_refused(own: Path) -> None:
    write(own, RULE + "#" * policy_file.LIMIT)
    with pytest.raises(UnsafePlace, match="is larger than"):
        load_policy()


def test_what_changes_after_it_was_loaded_is_told(own: Path) -> None:
    write(own, RULE)
    files = load_policy()
    assert files.changed() == ""
    with own.open("a") as file:
        file.write("# and\n")
    assert "policy.yaml was changed" in files.changed()
    own.unlink()
    assert "policy.yaml is gone" in files.changed()
    write(own, RULE)
    assert files.changed() == ""
    write(policy_file.SYSTEM / "new.yaml", "rules: []")
    assert "new.yaml is new" in files.changed()
    (policy_file.SYSTEM / "new.yaml").chmod(0o666)
    assert "cannot be trusted any more" in files.changed()


def test_a_person_is_who_logged_in_and_nobody_where_nobody_did(monkeypatch: pytest.MonkeyPatch) -> None:
    ids: dict[int, int | None] = {1: 0, 2: 4_000_000, 3: None}
    monkeypatch.setattr(person, "loginuid", ids.__getitem__)
    assert [person.person_of(pid) for pid in ids] == ["root", "user 4000000", ""]


def test_a_process_that_is_gone_has_no_person() -> None:
    assert person.loginuid(0x7FFFFFFF) is None


# ── who may sign ─────────────────────────────────────────────────────────────────────────────────


def test_the_machine_says_who_may_sign_and_the_operator_only_where_it_says_nothing(
    own: Path, tmp_path: Path
) -> None:
    ours, theirs = (write(tmp_path / name, "ada ssh-ed25519 AAAA\n") for name in ("ours", "theirs"))
    write(own, f"allowed_signers: {ours}\n{RULE}")
    assert load_policy().signers == ours
    system = write(policy_file.SYSTEM / "10.yaml", RULE)
    assert load_policy().signers is None
    write(system, f"allowed_signers: {theirs}\n{RULE}")
    files = load_policy()
    assert files.signers == theirs
    write(theirs, "eve ssh-ed25519 AAAA\n")
    assert f"{theirs} was changed" in files.changed()
    theirs.unlink()
    assert f"{theirs} is gone" in files.changed()


def test_signers_that_others_can_write_are_refused(own: Path, tmp_path: Path) -> None:
    signers = write(tmp_path / "signers", "ada ssh-ed25519 AAAA\n", 0o666)
    write(own, f"allowed_signers: {signers}\n{RULE}")
    with pytest.raises(UnsafePlace, match="can be written by others"):
        load_policy()
    write(own, "allowed_signers: signers\n")
    with pytest.raises(InvalidPolicy, match="must be the whole path"):
        load_policy()

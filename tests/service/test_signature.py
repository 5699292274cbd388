"""Approvals that are signed with an SSH key, by ssh-keygen itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from console.errors import ControlRefused
from console.run.control import Approve, Countersign
from console.service import server
from console.service.client import attach
from console.service.signature import sign, signer_of
from tests.service.sessions import Scripted, served

YES = Approve(request="q7", hash="abc", steps={"1": "def"})


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Path]:
    """A key for each of three persons; two of them may sign."""
    found = {}
    for name in ("ada", "bob", "eve"):
        found[name] = tmp_path / name
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(found[name])], check=True
        )
    lines = [f"{name} {found[name].with_suffix('.pub').read_text()}" for name in ("ada", "bob")]
    found["signers"] = tmp_path / "signers"
    found["signers"].write_text("".join(lines))
    return found


def test_a_signature_names_its_signer(keys: dict[str, Path]) -> None:
    assert signer_of(sign(YES, "r1", keys["ada"]), "r1", keys["signers"]) == "key of ada"
    assert signer_of(sign(YES, "r1", keys["bob"]), "r1", keys["signers"]) == "key of bob"


@pytest.mark.parametrize(
    "changed",
    [
        {"hash": "abd"},
        {"request": "q8"},
        {"steps": {}},
        {"steps": {"1": "def", "2": "x"}},
        {"answer": "trust"},
    ],
)
def test_a_signature_is_for_one_answer_only(keys: dict[str, Path], changed: dict[str, object]) -> None:
    other = sign(YES, "r1", keys["ada"]).model_copy(update=changed)
    with pytest.raises(ControlRefused, match="does not fit what it approves"):
        signer_of(other, "r1", keys["signers"])


def test_a_signature_is_for_one_run_only(keys: dict[str, Path]) -> None:
    with pytest.raises(ControlRefused, match="does not fit what it approves"):
        signer_of(sign(YES, "r1", keys["ada"]), "r2", keys["signers"])


def test_who_is_not_allowed_to_sign_is_refused(keys: dict[str, Path]) -> None:
    with pytest.raises(ControlRefused, match="of nobody whom the policy allows"):
        signer_of(sign(YES, "r1", keys["eve"]), "r1", keys["signers"])
    with pytest.raises(ControlRefused, match="of nobody whom the policy allows"):
        signer_of(YES.model_copy(update={"signature": "yes, really"}), "r1", keys["signers"])
    with pytest.raises(ControlRefused, match="names no allowed signers"):
        signer_of(sign(YES, "r1", keys["ada"]), "r1", None)


def test_a_pattern_is_no_person(keys: dict[str, Path]) -> None:
    keys["signers"].write_text(f"*@example.org {keys['ada'].with_suffix('.pub').read_text()}")
    with pytest.raises(ControlRefused, match="of nobody whom the policy allows"):
        signer_of(sign(YES, "r1", keys["ada"]), "r1", keys["signers"])


def test_a_key_that_cannot_sign_says_so_and_asks_nothing(keys: dict[str, Path], tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    for key in (locked, tmp_path / "nowhere"):
        with pytest.raises(ControlRefused, match="cannot sign with this key"):
            sign(YES, "r1", key)


@pytest.mark.anyio
async def test_two_persons_without_a_login_sign_with_their_keys(
    tmp_path: Path, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "person_of", lambda pid: "")
    session = Scripted(tmp_path / "r1")
    async with served(session, engine=1, signers=keys["signers"]):
        async with attach(session.directory, ui=True, key=keys["ada"]) as first:
            await first.wish(YES)
        async with attach(session.directory, key=keys["bob"]) as second:
            await second.wish(Countersign(request="q7", hash="abc"))
        async with attach(session.directory, key=keys["eve"]) as third:
            with pytest.raises(ControlRefused, match="of nobody whom the policy allows"):
                await third.wish(Countersign(request="q7", hash="abc"))
    assert session.persons == ["key of ada", "key of bob"]


@pytest.mark.anyio
async def test_who_is_known_by_a_login_is_that_person_whatever_the_key(
    tmp_path: Path, keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "person_of", lambda pid: "ada")
    session = Scripted(tmp_path / "r1")
    async with (
        served(session, engine=1, signers=keys["signers"]),
        attach(session.directory, ui=True, key=keys["bob"]) as one,
    ):
        await one.wish(YES)
    assert session.persons == ["ada"]

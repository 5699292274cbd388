"""Saying yes with an SSH key, where the system does not know who somebody is.

In most containers nobody has a login id, and two persons cannot be told apart by it. Then a yes counts for
whoever signed it: `ssh-keygen -Y sign` over what is approved (OpenSSH, PROTOCOL.sshsig), held against the
file of allowed signers that the policy names. A signature is for one answer to one question of one run.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from console.errors import ControlRefused
from console.plan.canonical import canonical
from console.run.control import Approve
from console.run.countersign import BY_KEY

NAMESPACE = "plandeck"
LIMIT = 16 * 1024
SECONDS = 20.0
_PATTERN = frozenset("*?!")


def signed_words(wish: Approve, run: str) -> bytes:
    """What is signed: the answer as canonical JSON."""
    said = {"request": wish.request, "hash": wish.hash, "steps": wish.steps, "answer": wish.answer}
    return canonical({"run": run, **said})


def sign(wish: Approve, run: str, key: Path) -> Approve:
    """The wish with its signature. `key` is a private key, or the public one of a key that the agent has.

    Raises `ControlRefused` when it cannot be signed; nobody is asked for a passphrase.
    """
    done = _keygen(["-Y", "sign", "-n", NAMESPACE, "-f", str(key)], signed_words(wish, run))
    if done.returncode:
        raise ControlRefused(
            f"cannot sign with this key: {_last_line(done.stderr)}",
            where=str(key),
            kept="nothing was approved",
            todo="A key with a passphrase must be in the agent: ssh-add, then name its .pub file",
        )
    return wish.model_copy(update={"signature": done.stdout.decode("ascii", "replace")})


def signer_of(wish: Approve, run: str, signers: Path | None) -> str:
    """The person who signed this answer, `key of ada@example.org`. Raises `ControlRefused` for a signature
    that is not one of an allowed signer's."""
    kept = "nothing was approved"
    if signers is None:
        raise ControlRefused(
            "the policy names no allowed signers",
            kept=kept,
            todo="Name their file in it: allowed_signers: PATH",
        )
    if len(wish.signature) > LIMIT:
        raise ControlRefused("the signature is too large", kept=kept)
    with TemporaryDirectory(prefix="plandeck-") as folder:
        file = Path(folder) / "signature"
        file.write_text(wish.signature, encoding="utf-8", errors="replace")
        known = ["-s", str(file), "-f", str(signers)]
        found = _keygen(["-Y", "find-principals", *known], b"")
        name = found.stdout.decode("utf-8", "replace").partition("\n")[0].partition(",")[0].strip()
        if found.returncode or not name or _PATTERN & set(name) or not name.isprintable():
            raise ControlRefused(
                "the signature is of nobody whom the policy allows to sign",
                where=str(signers),
                kept=kept,
                todo="Each signer has a line there: a name of their own, then the key",
            )
        words = signed_words(wish, run)
        if _keygen(["-Y", "verify", "-n", NAMESPACE, "-I", name, *known], words).returncode:
            raise ControlRefused(
                f"the signature of {name} does not fit what it approves", kept=kept, todo="Look at it again"
            )
    return BY_KEY + name


def _keygen(args: Sequence[str], words: bytes) -> subprocess.CompletedProcess[bytes]:
    """Without a terminal: a question for a passphrase would be drawn across the screen."""
    try:
        return subprocess.run(
            ["ssh-keygen", *args],
            input=words,
            capture_output=True,
            timeout=SECONDS,
            start_new_session=True,
            check=False,
        )
    except FileNotFoundError:
        raise ControlRefused(
            "ssh-keygen is not there", kept="nothing was approved", todo="Install OpenSSH"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ControlRefused(f"ssh-keygen did not work: {error}", kept="nothing was approved") from None


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return "".join(c for c in lines[-1] if c.isprintable()) if lines else "ssh-keygen said nothing"

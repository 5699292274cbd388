"""Secrets written into a plan. A plan is stored, shown and sent to models: a secret belongs in a tool's
`secrets`, which names it only. The value found is never repeated in a message."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any

from console.plan.check.finding import Finding
from console.plan.model import Params, Plan, Step

_SHAPES: tuple[tuple[str, str], ...] = (
    ("an AWS key", r"\b(AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("a GitHub token", r"\b(gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})\b"),
    ("a GitLab token", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    ("an API key", r"\bsk-[A-Za-z0-9_-]{16,}"),
    ("a Slack token", r"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Google key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("a private key", r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    ("a signed token", r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    ("a bearer token", r"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{20,}"),
    ("a password in an address", r"[a-z][a-z0-9+.-]*://[^/\s:@{}$]*:(?![{$<*])[^/\s@{}]{3,}@"),
    (
        "a password",
        r"(?i)(?:^|[\s;&,?\"'-])(?:[a-z0-9]+[_-])*(?:password|passwd|pwd|secret|token|api[_-]?key)"
        r"\s*[=:]\s*[\"']?(?![{$<*\s])[^\s\"'&;,]{3,}",
    ),
)
_PATTERNS = [(what, re.compile(pattern)) for what, pattern in _SHAPES]
_NAME = re.compile(
    r"(?i)(^|[_-])(password|passwd|passphrase|pwd|secret|token|api_?key|private_?key|access_?key|credentials?)$"
)
_TELLING = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_PLACEHOLDER = re.compile(r"^\s*($|\$|\{|<|\*+$|env:|secret:|vault:)")
_MIN_ENTROPY = 4.2
"""Bits a character: names, paths, versions and hexadecimal hashes stay below."""


def secrets(plan: Plan, of_step: Callable[[Step], Iterable[Finding]] | None = None) -> Iterator[Finding]:
    """Every parameter that seems to hold a secret; of each the first reason. `of_step` gives those of a step
    where they are known."""
    of_step = of_step or secrets_in
    for step in plan.leaves():
        yield from of_step(step)
    for number, item in enumerate(plan.rollback, 1):
        yield from _in_params("", f"rollback item {number}: ", item.params)


def secrets_in(step: Step) -> Iterator[Finding]:
    """Every parameter of a step and its undo that seems to hold a secret."""
    yield from _in_params(step.id, "", step.params)
    if step.undo is not None:
        yield from _in_params(step.id, "undo: ", step.undo.params)


def _in_params(step: str, place: str, params: Params) -> Iterator[Finding]:
    for name, value in params.items():
        what = _found(name, value)
        if what:
            text = f"{place}parameter {name} seems to hold {what}; name it in the tool's secrets instead"
            yield Finding("secret-in-parameter", "error", step, text)


def _found(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return next((what for key, item in value.items() if (what := _found(str(key), item))), "")
    if isinstance(value, list):
        return next((what for item in value if (what := _found(name, item))), "")
    if not isinstance(value, str) or not value:
        return ""
    if _NAME.search(name) and not _PLACEHOLDER.match(value):
        return "a secret, by its name"
    shape = next((what for what, pattern in _PATTERNS if pattern.search(value)), "")
    if shape:
        return shape
    return "a random value" if any(_is_random(word[0]) for word in _TELLING.finditer(value)) else ""


def _is_random(word: str) -> bool:
    """Whether a word mixes its characters as only a generator does."""
    kinds = (str.islower, str.isupper, str.isdigit)
    if not all(any(kind(c) for c in word) for kind in kinds):
        return False
    counts = Counter(word)
    entropy = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    changes = sum(_kind(a) != _kind(b) for a, b in pairwise(word))
    return entropy >= _MIN_ENTROPY and changes >= len(word) // 3


def _kind(character: str) -> int:
    return 0 if character.islower() else 1 if character.isupper() else 2 if character.isdigit() else 3

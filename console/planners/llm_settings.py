"""How a model is asked: where it is, in which form it answers, what it costs, how long it may take.

PLANDECK_MODEL_API_BASE   address of an OpenAI-compatible server
PLANDECK_MODEL_FORM       json_schema, tool, json_object or text; auto tries them in this order
PLANDECK_MODEL_PRICE      US dollars per million tokens, in/out: 0.15/0.60
PLANDECK_MODEL_CONTEXT    tokens that fit the model
PLANDECK_MODEL_TIMEOUT    seconds one question may take, retries included
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from console.errors import UsageError
from console.planners.llm_call import FORMS, Patience
from console.planners.llm_wire import Form

TOOL_CHARS = 60_000
"""Characters of tool descriptions that are shown at most: some 20,000 tokens."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`forms` are tried from the first; prices are in US dollars per token, `None` when litellm's table
    shall tell; `silence` is the longest pause within a reply, in seconds."""

    forms: tuple[Form, ...] = FORMS
    api_base: str = ""
    max_tokens: int = 8192
    context: int | None = None
    price_in: float | None = None
    price_out: float | None = None
    silence: float = 120.0
    patience: Patience = field(default_factory=Patience)

    @property
    def tool_chars(self) -> int:
        """Room for tools: half of a small context, at three characters a token."""
        return min(TOOL_CHARS, self.context * 3 // 2) if self.context else TOOL_CHARS


def from_environment(environ: Mapping[str, str]) -> ModelSettings:
    """The settings that PLANDECK_MODEL_* variables give. Raises `UsageError`."""
    given = {name: environ.get(f"PLANDECK_MODEL_{name}", "").strip() for name in _NAMES}
    form = given["FORM"] or "auto"
    if form not in ("auto", *FORMS):
        raise _wrong("FORM", f"it is one of auto, {', '.join(FORMS)}")
    prices = [None if part is None else part / 1e6 for part in _prices(given["PRICE"])]
    context, timeout = _number("CONTEXT", given["CONTEXT"]), _number("TIMEOUT", given["TIMEOUT"])
    return ModelSettings(
        forms=FORMS if form == "auto" else tuple(f for f in FORMS if f == form),
        api_base=given["API_BASE"],
        context=None if context is None else int(context),
        price_in=prices[0],
        price_out=prices[1],
        patience=Patience() if timeout is None else Patience(deadline=timeout),
    )


_NAMES = ("API_BASE", "FORM", "PRICE", "CONTEXT", "TIMEOUT")


def _prices(text: str) -> tuple[float | None, float | None]:
    first, _, second = text.partition("/")
    return _number("PRICE", first), _number("PRICE", second or first)


def _number(name: str, text: str) -> float | None:
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and (number > 0 or (name == "PRICE" and number == 0)):
        return number
    raise _wrong(name, "0.15/0.60 means dollars per million tokens" if name == "PRICE" else "it is a number")


def _wrong(name: str, hint: str) -> UsageError:
    return UsageError(f"PLANDECK_MODEL_{name} cannot be read", todo=hint[:1].upper() + hint[1:])

"""How a model is asked: where it is, in which form it answers, what it costs, how long it may take.

    model_api_base   address of an OpenAI-compatible server
    model_form       json_schema, tool, json_object or text; auto tries them in this order
    model_price      US dollars per million tokens, in/out: 0.15/0.60
    model_context    tokens that fit the model
    model_timeout    seconds one question may take, retries included; a long one is also how long a
                     model may be silent

In the config file, or as PLANDECK_MODEL_API_BASE ... in the environment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from console.errors import UsageError
from console.planners.llm_call import FORMS, Patience
from console.planners.llm_wire import Form
from console.settings import Settings

TOOL_CHARS = 60_000
"""Characters of tool descriptions that are shown at most: some 20,000 tokens."""

SILENCE = 120.0


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
    silence: float = SILENCE
    patience: Patience = field(default_factory=Patience)

    @property
    def tool_chars(self) -> int:
        """Room for tools: half of a small context, at three characters a token."""
        return min(TOOL_CHARS, self.context * 3 // 2) if self.context else TOOL_CHARS


def from_settings(settings: Settings) -> ModelSettings:
    """How the operator wants a model asked. Raises `UsageError`."""
    form = settings.model_form or "auto"
    if form not in ("auto", *FORMS):
        raise _wrong("model_form", form, f"it is one of auto, {', '.join(FORMS)}")
    prices = [None if part is None else part / 1e6 for part in _prices(settings.model_price)]
    context = _number("model_context", settings.model_context)
    patience = Patience(deadline=_number("model_timeout", settings.model_timeout) or Patience().deadline)
    return ModelSettings(
        forms=FORMS if form == "auto" else tuple(f for f in FORMS if f == form),
        api_base=settings.model_api_base.strip(),
        context=None if context is None else int(context),
        price_in=prices[0],
        price_out=prices[1],
        silence=SILENCE if patience == Patience() else max(SILENCE, patience.deadline),
        patience=patience,
    )


def _prices(text: str) -> tuple[float | None, float | None]:
    first, _, second = text.partition("/")
    return _number("model_price", first), _number("model_price", second or first)


def _number(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and (number > 0 or (name == "model_price" and number == 0)):
        return number
    means = (
        "0.15/0.60 means dollars per million tokens" if name == "model_price" else "it is a number above 0"
    )
    raise _wrong(name, text, means)


def _wrong(name: str, value: str, hint: str) -> UsageError:
    return UsageError(f"the setting {name} cannot be read: {value!r:.60}", todo=hint[:1].upper() + hint[1:])

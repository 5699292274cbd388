"""How the operator's settings say a model is to be asked."""

from __future__ import annotations

from typing import Any

import pytest

from console.errors import UsageError
from console.planners.llm_settings import SILENCE, from_settings
from console.settings import Settings


def test_what_is_set_is_how_a_model_is_asked() -> None:
    asked = from_settings(
        Settings(
            model_form="text", model_price="0.15/0.60", model_context="4096", model_api_base=" http://x "
        )
    )
    assert (asked.forms, asked.context, asked.api_base) == (("text",), 4096, "http://x")
    assert (asked.price_in, asked.price_out) == pytest.approx((0.15e-6, 0.60e-6))


@pytest.mark.parametrize(("timeout", "silence"), [("", SILENCE), ("30", SILENCE), ("1800", 1800.0)])
def test_a_model_that_is_given_long_may_be_silent_long(timeout: str, silence: float) -> None:
    assert from_settings(Settings(model_timeout=timeout)).silence == silence


@pytest.mark.parametrize(
    ("name", "value"),
    [("model_form", "xml"), ("model_price", "cheap"), ("model_context", "-1"), ("model_timeout", "nan")],
)
def test_a_setting_that_cannot_be_read_is_named_with_its_value(name: str, value: str) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(UsageError, match=f"the setting {name} cannot be read: '{value}'") as caught:
        from_settings(Settings(**given))
    assert caught.value.todo

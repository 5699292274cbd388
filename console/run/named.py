"""Frozen values that are known by a name in JSON: the class's, in snake case ("StepHeld": "step_held")."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict


class Named(BaseModel):
    """Base of a family of such values. A family has a `kinds` of its own, in which each of its classes
    registers itself under its `kind`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: ClassVar[dict[str, Any]] = {}
    kind: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls.kind = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.kinds[cls.kind] = cls

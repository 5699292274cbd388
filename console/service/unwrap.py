"""Task groups wrap what goes wrong in them; people are told about the one thing that did."""

from __future__ import annotations

from console.errors import PlandeckError


def heart(error: BaseException) -> BaseException:
    """The error inside groups: one of ours before any other, else the first."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    hearts = [heart(one) for one in error.exceptions]
    return next((one for one in hearts if isinstance(one, PlandeckError)), hearts[0])

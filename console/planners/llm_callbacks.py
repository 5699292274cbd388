"""Who is told of every call of a model, besides us: litellm's callbacks (PromptLayer, Langfuse …), by name.

`PLANDECK_MODEL_CALLBACKS`, or `model_callbacks` in the config file, lists them. They live in the worker:
their keys come from its environment, and what they see is what the model sees, without secrets.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

VARIABLE = "PLANDECK_MODEL_CALLBACKS"

GRACE = 10.0
"""Seconds that a worker stays at its end, to hand over what is on its way."""

_PACKAGES = {"langfuse": "langfuse", "mlflow": "mlflow", "sentry": "sentry_sdk", "wandb": "wandb"}
"""Callbacks that need a package which litellm does not bring."""


class BadCallback(Exception):
    """A callback cannot be used; the message says which and why."""


def names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The callbacks that are asked for."""
    return tuple(part.strip() for part in environ.get(VARIABLE, "").split(",") if part.strip())


def install(litellm: Any, wanted: tuple[str, ...]) -> None:
    """Have litellm tell them of every call. Raises `BadCallback`."""
    found = [_found(litellm, name) for name in wanted]
    litellm.success_callback = [*found]
    litellm.failure_callback = [*found]


def _found(litellm: Any, name: str) -> Any:
    """A callback: an object by its place, or a name that litellm knows."""
    module, colon, attribute = name.partition(":")
    if colon:
        try:
            return getattr(importlib.import_module(module), attribute)
        except Exception as error:  # noqa: BLE001 - foreign code: whatever it raises, it cannot be used
            raise BadCallback(f"{name}: {error}") from None
    try:
        importlib.import_module(_PACKAGES.get(name, "litellm"))
    except ImportError:
        raise BadCallback(f"{name} needs the package {_PACKAGES[name]}") from None
    known = {*_PACKAGES, "promptlayer", *litellm._known_custom_logger_compatible_callbacks}
    if name not in known:
        raise BadCallback(f"litellm knows no callback {name}")
    return name


def drain(litellm: Any) -> None:
    """Wait until every call that ended has been told."""
    pool = importlib.import_module(f"{litellm.__name__}.litellm_core_utils.thread_pool_executor")
    pool.executor.shutdown(wait=True)

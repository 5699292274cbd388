"""From a step to one attempt of it: references replaced, the command built, nothing left open.

A backend gets a `Spec` in which there is nothing to look up; what it says is journalled before it
starts, secrets by name only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from console.catalog.command import command
from console.catalog.spec import Catalog, ToolSpec
from console.errors import NeverStarted
from console.plan.model import NOTE, NOTE_TEXT, Params, Step
from console.plan.references import resolve
from console.run.control import spool
from console.run.results import result_of
from console.run.state import RunState
from console.runners.backend import Spec


@dataclass(frozen=True, slots=True)
class Place:
    """Where steps run: `env` is what every step gets, `secrets` the values tools may ask for by name."""

    directory: Path
    workspace: str
    env: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Prepared:
    """One attempt, ready to be written down and then started. A note has no `spec`, but a `note`."""

    key: str
    number: int
    params: Params
    spec: Spec | None
    note: str = ""

    @property
    def argv(self) -> tuple[str, ...]:
        return self.spec.argv if self.spec else ()


def resolved(step: Step, state: RunState, place: Place) -> Params:
    """The step's parameters with every reference replaced. Raises `ReferenceFailed`."""

    def look_up(step_id: str) -> object:
        return result_of(state, place.directory, step_id)

    params = resolve(step.params, look_up)
    assert isinstance(params, dict)
    return params


def prepare(step: Step, state: RunState, catalog: Catalog, place: Place) -> Prepared:
    """The next attempt of `step`. Raises a `PlandeckError` when it cannot be built."""
    number = len(state.step(step.id).attempts) + 1
    key = f"{state.run}/{step.id}/{number}"
    params = resolved(step, state, place)
    if step.action == NOTE:
        return Prepared(key, number, params, None, str(params.get(NOTE_TEXT, step.description)))
    return Prepared(key, number, params, spec_of(step, key, params, catalog, place))


def spec_of(step: Step, key: str, params: Params, catalog: Catalog, place: Place) -> Spec:
    """What the backend is given for the attempt `key` with resolved `params`."""
    tool = catalog.get(step.action)
    if tool is None:
        raise NeverStarted(f"there is no tool {step.action!r}", where=f"step {step.id}")
    call = command(tool, params, workspace=place.workspace)
    return Spec(
        key=key,
        argv=call.argv,
        cwd=call.cwd,
        spool=spool(place.directory, key),
        env={**place.env, **call.env},
        secrets=_secrets(tool, place.secrets),
        timeout=step.timeout or call.timeout,
        on=step.on,
        tool=tool.name,
        call=call.call,
    )


def _secrets(tool: ToolSpec, known: Mapping[str, str]) -> dict[str, str]:
    missing = [name for name in tool.secrets if not known.get(name)]
    if missing:
        raise NeverStarted(
            f"the secret {missing[0]} that {tool.name} needs is not set",
            todo=f"Set it in the environment, or pass --env {missing[0]}",
        )
    return {name: known[name] for name in tool.secrets}

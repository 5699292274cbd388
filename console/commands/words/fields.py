"""The fields of a step as words take them: the same form as on the screen, its values as text."""

from __future__ import annotations

from console.commands.common import say
from console.commands.words.word import UNCHANGED, Desk, plan_of, written
from console.errors import ControlRefused
from console.plan.model import Step
from console.text import one_line
from console.tui.screens.step_form import PARAM, StepForm

FEW = 6
"""Values that are listed with a field; more are not."""


async def form(desk: Desk, step: str) -> None:
    state = desk.state
    plan = plan_of(state)
    if not step:
        for name, tool in state.catalog.tools.items():
            say(f"  {name} {' '.join(p.name for p in tool.parameters)}".rstrip())
        return
    fields = StepForm(plan, written(plan, step), state.catalog)
    texts = fields.texts()
    for spec in (
        *fields.head(),
        *fields.parameters(fields.original.action),
        *fields.tail(fields.original.action),
    ):
        name, value = spec.key.removeprefix(PARAM), texts.get(spec.key, "")
        values = [value for value, _ in spec.completions] if len(spec.completions) <= FEW else []
        about = [one_line(spec.help, 120), f"one of {', '.join(values)}" if values else ""]
        said = "; ".join(part for part in about if part)
        say(f"  {name}: {one_line(value, 300) or '-'}{f' ({said})' if said else ''}")
    say(f"  after: {' '.join(fields.original.depends_on) or '-'} (the word after changes it)")


def key_of(fields: StepForm, action: str, name: str) -> str:
    """The key of the form's field that is called so: a parameter comes first."""
    keys = [
        spec.key
        for spec in (*fields.parameters(action), *fields.head(), *fields.tail(action))
        if not spec.locked
    ]
    for key in (PARAM + name, name):
        if key in keys:
            return key
    names = ", ".join(key.removeprefix(PARAM) for key in keys)
    raise ControlRefused(f"it has no field {one_line(name, 60)!r}", kept=UNCHANGED, todo=f"There are {names}")


def read(fields: StepForm, texts: dict[str, str]) -> Step:
    """The step that the texts make. Raises `ControlRefused` with what is wrong."""
    reading = fields.read(texts, fields.original.depends_on)
    if reading.step is None:
        wrong = "; ".join(f"{key.removeprefix(PARAM)}: {why}" for key, why in reading.errors.items())
        raise ControlRefused(wrong, kept=UNCHANGED)
    return reading.step

"""Questions of a run on a terminal without the screen: shown whole, answered in words.

No answer is taken for granted: only `y` and `yes` are a yes, and a destructive step is confirmed by
typing its tool's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from console.catalog.explain import changes
from console.catalog.spec import Risk
from console.commands.common import say
from console.commands.words.foresight import insight_of
from console.lines import name_of
from console.plan.check import blast_radius
from console.plan.diff import diff
from console.plan.model import Plan, Step
from console.run.approval import confirmable, resolved_hash, step_hash
from console.run.control import Approve, Deny, Wish
from console.run.policy import risk_of
from console.run.renewal import asking_in
from console.run.results import resolved_params
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, reveal, token
from console.tui.insight import reach_line


class Read(Protocol):
    """Puts a prompt and gives the line that answers it; `None` when nobody is there any more. `name` is what
    is asked to be typed, where it is a name."""

    async def __call__(self, prompt: str, name: str = "") -> str | None: ...


async def ask(request: Request, state: RunState, read: Read, directory: Path | None = None) -> Wish | None:
    """Put one question; `None` when nobody is there any more. With the run's `directory` a step is shown as
    it will be carried out, its references replaced."""
    if request.persons > 1:
        signed = request.signed
        say(
            f"\n{signed.person} has approved; yours is the second of two"
            if signed
            else "\ntwo must approve this"
        )
    if request.scope in ("plan", "revision"):
        return await _ask_for_plan(request, state, read)
    about = f" ({name_of(request.step, state)})" if request.step else ""
    say(f"\n? {request.scope.replace('_', ' ')}{about}: {_prose(request.question)}".rstrip(": "))
    if request.scope == "step":
        return await _ask_for_step(request, state, read, directory)
    if request.scope == "tool":
        _tell_change(request, state)
    elif request.step:
        written = state.find(request.step)
        say(step_line(_resolved(written, state, directory) or written, state))
    if request.options:
        return await _choose(request, read)
    answer = await read("approve? [y/N] ")
    return None if answer is None else _yes_or_no(request, answer)


def _tell_change(request: Request, state: RunState) -> None:
    """How the step's tool was defined when it was approved, and how it is now."""
    attempt = state.step(request.step).attempt
    tool = state.catalog.get(attempt.command[0]) if attempt and attempt.command else None
    if tool is None or attempt is None or attempt.changed is None:
        return
    for what, before, now in changes(tool, attempt.changed):
        say(f"  {what} was: {reveal(before)}")
        say(f"  {what} is now: {reveal(now)}")


async def _ask_for_step(request: Request, state: RunState, read: Read, directory: Path | None) -> Wish | None:
    """One step that asks by itself; a destructive one is approved by typing its tool's name."""
    step = _resolved(state.find(request.step), state, directory)
    if step is None or resolved_hash(state.find(step.id), step.params, state.catalog) != request.hash:
        say(step_line(state.find(request.step), state))
        say("its resolved form cannot be shown here, so it cannot be approved here")
        answer = await read("reject it? [y/N] ")
        rejected = answer is not None and answer.lower() in ("y", "yes")
        return Deny(request=request.id, reason="refused at the prompt") if rejected else None
    say(step_line(step, state))
    if risk_of(step, state.catalog) is not Risk.DESTRUCTIVE:
        answer = await read("approve? [y/N] ")
    else:
        answer = await read(f"it is destructive; type {step.action} to approve it: ", step.action)
        answer = answer and ("yes" if answer == step.action else "no")
    return None if answer is None else _yes_or_no(request, answer)


def _resolved(step: Step, state: RunState, directory: Path | None) -> Step | None:
    """The step as it will be carried out; `None` when a result it refers to is not to be had."""
    params = resolved_params(step, state, directory)
    return None if params is None else step.model_copy(update={"params": params})


def _yes_or_no(request: Request, answer: str, steps: dict[str, str] | None = None) -> Wish:
    if answer.lower() in ("y", "yes"):
        return Approve(request=request.id, hash=request.hash, steps=steps or {}, how="prompt")
    return Deny(request=request.id, reason="refused at the prompt")


async def _choose(request: Request, read: Read) -> Wish | None:
    names = ", ".join(option.replace("_", " ") for option in request.options)
    while True:
        answer = await read(f"{names}? ")
        if answer is None:
            return None
        choice = answer.lower().replace(" ", "_")
        if choice in request.options:
            return Approve(request=request.id, hash=request.hash, answer=choice, how="prompt")


async def _ask_for_plan(request: Request, state: RunState, read: Read) -> Wish | None:
    plan = state.proposal.plan if request.scope == "revision" and state.proposal else state.plan
    assert plan is not None, "a plan is asked for when there is one"
    say(f"\n{_prose(plan.goal)}")
    if request.scope == "revision" and state.plan is not None:
        say(f"because: {_prose(request.question)}" if request.question else "a revision of the plan")
        for line in changes_of(state.plan, plan, state):
            say(line)
        say("all of it then:")
    for step in plan.leaves():
        say(step_line(step, state))
    for item in plan.rollback:
        say(f"  rollback: {item.action} {_params(item.params)}")
    say(f"reach: {reach_line(blast_radius(plan, state.catalog))}")
    if request.scope == "plan" and (insight := await insight_of(state)) is not None and insight.findings:
        say(f"findings of the checker: {len(insight.findings)} (the word findings lists them)")
    confirmed = await _confirm(plan, state, read)
    if confirmed is None:
        return None
    if isinstance(confirmed, str):
        return Deny(request=request.id, reason=confirmed)
    answer = await read(f"approve the {request.scope}? [y/N] ")
    return None if answer is None else _yes_or_no(request, answer, confirmed)


def changes_of(old: Plan, new: Plan, state: RunState) -> Iterator[str]:
    """A revision against the plan, line by line: what is added, removed and changed."""
    change = diff(old, new)
    for step in change.added:
        yield f"  added: {step_line(step, state).strip()}"
    for step_id in change.removed:
        yield f"  removed: {step_id} {reveal(old.step(step_id).action)}"
    for one in (*change.changed, *change.rewired):
        for field in one.fields:
            values = (json.dumps(v, ensure_ascii=False, default=str) for v in (field.before, field.after))
            yield reveal(f"  changed: {one.id} {field.name}: {' becomes '.join(values)}")
    for step_id in change.moved:
        yield f"  moved: {step_id}"
    if change.kept:
        yield f"  kept: {', '.join(change.kept)}"


async def _confirm(plan: Plan, state: RunState, read: Read) -> dict[str, str] | str | None:
    """Each destructive step that is still to come, confirmed by its tool's name; a text says why not."""
    confirmed: dict[str, str] = {}
    asking = asking_in(state, plan)
    for step in confirmable(plan, state.catalog):
        if step.id not in asking:
            continue
        prompt = f"step {step.id} is destructive; type {step.action} to confirm it: "
        answer = await read(prompt, step.action)
        if answer is None:
            return None
        if answer != step.action:
            return f"step {step.id} was not confirmed"
        confirmed[step.id] = step_hash(step, state.catalog)
    return confirmed


def step_line(step: Step, state: RunState) -> str:
    """A step in one line: what it calls, its risk, what it waits for, what undoes it."""
    after = f"  after {', '.join(step.depends_on)}" if step.depends_on else ""
    undo = f"  undo: {step.undo.action} {_params(step.undo.params)}" if step.undo else ""
    told = f"  # {_prose(step.description)}" if step.description else ""
    risk = risk_of(step, state.catalog)
    return f"  {step.id} {reveal(step.action)} {_params(step.params)}  [{risk}]{after}{undo}{told}"


def _prose(text: str) -> str:
    """What a model may have written, whole and on one line: it cannot look like a line of ours."""
    return clean(text).replace("\n", token("\n"))


def _params(params: dict[str, object]) -> str:
    return reveal(
        " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in params.items())
    )

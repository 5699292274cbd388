"""Questions of a run on a terminal without the screen: shown whole, answered in words.

No answer is taken for granted: only `y` and `yes` are a yes, and a destructive step is confirmed by
typing its tool's name.
"""

from __future__ import annotations

import json
import sys

from anyio import to_thread

from console.catalog.explain import changes
from console.catalog.spec import Risk
from console.commands.common import say
from console.lines import name_of
from console.plan.model import Plan, Step
from console.run.approval import confirmable, step_hash
from console.run.control import Approve, Deny, Wish
from console.run.policy import risk_of
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, reveal


async def ask(request: Request, state: RunState) -> Wish | None:
    """Put one question; `None` when nobody is there any more."""
    if request.scope in ("plan", "revision"):
        return await _ask_for_plan(request, state)
    about = f" ({name_of(request.step, state)})" if request.step else ""
    say(f"\n? {request.scope.replace('_', ' ')}{about}: {clean(request.question)}".rstrip(": "))
    if request.scope == "step":
        return await _ask_for_step(request, state.find(request.step), state)
    if request.scope == "tool":
        _tell_change(request, state)
    if request.options:
        return await _choose(request)
    answer = await _read("approve? [y/N] ")
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


async def _ask_for_step(request: Request, step: Step, state: RunState) -> Wish | None:
    """One step that asks by itself; a destructive one is approved by typing its tool's name."""
    say(_step(step, state))
    if risk_of(step, state.catalog) is not Risk.DESTRUCTIVE:
        answer = await _read("approve? [y/N] ")
    elif (answer := await _read(f"it is destructive; type {step.action} to approve it: ")) is not None:
        answer = "yes" if answer == step.action else "no"
    return None if answer is None else _yes_or_no(request, answer)


def _yes_or_no(request: Request, answer: str, steps: dict[str, str] | None = None) -> Wish:
    if answer.lower() in ("y", "yes"):
        return Approve(request=request.id, hash=request.hash, steps=steps or {}, how="prompt")
    return Deny(request=request.id, reason="refused at the prompt")


async def _choose(request: Request) -> Wish | None:
    names = ", ".join(option.replace("_", " ") for option in request.options)
    while True:
        answer = await _read(f"{names}? ")
        if answer is None:
            return None
        choice = answer.lower().replace(" ", "_")
        if choice in request.options:
            return Approve(request=request.id, hash=request.hash, answer=choice, how="prompt")


async def _ask_for_plan(request: Request, state: RunState) -> Wish | None:
    plan = state.proposal.plan if request.scope == "revision" and state.proposal else state.plan
    assert plan is not None, "a plan is asked for when there is one"
    say(f"\n{clean(plan.goal)}")
    for step in plan.leaves():
        say(_step(step, state))
    for item in plan.rollback:
        say(f"  rollback: {item.action} {_params(item.params)}")
    confirmed = await _confirm(plan, state)
    if confirmed is None:
        return None
    if isinstance(confirmed, str):
        return Deny(request=request.id, reason=confirmed)
    answer = await _read(f"approve the {request.scope}? [y/N] ")
    return None if answer is None else _yes_or_no(request, answer, confirmed)


async def _confirm(plan: Plan, state: RunState) -> dict[str, str] | str | None:
    """Each destructive step that is still to come, confirmed by its tool's name; a text says why not."""
    confirmed: dict[str, str] = {}
    for step in confirmable(plan, state.catalog):
        known = state.steps.get(step.id)
        if not step.enabled or (known and known.has_started):
            continue
        answer = await _read(f"step {step.id} is destructive; type {step.action} to confirm it: ")
        if answer is None:
            return None
        if answer != step.action:
            return f"step {step.id} was not confirmed"
        confirmed[step.id] = step_hash(step, state.catalog)
    return confirmed


def _step(step: Step, state: RunState) -> str:
    after = f"  after {', '.join(step.depends_on)}" if step.depends_on else ""
    undo = f"  undo: {step.undo.action} {_params(step.undo.params)}" if step.undo else ""
    told = f"  # {clean(step.description)}" if step.description else ""
    risk = risk_of(step, state.catalog)
    return f"  {step.id} {reveal(step.action)} {_params(step.params)}  [{risk}]{after}{undo}{told}"


def _params(params: dict[str, object]) -> str:
    return reveal(
        " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in params.items())
    )


async def _read(prompt: str) -> str | None:
    sys.stdout.write(prompt)
    sys.stdout.flush()
    line = await to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
    return line.strip() if line else None

"""Short names of actions, for the footer, that depend on the state of the run."""

from __future__ import annotations

from collections.abc import Collection

from console.run.life import StepStatus
from console.tui.reasons import Says, to_hold
from console.tui.view import View


def named(title: str, allowed: Collection[StepStatus]) -> Says:
    """The title, with the step's id where that is not the selected one."""

    def says(view: View) -> str:
        subject = view.subject(allowed)
        return f"{title} {subject}" if subject and subject != view.step else title

    return says


_ANSWERS = {
    "plan": "approve the plan",
    "revision": "accept the revision",
    "rollback": "approve the rollback",
    "tool": "look at the changed tool",
}


def approve_name(view: View) -> str:
    request = view.waiting
    if request is None:
        return "approve"
    if view.half_approved and view.takeable:
        return "approve it too"
    if request.scope == "revision" and view.left_out:
        return "accept the taken parts"
    if request.scope in _ANSWERS:
        return _ANSWERS[request.scope]
    verb = {"gate": "answer the gate", "in_doubt": "settle", "decision": "decide"}.get(
        request.scope, "approve"
    )
    return f"{verb} {request.step}".strip()


def play_name(view: View) -> str:
    return "stand still" if view.replay and view.replay.playing else "play"


def pause_name(view: View) -> str:
    return "resume" if view.state.paused else "pause"


def hold_name(view: View) -> str:
    held = [view.state.step(step).status is StepStatus.HELD for step in to_hold(view)]
    return "release" if held and all(held) else "hold"


def detach_name(view: View) -> str:
    return "leave" if view.status.is_final or view.engine_gone or view.replay else "detach"

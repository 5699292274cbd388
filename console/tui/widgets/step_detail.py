"""The selected step: what will be carried out, what undoes it, what it waits for."""

from __future__ import annotations

import shlex

from console.plan.model import NOTE_TEXT, Step
from console.run.life import StepStatus
from console.run.policy import risk_of
from console.run.rollback import compensation_of
from console.tui.ink import Part, Row, row, wrap
from console.tui.marks import GATE, MARKS
from console.tui.reasons import words
from console.tui.view import View
from console.tui.when import short_time
from console.tui.widgets.lines import Rows
from console.tui.widgets.plan_tree import params_text

RISK_INKS = {"observe": "ok", "reversible": "ok", "disruptive": "warn", "destructive": "bad strong"}


SHORT = 3
"""Rows of a command that stands before everything else."""


def detail_title(view: View) -> str:
    step = view.selected or view.proposed
    if step is None:
        return "Step"
    name = f"{step.id} {step.description}" if step.is_phase else f"Step {step.id} {step.action}"
    return name if view.selected else f"{name} · proposed"


def detail_rows(view: View, width: int, now: float) -> list[Row]:
    """The step in rows that fit into `width` columns; nothing is cut. A long command stands last, so that
    the rest is not below it."""
    step = view.selected or view.proposed
    if step is None:
        return [row(("no step is selected", "dim"))]
    if step.is_phase:
        return _phase_rows(step, width)
    command = wrap(command_text(view, step), width, "strong", first=[("$ ", "accent")], indent=2)
    rows = [_facts(view, step, now)]
    rows += _labelled("undo", _undo(view, step), width)
    rows += _labelled("after", _after(step), width)
    rows += _labelled("gate", step.gate.question or "stops and asks", width, GATE) if step.gate else []
    rows += _labelled("about", step.description, width)
    rows += _agent_rows(view, step, width)
    rows += _state_rows(view, width)
    return [*command, *rows] if len(command) <= SHORT else [*rows, *command]


def _phase_rows(phase: Step, width: int) -> list[Row]:
    inside = f"a phase of {len(phase.steps)}" if phase.steps else "a phase that is not planned yet"
    return [row((inside, "quiet")), *_labelled("after", ", ".join(phase.depends_on), width)]


def _labelled(label: str, text: str, width: int, sign: str = "") -> list[Row]:
    if not text:
        return []
    lead: list[Part] = [(f"{label:<6}", "quiet"), (f"{sign} " if sign else "", "warn")]
    return wrap(text, width, first=lead, indent=6)


def command_text(view: View, step: Step) -> str:
    """What is carried out, as the approval shows it: with the values it was started with once it has
    started. Where that is not what ran, what ran."""
    from console.tui.screens.card import told

    if step.is_note:
        return str(step.params.get(NOTE_TEXT, ""))
    state, attempt = view.state, view.life.attempt if view.life else None
    carried = told(step.action, attempt.params if attempt else step.params, state.catalog, state.workspace)
    if attempt and attempt.command and carried.argv and carried.argv != attempt.command:
        return shlex.join(attempt.command)
    return carried.text


def _facts(view: View, step: Step, now: float) -> Row:
    life, tool = view.life, view.state.catalog.get(step.action)
    risk = risk_of(step, view.state.catalog)
    parts: list[Part] = [(risk.value, RISK_INKS[risk.value])]
    if life is not None:
        mark, ink = MARKS[life.status]
        parts += [("  ", ""), (f"{mark} {words(life.status)}", ink)]
        if life.attempt and life.attempt.host:
            parts.append((f"  on {life.attempt.host}", "quiet"))
        if life.attempt and life.attempt.started:
            parts.append((f"  {short_time((life.attempt.ended or now) - life.attempt.started)}", "quiet"))
        if life.attempt and life.attempt.exit_code is not None:
            parts.append((f"  exit {life.attempt.exit_code}", "quiet"))
    if step.on and not (life and life.attempt):
        parts.append((f"  on {step.on}", "quiet"))
    if tool is None and not step.is_note:
        parts.append(("  no such tool", "bad"))
    return row(*parts)


def _undo(view: View, step: Step) -> str:
    attempt = view.life.attempt if view.life else None
    undo = compensation_of(step, view.state.catalog, attempt.params if attempt else step.params)
    if undo is not None:
        return f"{undo.action} {params_text(undo.params)}".strip()
    if risk_of(step, view.state.catalog).rank == 0:
        return ""
    tool = view.state.catalog.get(step.action)
    return "each of its calls has its own" if tool and tool.agent else "none of its own"


def _after(step: Step) -> str:
    return ", ".join(f"{d} ({why})" if (why := step.explain.get(d)) else d for d in step.depends_on)


def _agent_rows(view: View, step: Step, width: int) -> list[Row]:
    """Where an agent is, and what its turns took; of a call, whose it is."""
    life = view.life
    if life is not None and life.parent:
        return _labelled("agent", f"a call of step {life.parent}", width)
    if life is None or view.tool is None or view.tool.agent is None or not life.attempts:
        return []
    turns = life.turns
    parts = [
        f"{len(turns)} turns",
        f"{sum(t.tokens for t in turns):,} tokens, ${sum(t.cost for t in turns):.4f}",
    ]
    if life.status is StepStatus.RUNNING:
        call = view.state.steps[turns[-1].call] if turns and turns[-1].call else None
        goes = call is not None and call.status in (StepStatus.RUNNING, StepStatus.PENDING)
        waits = view.state.waits_for_a_person(step.id)
        parts.append("waits for your answer" if waits else f"{turns[-1].call} runs" if goes else "thinks")
    return _labelled("agent", " · ".join(parts), width)


def _state_rows(view: View, width: int) -> list[Row]:
    life = view.life
    if life is None or not life.reason:
        return []
    ink = "bad" if life.status in (StepStatus.FAILED, StepStatus.UNDO_FAILED) else "warn"
    return wrap(life.reason, width, ink, first=[(f"{'why':<6}", "quiet")], indent=6)


class StepDetail(Rows):
    """The rows above, for the width there is."""

    def __init__(self, *, id: str = "detail") -> None:
        super().__init__(id=id)

    def show_rows(self, since: int = 0) -> None:
        """Its frame is as high as its rows, within the bounds of the style sheet."""
        self.styles.height = self.count() + self.styles.gutter.height
        super().show_rows(since)

    def show(self, view: View, now: float) -> None:
        self.build(lambda width: detail_rows(view, width, now))

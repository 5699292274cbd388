"""The engine's dealings with a planner: what it is asked, and what becomes of its answer.

Whatever a planner says, started steps are put back as they were, the plan is validated against the
catalog, and the same plan twice counts as a failure. A planner's exception, of whatever kind, becomes
an event here: it is foreign code.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.catalog.fit import bind
from console.catalog.fit import faults as misfits
from console.catalog.parameters import text_of
from console.catalog.spec import Catalog
from console.errors import BadReply, Fault, InvalidPlan, PlandeckError, ReferenceFailed
from console.plan.codec import faults_of
from console.plan.model import Compensation, Plan, Step, StepId
from console.plan.way_back import still_undoing
from console.planners.base import Done, Goal, History, PlanDraft, Planner, Progress
from console.planners.rendering import fenced
from console.run import events as ev
from console.run.approval import Hasher
from console.run.control import spool
from console.run.expansion import before_phase, goal_of_phase, phase_of, put_in
from console.run.life import StepStatus
from console.run.outcome import read_tail
from console.run.results import result_of
from console.run.revising import taken
from console.run.state import RunState
from console.text import clean, one_line

_S = StepStatus
_OUTPUT, _CALL = 1_000, 400
IMPROVER = "offline"
"""Who puts in what the checker misses in another planner's plan."""

_KEPT = (_S.SUCCEEDED, _S.RUNNING, _S.IN_DOUBT)


class Thinking:
    """Asks one planner about one goal."""

    def __init__(self, planner: Planner, goal: Goal, catalog: Catalog, directory: Path) -> None:
        self._planner, self._goal, self._catalog, self._directory = planner, goal, catalog, directory

    def use(self, catalog: Catalog) -> None:
        """Plan with these tools from now on."""
        self._catalog = catalog

    async def plan(
        self, spent: float, words: str, hasher: Hasher, progress: Progress
    ) -> tuple[ev.Event, ...]:
        """A first plan, with what would make it better where there is something, or why there is none.
        `spent` is what planning has cost the run, `words` are the operator's."""
        planner = self._planner
        try:
            draft = await planner.plan(self._goal_after(spent, words), self._catalog, progress)
            plan = self._valid(draft)
        except PlandeckError as error:
            return (ev.PlanningFailed(planner=planner.name, **_failed(error, planner)),)
        except Exception as error:  # noqa: BLE001 - a planner is foreign code; its fault becomes an event
            return (ev.PlanningFailed(planner=planner.name, error=f"the planner broke: {error!r:.300}"),)
        drafted = ev.PlanDrafted(
            revision=1,
            plan=plan,
            plan_hash=hasher.plan(plan),
            planner=draft.planner,
            reason=draft.reason,
            model=draft.model,
            prompt=draft.prompt,
            reply=draft.reply,
            repairs=draft.repairs,
            origin=dict(draft.origin),
            tokens=draft.tokens,
            cost=draft.cost,
            seconds=draft.seconds,
            calls=draft.calls,
        )
        return (drafted, *self._improvement(draft, hasher))

    def _improvement(self, draft: PlanDraft, hasher: Hasher) -> tuple[ev.Event, ...]:
        """The offer of what the checker misses in the plan, as a revision of it."""
        if draft.better is None:
            return ()
        better = bind(draft.better, self._catalog)
        what = "; ".join(draft.improvements)
        return (
            ev.ReplanStarted(planner=IMPROVER, words="what the checker misses is put in", number=0),
            ev.RevisionProposed(
                plan=better,
                hash=hasher.plan(better),
                reason=f"the checker misses something in the plan: {what}",
                planner=IMPROVER,
                mends=True,
            ),
        )

    def _goal_after(self, spent: float, words: str = "") -> Goal:
        """The goal with what is left of the limit on the cost."""
        limits = dict(self._goal.limits)
        if "cost_usd" in limits:
            limits["cost_usd"] = max(limits["cost_usd"] - spent, 0.0)
        return replace(self._goal, limits=limits, words=words)

    def _valid(self, draft: PlanDraft) -> Plan:
        plan = bind(draft.plan, self._catalog)
        problems: Sequence[Fault] = [*faults_of(plan), *misfits(plan, self._catalog)]
        if problems:
            raise InvalidPlan(problems, todo="Ask again, or write the plan by hand")
        if not plan.leaves():
            raise BadReply("the plan has no steps", reply=draft.reply, todo="Say more about the goal")
        return plan

    async def revise(
        self, state: RunState, hasher: Hasher, started: ev.ReplanStarted, progress: Progress
    ) -> tuple[ev.Event, ...]:
        """A revision of the rest, or why there is none."""
        assert state.plan is not None
        planner, old = self._planner, state.plan
        try:
            goal = self._goal_after(state.cost)
            if started.phase:
                draft = await self._expanded(goal, started.phase, state, progress)
            else:
                draft = await planner.replan(goal, self._catalog, old, self.history(state, started), progress)
            plan = put_back(bind(draft.plan, self._catalog), state)
            self._valid(PlanDraft(plan, draft.planner, reply=draft.reply))
            if problems := taken(plan, state):
                raise InvalidPlan(problems)
        except PlandeckError as error:
            return (ev.ReplanFailed(**_failed(error, planner)),)
        except Exception as error:  # noqa: BLE001 - as above
            return (ev.ReplanFailed(error=f"the planner broke: {error!r:.300}"),)
        asked: dict[str, Any] = {
            "model": draft.model,
            "prompt": draft.prompt,
            "reply": draft.reply,
            "tokens": draft.tokens,
            "cost": draft.cost,
            "seconds": draft.seconds,
            "calls": draft.calls,
        }
        hash_ = hasher.plan(plan)
        if hash_ in state.failed_plans or hash_ == state.plan_hash:
            return (ev.ReplanFailed(error="the planner proposed the same plan again", **asked),)
        return (
            ev.RevisionProposed(
                plan=plan,
                hash=hash_,
                reason=draft.reason or started.words,
                planner=draft.planner,
                repairs=draft.repairs,
                falls_back=draft.falls_back,
                **asked,
            ),
        )

    async def _expanded(self, goal: Goal, phase_id: StepId, state: RunState, progress: Progress) -> PlanDraft:
        """The plan with a phase's steps put in, whatever else has become of it meanwhile."""
        phase = phase_of(state.plan, phase_id)
        said = {f"result of step {s}": self._said(state, s) for s in before_phase(phase, state)}
        asked = goal_of_phase(goal, phase, state, self._catalog, said)
        draft = await self._planner.plan(asked, self._catalog, progress)
        made = self._valid(draft)
        phase_of(state.plan, phase_id)
        assert state.plan is not None
        whole = put_in(state.plan, phase_id, made, set(state.steps))
        reason = f"phase {phase_id} is planned: {draft.reason or phase.description}"
        return replace(draft, plan=whole, reason=reason, better=None, improvements=())

    def _said(self, state: RunState, step_id: StepId) -> str:
        """The end of a step's result, made safe and marked as what it is."""
        try:
            result = text_of(result_of(state, self._directory, step_id))
        except ReferenceFailed as error:
            return error.what
        return fenced(result, secrets.token_hex(8))

    def history(self, state: RunState, started: ev.ReplanStarted) -> History:
        """The record that a replan is made from: states, and the ends of outputs, made safe."""
        steps = []
        for step_id, step in state.steps.items():
            if step.parent:
                continue  # it is part of what its agent did, which is in the agent's own output
            if not step.attempts and not step.marked_by and step.status is _S.PENDING:
                continue
            attempt = step.attempt
            output = clean(read_tail(spool(self._directory, attempt.key)))[-_OUTPUT:] if attempt else ""
            status = _S.FAILED if step.gone_round else step.status
            banned = status in (_S.FAILED, _S.CANCELLED)
            call = _call_of(state.retired[step_id]) if step_id in state.retired else ""
            steps.append(Done(step_id, status.value, output, step.reason, banned, call))
        return History(tuple(steps), started.words, started.step, tuple(state.failed_plans), started.number)


def _call_of(step: Step) -> str:
    return one_line(f"{step.action} {json.dumps(step.params, ensure_ascii=False)}", _CALL)


def put_back(plan: Plan, state: RunState) -> Plan:
    """`plan` with every started step as it is in the run, whatever the planner made of it.

    Steps that run or are done and that the planner left out come back in front; failed ones that it
    left out stay out (they are retired), and with them stays what undoes them.
    """
    current = state.leaves
    started = {
        s: current[s] for s, st in state.steps.items() if s in current and (st.attempts or st.marked_by)
    }

    def restored(step: Step) -> Step:
        if step.steps:
            return step.model_copy(update={"steps": tuple(restored(child) for child in step.steps)})
        return started.get(step.id, step)

    steps = tuple(restored(step) for step in plan.steps)
    present = {leaf.id for leaf in plan.leaves()}
    missing = tuple(s for i, s in started.items() if i not in present and state.steps[i].status in _KEPT)
    ids = present | {step.id for step in missing} | {step.id for step, _ in plan.walk()}
    missing = tuple(
        step.model_copy(update={"depends_on": tuple(d for d in step.depends_on if d in ids)})
        for step in missing
    )
    return plan.model_copy(
        update={
            "steps": (*missing, *steps),
            "rollback": (*plan.rollback, *_undoing_retired(plan, state, ids)),
        }
    )


def _undoing_retired(plan: Plan, state: RunState, ids: set[StepId]) -> tuple[Compensation, ...]:
    """What the plan so far lists to undo started steps that are not among `ids`, unless `plan` has it."""
    gone = {s for s, step in state.steps.items() if step.has_started and s not in ids}
    listed = state.plan.rollback if state.plan else ()
    owed = [item for item in listed if item.undoes and gone.issuperset(item.undoes)]
    calls = [(item.action, item.params) for item in plan.rollback]
    kept = still_undoing(owed, ids, gone)
    return tuple(item for item in kept if (item.action, item.params) not in calls)


def _failed(error: PlandeckError, planner: Planner) -> dict[str, Any]:
    """What the record says of a planning that failed."""
    told: dict[str, Any] = {"error": str(error), "model": planner.model, "prompt": planner.prompt}
    if isinstance(error, BadReply):
        told |= {
            "reply": error.reply,
            "draft": error.draft,
            "faults": error.faults,
            "tokens": error.tokens,
            "cost": error.cost,
            "seconds": error.seconds,
            "calls": error.calls,
        }
    elif isinstance(error, InvalidPlan):
        told["faults"] = error.faults
    return told

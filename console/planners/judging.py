"""Is a model's reply a plan that may be shown? Read, shaped, put together with the run, checked.

    reply ── parsing ── shaping ── codec ── catalog/fit ── edges from contracts ── checker ──> Verdict

Nothing is raised for a bad reply: what is wrong comes back as problems, to be told to the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from console.catalog import fit
from console.catalog.spec import Catalog
from console.errors import BadReply, Fault
from console.plan import strict
from console.plan.check import Finding, check
from console.plan.model import Plan, StepId
from console.plan.reading import MAX_STEPS, Reading
from console.plan.reply.parsing import read_reply
from console.plan.yaml_out import yaml_text
from console.planners.base import Goal, History
from console.planners.draft import expected
from console.planners.edges import connected
from console.planners.llm_schema import PHASE
from console.planners.shaping import restored, same_plan, shaped
from console.planners.situation import WAITING
from console.run.approval import plan_hash
from console.task.reader import lines_of
from console.text import clean

MAX_TOLD = 40
MAX_SHOWN = 20_000
"""Characters of a reply that is no plan, shown to whoever writes one."""

MAX_DRAFT = 256 * 1024
"""Characters; of a longer reply no draft is made."""


@dataclass(frozen=True, slots=True)
class Before:
    """The run that a revision is for."""

    plan: Plan
    history: History


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a reply. Without a `plan` it cannot be used; `unread` says that it is not even a
    plan, `faults` what keeps it from running, at the lines of `draft`, which is what could be read, as YAML;
    `findings` is what the checker has against a plan that could run."""

    plan: Plan | None
    reply: str
    reason: str = ""
    repairs: tuple[str, ...] = ()
    unread: str = ""
    faults: tuple[Fault, ...] = ()
    findings: tuple[Finding, ...] = ()
    draft: str = ""

    @property
    def weight(self) -> tuple[int, int, int]:
        """How bad it is: to be compared, not to be shown."""
        return int(bool(self.unread)), len(self.faults), len(self.findings)

    @property
    def is_good(self) -> bool:
        return self.weight == (0, 0, 0)

    def problems(self) -> tuple[str, ...]:
        """What is wrong, a line each."""
        lines = [self.unread] if self.unread else []
        lines += [str(replace(fault, line=0, file="")) for fault in self.faults]
        lines += [f"step {f.step}: {f.message}" if f.step else f.message for f in self.findings]
        return tuple(lines)

    def told(self) -> str:
        """The problems for the model."""
        lines = self.problems()
        more = [f"- and {len(lines) - MAX_TOLD} more"] if len(lines) > MAX_TOLD else []
        return "\n".join([*(f"- {line}" for line in lines[:MAX_TOLD]), *more])


def may_have_phases(catalog: Catalog) -> bool:
    """Whether the action `phase` of a reply can mean a phase, and no tool."""
    return PHASE not in catalog.tools


class Judge:
    """Judges replies to one question."""

    def __init__(self, goal: Goal, catalog: Catalog, before: Before | None = None) -> None:
        self._goal, self._catalog, self._before = goal, catalog, before
        past = before.history.steps if before else ()
        self._started = {done.step for done in past if done.status not in WAITING}
        self._parameters: Mapping[str, tuple[str, ...]] = {
            name: tuple(p.name for p in tool.parameters) for name, tool in catalog.tools.items()
        }

    def verdict(self, reply: str) -> Verdict:
        """What `reply` is worth."""
        try:
            parsed = read_reply(reply, self._parameters)
        except BadReply as error:
            return Verdict(None, reply, unread=error.what, draft=self._by_hand(reply))
        before, phases = self._before, may_have_phases(self._catalog)
        document, reason, changes = shaped(parsed.document, self._started, phases=phases)
        repairs = [*parsed.repairs, *changes]
        banned: list[tuple[StepId, str]] = []
        if before is not None:
            document, more, banned = restored(document, before.plan, before.history)
            repairs += more
        reading = Reading(strict.given(document), file="", max_steps=MAX_STEPS)
        plan = self._whole(fit.bind(reading.plan, self._catalog)) if reading.plan else Plan()
        faults = [*reading.faults, *(Fault(0, step, why) for step, why in banned)]
        if reading.plan and len(plan.leaves()) <= MAX_STEPS:
            faults += self._unfit(plan, reading)
        if faults:
            return self._refused(reply, reason, repairs, document, faults)
        plan, edges = connected(plan, self._check, self._started)
        return Verdict(plan, reply, reason, (*repairs, *edges), findings=self._findings(plan))

    def _by_hand(self, reply: str) -> str:
        """An empty plan with the reply beside it, for whoever writes the plan."""
        said = clean(reply[:MAX_SHOWN]).splitlines()
        head = yaml_text({"goal": self._goal.text, "steps": []})
        return head + "\n# The planner's reply:\n" + "".join(f"# {line}\n" for line in said)

    def _refused(
        self, reply: str, reason: str, repairs: Sequence[str], document: Any, faults: Sequence[Fault]
    ) -> Verdict:
        """A verdict without a plan, with a draft to mend and every fault at its line in it."""
        draft, lines = "", dict[StepId, int]()
        if len(reply) <= MAX_DRAFT:
            goal = {"goal": self._goal.text} if self._goal.text else {}
            draft = yaml_text(goal | document)
            lines = dict(lines_of(strict.read(draft, file="draft.yaml")))
        placed = tuple(replace(fault, line=fault.line or lines.get(fault.step, 0)) for fault in faults)
        return Verdict(None, reply, reason, tuple(repairs), faults=placed, draft=draft)

    def _whole(self, plan: Plan) -> Plan:
        """`plan` with what is the task's and not the model's to say."""
        kept = self._before.plan if self._before else None
        changes = {
            "goal": kept.goal if kept else self._goal.text,
            "expected": kept.expected if kept else expected(self._goal.want) or plan.expected,
            "meta": kept.meta if kept else {},
        }
        return plan.model_copy(update=changes)

    def _unfit(self, plan: Plan, reading: Reading) -> list[Fault]:
        """What keeps the plan from running although it can be read; as far as it can be, told with what
        cannot be read of it. A step whose id cannot be used is named by its place."""
        places = {step.id: place for place, step in enumerate(plan.leaves(), 1) if step.id in reading.spares}
        told = {step.id for step in plan.leaves() if not step.action}  # by the reading
        faults = [
            replace(fault, step="", message=f"step at place {places[fault.step]}: {fault.message}")
            if fault.step in places
            else fault
            for fault in fit.faults(plan, self._catalog)
            if fault.step not in told
        ]
        if not plan.leaves() and not reading.faults:
            faults.append(Fault(0, "", "it has no steps"))
        if self._goal.is_phase:
            late = [step.id for step, _ in plan.walk() if step.expand]
            faults += [Fault(0, step, "a phase is planned whole: it holds no other") for step in late]
        if self._before and not reading.faults:
            if same_plan(plan, self._before.plan):
                faults.append(Fault(0, "", "it is the same plan as before"))
            elif plan_hash(plan, self._catalog) in self._before.history.refused:
                faults.append(Fault(0, "", "it was proposed before and not taken: find another way"))
        return faults

    def _check(self, plan: Plan) -> tuple[Finding, ...]:
        want = [wanted.fact for wanted in self._goal.want]
        return check(plan, self._catalog, facts=self._goal.facts, want=want)

    def _findings(self, plan: Plan) -> tuple[Finding, ...]:
        """What the model should mend. The checker does not know of a run that is under way: what it has
        against the revised plan was, where it concerns started steps, the old plan's business."""
        found = self._check(plan)
        return tuple(f for f in found if f.severity != "note" and f.step not in self._started)

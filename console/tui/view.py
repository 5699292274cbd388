"""What the main screen knows at one moment, as plain data: the run, where the cursor is, what waits.

Actions ask a `View` whether they can be done; widgets are shown parts of it. It is written by the
screen only, and holds no engine, planner or file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from console.catalog.spec import Risk, ToolSpec
from console.plan.model import Plan, Step, StepId
from console.run.life import RunStatus, StepStatus
from console.run.standing import Request, StepState
from console.run.state import RunState

if TYPE_CHECKING:
    from console.service.playback import Position

Pane = Literal["plan", "output", "failures", "diff", "timeline", "events", "rollback", "summary"]

IN_TROUBLE = frozenset({StepStatus.FAILED, StepStatus.CANCELLED, StepStatus.IN_DOUBT})
"""A step in one of these needs a word of the operator."""

ANSWERED_FIRST = (
    "rollback",
    "compensation",
    "revision",
    "tool",
    "step",
    "in_doubt",
    "decision",
    "gate",
    "plan",
)
"""Which of several waiting requests `a` opens first, when none is about the selected step."""


@dataclass(slots=True)
class View:
    """`draft` is the plan with edits that the run may not have heard of yet. `read_only` says why nothing
    can be wished, and is empty when it can; `takeable` that another console holds the control;
    `reopenable` that a run without a process can be taken up again, `copyable` that a new one can be
    started with this plan. `ready` is false until the records that there are have come in: nothing can be
    acted on before. `step` is the selected step, phase or rollback item. `findings` come from the plan
    checker, newest plan only. `marked` are the marked steps that can be seen, in the plan's order, `hidden`
    is how many more there are. `picking` is the step whose dependencies are being picked, `left_out` how
    many parts of the proposed revision are not taken. `replay` says where a replay is.
    `others` are the screens besides this one, `asker` the one that asks for the control that is ours."""

    state: RunState = field(default_factory=RunState)
    draft: Plan | None = None
    read_only: str = ""
    step: StepId = ""
    pane: Pane = "plan"
    findings: tuple[Any, ...] = ()
    undoable: str = ""
    redoable: str = ""
    copied: tuple[Step, ...] = ()
    marked: tuple[StepId, ...] = ()
    hidden: int = 0
    picking: StepId = ""
    left_out: int = 0
    search: str = ""
    engine_gone: bool = False
    takeable: bool = False
    others: tuple[str, ...] = ()
    asker: str = ""
    reopenable: bool = False
    copyable: bool = False
    leads_elsewhere: bool = False
    ready: bool = True
    replay: Position | None = None
    _indexed: tuple[object, ...] | None = None
    _steps: dict[StepId, Step] = field(default_factory=dict)

    @property
    def status(self) -> RunStatus:
        return self.state.status

    @property
    def plan(self) -> Plan | None:
        """The plan as it is shown."""
        return self.draft or self.state.plan

    @property
    def selected(self) -> Step | None:
        """The selected step, phase or rollback item, as it is written."""
        return self.named(self.step)

    @property
    def proposed(self) -> Step | None:
        """The step under the cursor where only the proposed revision has it."""
        proposal = self.state.proposal
        if proposal is None or self.selected is not None:
            return None
        return next((step for step, _ in proposal.plan.walk() if step.id == self.step), None)

    def named(self, step: StepId) -> Step | None:
        """A step, phase or rollback item, as it is written."""
        now = (self.plan, self.state.rollback, len(self.state.calls))
        if self._indexed is None or any(a is not b for a, b in zip(self._indexed, now, strict=True)):
            self._indexed, self._steps = now, all_steps(self.state, self.draft)
        return self._steps.get(step)

    @property
    def targets(self) -> tuple[StepId, ...]:
        """What an edit is about: the marked steps that can be seen, else the selected one."""
        return self.marked or ((self.step,) if self.step else ())

    @property
    def leaves(self) -> tuple[StepId, ...]:
        """As `targets`, with the steps that are in it in place of a phase."""
        steps = (self.named(step) for step in self.targets)
        return tuple(dict.fromkeys(leaf.id for step in steps if step for leaf in leaves_of(step)))

    @property
    def life(self) -> StepState | None:
        """The state of the selected step; `None` for a phase."""
        return find_life(self.state, self.step)

    def subject(self, allowed: Collection[StepStatus]) -> StepId:
        """The step that an action on steps in these states is about: the selected one; where that is
        in another state, the only one in trouble. Empty when there is none."""
        life = self.life
        if life is not None and life.status in allowed:
            return self.step
        wanted = [s for s, state in self.state.steps.items() if in_trouble(state)]
        if len(wanted) == 1 and self.state.steps[wanted[0]].status in allowed:
            return wanted[0]
        return ""

    @property
    def tool(self) -> ToolSpec | None:
        step = self.selected
        return self.state.catalog.get(step.action) if step else None

    @property
    def waiting(self) -> Request | None:
        """The request that `a` answers: the selected step's own, else the most pressing one."""
        return next(self.queue(), None)

    def queue(self) -> Iterator[Request]:
        """All waiting requests in the order they are offered."""
        mine = [r for r in self.state.requests.values() if r.step and r.step == self.step]
        rest = [r for r in self.state.requests.values() if r not in mine]
        yield from mine
        yield from sorted(rest, key=lambda r: (ANSWERED_FIRST.index(r.scope), r.since))

    @property
    def half_approved(self) -> Request | None:
        """A request that one of two persons has approved."""
        return next((r for r in self.queue() if r.signed), None)

    def request(self, scope: str) -> Request | None:
        """The waiting request of this scope, if any."""
        return next((r for r in self.state.requests.values() if r.scope == scope), None)


def in_trouble(life: StepState) -> bool:
    """Whether a step needs a word of the operator. What becomes of a call that failed is its agent's
    business."""
    return life.status in IN_TROUBLE and not (life.parent and life.status is not StepStatus.IN_DOUBT)


def all_steps(state: RunState, plan: Plan | None = None) -> dict[StepId, Step]:
    """Every step, phase, agent's call and rollback item by id, as it is written; those of `plan` where it is
    given."""
    steps = {item.step.id: item.step for item in state.rollback.plan.items} if state.rollback else {}
    plan = plan or state.plan
    if plan is not None:
        steps |= {step.id: step for step, _ in plan.walk()}
    return steps | state.calls


def leaves_of(step: Step) -> Iterator[Step]:
    """The step, or all steps that are in it where it is a phase."""
    if not step.is_phase:
        yield step
    for child in step.steps:
        yield from leaves_of(child)


def find_step(state: RunState, step_id: StepId) -> Step | None:
    """The step, phase or rollback item with this id; for many of them take `all_steps`."""
    return all_steps(state).get(step_id)


def find_life(state: RunState, step_id: StepId) -> StepState | None:
    """The state of a step or rollback item; `None` where there is none (a phase, an unknown id)."""
    try:
        return state.step(step_id)
    except KeyError:
        return None


def risk_of(state: RunState, step: Step) -> Risk:
    """The risk class of a step: its tool's, and `disruptive` where the tool is not known."""
    if step.is_note or step.is_phase:
        return Risk.OBSERVE
    tool = state.catalog.get(step.action)
    return tool.risk if tool else Risk.DISRUPTIVE


def status_of(state: RunState, step: Step) -> StepStatus:
    """Where a step is in its life; a phase is as its least finished part."""
    if step.is_phase:
        return _status_of_phase(state, step)
    life = find_life(state, step.id)
    if life is None:
        return StepStatus.PENDING
    return StepStatus.FAILED if life.gone_round else life.status


_LOUDEST = (
    StepStatus.RUNNING,
    StepStatus.UNDOING,
    StepStatus.UNDO_FAILED,
    StepStatus.IN_DOUBT,
    StepStatus.FAILED,
    StepStatus.HELD,
    StepStatus.CANCELLED,
    StepStatus.PENDING,
    StepStatus.UNDONE,
    StepStatus.SUCCEEDED,
    StepStatus.SKIPPED,
)


def _status_of_phase(state: RunState, phase: Step) -> StepStatus:
    inside = {status_of(state, child) for child in phase.steps}
    return next((status for status in _LOUDEST if status in inside), StepStatus.PENDING)

"""What an approval is about: the steps that would run, in order, and what is said around them.

Pure: a request and the state of its run in, rows out. The approval screen shows them as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from console.catalog.contract import parse_fact
from console.catalog.spec import Risk
from console.plan.check import blast_radius, target_of
from console.plan.check.finding import SEVERITIES
from console.plan.check.ties import tie_of
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId
from console.run.approval import resolved_hash, step_hash
from console.run.life import StepStatus
from console.run.policy import risk_of
from console.run.renewal import asking_in
from console.run.results import resolved_params
from console.run.rollback import carried_out
from console.run.so_far import FAILED, SoFar, check_rest, tried_again
from console.run.standing import Request
from console.run.state import RunState
from console.tui.insight import reach_line
from console.tui.screens.card import command_rows, label, step_rows, undo_rows
from console.tui.screens.modal import MUTED
from console.tui.screens.rows import Row, exact

TITLES = {
    "plan": "Approve the plan",
    "step": "Approve step {step}",
    "revision": "Approve the revision",
    "rollback": "Approve the rollback",
    "compensation": "Approve compensation {step}",
}

REFUSED = {
    "plan": "The run ends as rejected; nothing has run.",
    "step": "Step {step} is left out.",
    "revision": "The plan stays as it is.",
    "compensation": "Compensation {step} is left out.",
}
"""What follows from a no, by scope; every other one stops the run."""


@dataclass(frozen=True)
class Block:
    """Rows that belong together; `kind` is a style class."""

    kind: str
    rows: tuple[Row, ...]


class Brief:
    """The subject of `request`: `steps` would run, in this order; `destructive` are those among them
    that are confirmed, by their `hashes`; `word` is what must be typed, "" where nothing must. `asking`
    gives the reason for each step that was not approved before as it is; the others are told in short.
    `unknown` says why what would be approved cannot be shown. `directory` is the run's: results of
    earlier steps are read there.
    """

    def __init__(self, request: Request, state: RunState, directory: Path | None = None) -> None:
        self.request = request
        self.state = state
        self.plan = _plan_of(request, state)
        self.steps = _steps_of(request, state, self.plan)
        self.asking = _asking(request, state, self.plan, self.steps)
        self.hashes = {
            step.id: step_hash(step, state.catalog)
            for step in self.steps
            if step.id in self.asking and risk_of(step, state.catalog) is Risk.DESTRUCTIVE
        }
        self.unknown = ""
        if request.scope == "step":
            self._resolve(directory)
        self.destructive = [step for step in self.steps if step.id in self.hashes]
        self.word = self._word()

    def _word(self) -> str:
        if not self.destructive:
            return ""
        return target_of(self.destructive[0], self.state.catalog) or self.state.run

    @property
    def word_of(self) -> str:
        """What the word that must be typed is."""
        first = self.destructive[0]
        if target_of(first, self.state.catalog):
            return f"target of step {first.id}"
        return f"the name of this run: step {first.id} has no target"

    def _resolve(self, directory: Path | None) -> None:
        """Show the step with its references replaced: the form that the request's hash is of, or none."""
        for place, step in enumerate(self.steps):
            params = resolved_params(step, self.state, directory)
            if params is None or resolved_hash(step, params, self.state.catalog) != self.request.hash:
                self.unknown = "Its resolved form cannot be shown here, so it cannot be approved here"
            else:
                self.steps[place] = step.model_copy(update={"params": params})

    @property
    def title(self) -> str:
        title = TITLES.get(self.request.scope, "Approve").format(step=self.request.step)
        return f"{title} · rev {self.state.revision}" if self.request.scope == "plan" else title

    @property
    def is_final(self) -> bool:
        """Whether no reference is left to be replaced: what looks like one is text."""
        return self.request.scope == "step" and not self.unknown

    @property
    def refused(self) -> str:
        return REFUSED.get(self.request.scope, "The run stops here.").format(step=self.request.step)

    def blocks(self) -> Iterator[Block]:
        """Everything there is to read, from top to bottom."""
        yield Block("intro", tuple(self._intro()))
        if self.destructive and len(self.steps) > 1:
            yield Block("section -error", (_title(f"‼ Destructive: {_steps(len(self.destructive))}"),))
            for step in self.destructive:
                yield Block("card -destructive", tuple(self._short(step)))
        asked = [step for step in self.steps if step.id in self.asking]
        if len(asked) < len(self.steps):
            yield Block("section", (_title(f"To be approved: {_steps(len(asked))}, in order"),))
        elif len(self.steps) > 1:
            yield Block("section", (_title("Everything, in order"),))
        host = self.state.engine.host if self.state.engine else ""
        for step in asked:
            risk = risk_of(step, self.state.catalog)
            rows = step_rows(step, self.state.catalog, self.state.workspace, host, final=self.is_final)
            yield Block(f"card -{risk}", (*rows, *self._why(step)))
        yield from self._approved_before()
        yield from self._rollback()
        yield Block("section", (_title("End of what would happen"),))

    def _intro(self) -> Iterator[Row]:
        state = self.state
        goal = self.plan.goal or state.goal
        yield Row(label("goal"), Content.styled(exact(goal), "bold"))
        if self.request.question:
            yield Row(label("asks"), Content(exact(self.request.question)))
        reason = state.because if self.request.scope == "plan" and state.planner != "given" else ""
        if self.request.scope == "revision" and state.proposal:
            reason = state.proposal.reason
        if reason and reason != self.request.question:
            yield Row(label("because"), Content(exact(reason)))
        yield self._reach_row()
        yield Row(label("run"), Content(exact(self._run_line())))
        if self.request.persons > 1:
            signed = self.request.signed
            text = f"{signed.person} has approved; yours is the second" if signed else "two must approve this"
            yield Row(label("persons"), Content.styled(exact(text), "$text-warning"))
        repairs = (
            state.proposal.repairs if self.request.scope == "revision" and state.proposal else state.repairs
        )
        if repairs:
            text = f"the planner's reply was mended: {'; '.join(repairs)}"
            yield Row(label("mended"), Content.styled(exact(text), "$text-warning"))
        if self.request.scope in ("plan", "revision"):
            yield from self._findings()
            yield from self._held()
            yield from self._not_run()

    def standing(self) -> Iterator[Row]:
        """What all of it comes to: its reach, and what the checker says."""
        yield self._reach_row()
        yield from self._findings()

    def _reach_row(self) -> Row:
        return Row(label("reach"), Content(exact(self._reach())))

    def _reach(self) -> str:
        """Of a rollback it is not said what would undo it: it is the way back itself."""
        catalog = self.state.catalog
        radius = blast_radius(self.plan, catalog, self.steps)
        undone = self.request.scope not in ("rollback", "compensation")
        tools = (catalog.get(step.action) for step in self.steps)
        secrets = dict.fromkeys(name for tool in tools if tool for name in tool.secrets)
        said = reach_line(radius, undone=undone)
        return f"{said} · secrets {', '.join(secrets)}" if secrets else said

    def _run_line(self) -> str:
        state = self.state
        host = f"on {state.engine.host}" if state.engine else ""
        named = " ".join(part for part in (state.planner, state.model, state.prompt) if part)
        took = f" ({state.tokens:,} tokens, ${state.cost:.4f})" if state.tokens else ""
        by = f"planned by {named}{took}" if named else ""
        by = "with a ready plan" if state.planner == "given" else by
        return " · ".join(part for part in (state.run, host, f"in {state.workspace}", by) if part)

    def _findings(self) -> Iterator[Row]:
        facts = [parse_fact(fact) for fact in self.state.facts]
        so_far = SoFar.of(self.state, again=(step.id for step in self.steps))
        found = check_rest(self.plan, self.state.catalog, so_far, facts)
        if not found:
            yield Row(label("checked"), Content.styled("no findings", "$text-success"))
            return
        counts = ((name, sum(f.severity == name for f in found)) for name in SEVERITIES)
        said = " · ".join(f"{n} {name}{'s' if n > 1 else ''}" for name, n in counts if n)
        worst = found[0]
        about = f"step {worst.step}: " if worst.step else ""
        style = {"error": "bold $text-error", "warning": "$text-warning"}.get(worst.severity, "$foreground")
        yield Row(label("checked"), Content.assemble((said, style), exact(f"; {about}{worst.message}")))

    def _held(self) -> Iterator[Row]:
        """Steps that a yes approves and that do not start by it."""
        asked = {request.step for request in self.state.requests.values()}
        held = [
            step
            for step in self.steps
            if step.id not in asked
            and (known := self.state.steps.get(step.id)) is not None
            and known.status is StepStatus.HELD
        ]
        if not held:
            return
        graph, away = Graph.of(self.plan), {step.id for step in held}
        below = set().union(*(graph.descendants(step.id) for step in held if step.id in graph.order)) - away
        waiting = [step.id for step in self.steps if step.id in below]
        names = ", ".join(f"{step.id} {step.action}" for step in held)
        text = f"{names}: approved with the others, but start when they are released"
        if waiting:
            text += f"; {', '.join(waiting)} wait{'s' if len(waiting) == 1 else ''} for that"
        yield Row(label("held"), Content.styled(exact(text), "$text-warning"))

    def _not_run(self) -> Iterator[Row]:
        """Steps of the plan that this approval does not start, so that nothing is left unsaid."""
        shown = {step.id for step in self.steps}
        rest = [step for step in self.plan.leaves() if step.id not in shown]
        if rest:
            names = ", ".join(f"{s.id} {s.action} ({self._why_not(s)})" for s in rest)
            yield Row(label("not run"), Content.styled(exact(names), MUTED))

    def _why_not(self, step: Step) -> str:
        known = self.state.steps.get(step.id)
        if known is None or known.status is StepStatus.PENDING:
            return "left out"
        said = known.status.value.replace("_", " ")
        round_it = self.request.scope == "revision" and known.status in FAILED
        return f"{said}; the revision goes on without it" if round_it else said

    def _why(self, step: Step) -> Iterator[Row]:
        """Why a step asks although a plan was approved before."""
        if reason := self.asking[step.id]:
            yield Row(label("asks as"), Content.styled(exact(reason), "$text-warning"))

    def _approved_before(self) -> Iterator[Block]:
        """The steps that are as they were approved, each in a row."""
        kept = [step for step in self.steps if step.id not in self.asking]
        if not kept:
            return
        yield Block("section", (_title(f"Approved before and as it was: {_steps(len(kept))}"),))
        for step in kept:
            since = self.state.approved_at.get(step.id, self.state.revision)
            risk = risk_of(step, self.state.catalog)
            said = Content.assemble(
                (f"{step.id} ", "bold"),
                exact(step.action),
                (f"  {risk} · unchanged since rev {since}", MUTED),
            )
            yield Block(f"card -{risk} -kept", (Row(Content(""), said),))

    def _short(self, step: Step) -> Iterator[Row]:
        name = (exact(step.action), "bold")
        yield Row(Content(""), Content.assemble((f"{step.id} ", "bold $text-error"), name))
        yield from command_rows(step.action, step.params, self.state.catalog, self.state.workspace)

    def _rollback(self) -> Iterator[Block]:
        if self.request.scope not in ("plan", "revision") or not self.plan.rollback:
            return
        yield Block("section", (_title("If it is rolled back, after each step's own undo"),))
        for item in self.plan.rollback:
            tie = tie_of(item, self.plan, self.state.catalog, carried_out(self.state))
            said = f"undoes {', '.join(tie.undoes)}" if tie.undoes else "tied to no step"
            ties = Row(label("ties"), Content.styled(exact(f"{said} ({tie.why})"), MUTED))
            rows = undo_rows(item.action, item.params, self.state.catalog, self.state.workspace)
            yield Block("card -undo", (*rows, ties))


def _title(text: str) -> Row:
    return Row(Content(""), Content.styled(text, "bold"))


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _plan_of(request: Request, state: RunState) -> Plan:
    if request.scope == "revision" and state.proposal:
        return state.proposal.plan
    return state.plan or Plan()


def _steps_of(request: Request, state: RunState, plan: Plan) -> list[Step]:
    """The steps that a yes would let run, in the order in which they may start."""
    if request.scope in ("rollback", "compensation") and state.rollback:
        items = [item for item in state.rollback.plan.items if item.fate == "planned"]
        return [i.step for i in items if request.scope == "rollback" or i.step.id == request.step]
    if request.step:
        steps = [*(step for step, _ in plan.walk()), *state.calls.values()]
        return [step for step in steps if step.id == request.step]
    graph = Graph.of(plan)
    by_id = {step.id: step for step, _ in plan.walk()}
    out = graph.skipped
    if request.scope == "revision":
        failed = {step for step, known in state.steps.items() if known.status in FAILED}
        out |= failed - tried_again(graph, state)
    return [by_id[name] for name in graph.order if name not in out and not _settled(name, state)]


def _asking(request: Request, state: RunState, plan: Plan, steps: list[Step]) -> dict[StepId, str]:
    """Why each of `steps` is asked about; a failed one that a revision tries again always is."""
    if request.scope not in ("plan", "revision"):
        return dict.fromkeys((step.id for step in steps), "")
    asking = asking_in(state, plan)
    again = [s.id for s in steps if (known := state.steps.get(s.id)) is not None and known.status in FAILED]
    return asking | dict.fromkeys((step for step in again if step not in asking), "it is tried again")


def _settled(step: StepId, state: RunState) -> bool:
    known = state.steps.get(step)
    return known is not None and known.status in (
        StepStatus.SUCCEEDED,
        StepStatus.SKIPPED,
        StepStatus.RUNNING,
    )

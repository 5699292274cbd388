"""The plan: a tree by phase, or its steps by level; one row a step, updated in place.

`tree_rows` is the plan as a flat list of what stands on each line; the widget draws a line when it
is visible. The cursor is a step's id: whatever the plan becomes, it stays on its step, and when the
step is gone it goes to the one that stood next to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from console.catalog.spec import Risk
from console.plan.model import Plan, Step, StepId
from console.run.life import StepStatus
from console.run.policy import risk_of
from console.run.state import RunState
from console.tui.ink import Part, Row, Span, fit, pad, row, safe
from console.tui.marking import Marks
from console.tui.marks import DESTRUCTIVE, GATE, HAS_UNDO, MARKS
from console.tui.view import find_life, status_of
from console.tui.when import short_time
from console.tui.widgets.lines import Lines

Kind = Literal["step", "phase", "level", "no_return"]

ID_CAP, ACTION_CAP = 8, 20
"""Columns that ids and actions take at most before they are cut, with a sign."""


class Place(NamedTuple):
    """One line of the tree. `title` is a level's heading."""

    kind: Kind
    step: Step | None = None
    depth: int = 0
    title: str = ""
    folded: bool = False

    @property
    def id(self) -> StepId:
        return self.step.id if self.step else ""


def tree_places(
    plan: Plan,
    *,
    folded: frozenset[StepId] = frozenset(),
    levels: Sequence[Sequence[StepId]] | None = None,
    no_return: StepId = "",
    keep: Callable[[Step], bool] | None = None,
    calls: Mapping[StepId, Sequence[Step]] | None = None,
) -> list[Place]:
    """What stands on each line; below an agent's step its `calls`. `levels` orders the steps by level;
    `no_return` is the step before which the point of no return is drawn; with `keep`, only those steps and
    their phases are there."""
    own = keep

    def keep_with_calls(step: Step) -> bool:
        return own is not None and (own(step) or any(map(own, (calls or {}).get(step.id, ()))))

    keep = keep_with_calls if own is not None else None
    if levels is not None:
        places = _by_level(plan, levels, keep)
    else:
        places = list(_by_phase(plan.steps, 0, folded, keep))
    if calls:
        places = [one for place in places for one in (place, *_calls_below(place, calls, own))]
    at = next((i for i, place in enumerate(places) if no_return and place.id == no_return), -1)
    if at >= 0:
        places.insert(at, Place("no_return", depth=places[at].depth))
    return places


def _by_phase(
    steps: Iterable[Step], depth: int, folded: frozenset[StepId], keep: Callable[[Step], bool] | None
) -> Iterable[Place]:
    for step in steps:
        if not step.is_phase:
            if keep is None or keep(step):
                yield Place("step", step, depth)
            continue
        shut = step.id in folded and keep is None
        inside = [] if shut else list(_by_phase(step.steps, depth + 1, folded, keep))
        if keep is None or inside or keep(step):
            yield Place("phase", step, depth, folded=shut)
            yield from inside


def _calls_below(
    place: Place, calls: Mapping[StepId, Sequence[Step]], keep: Callable[[Step], bool] | None
) -> Iterable[Place]:
    for call in calls.get(place.id, ()) if place.kind == "step" else ():
        if keep is None or keep(call):
            yield Place("step", call, place.depth + 1)


def _by_level(
    plan: Plan, levels: Sequence[Sequence[StepId]], keep: Callable[[Step], bool] | None
) -> list[Place]:
    steps = {step.id: step for step, _ in plan.walk()}
    places: list[Place] = []
    for number, ids in enumerate(levels, 1):
        inside = [steps[i] for i in ids if i in steps and (keep is None or keep(steps[i]))]
        if inside:
            note = f"level {number}" + (f" · {len(inside)} side by side" if len(inside) > 1 else "")
            places.append(Place("level", title=note))
            places += [Place("step", step, 1) for step in inside]
    return places


def matches(needle: str) -> Callable[[Step], bool]:
    """Whether a step has `needle` in what is shown of it."""
    wanted = needle.casefold()

    def keep(step: Step) -> bool:
        shown = f"{step.id} {step.action} {step.description} {params_text(step.params)}"
        return wanted in shown.casefold()

    return keep


def params_text(params: Mapping[str, object]) -> str:
    """Parameters in a few words: `tag=v2.3.1 env=staging`."""
    return " ".join(f"{name}={value}" for name, value in params.items())


class PlanTree(Lines):
    """The widget. Give it the state with `show`, later changes with `touch`."""

    keeps_cursor = True

    def __init__(self, *, id: str = "plan", now: Callable[[], float]) -> None:
        super().__init__(id=id)
        self._now = now
        self._state = RunState()
        self._plan: Plan | None = None
        self._places: list[Place] = []
        self._index: dict[StepId, int] = {}
        self._folded: frozenset[StepId] = frozenset()
        self._levels: Sequence[Sequence[StepId]] = ()
        self._no_return: StepId = ""
        self._calls = 0
        self._widths = (1, 1)
        self._compensated: frozenset[StepId] = frozenset()
        self._instead: Sequence[Row] = ()
        self.by_level = False
        self.marks = Marks()
        self._picking: StepId = ""
        self._possible: set[StepId] = set()
        self._off: frozenset[StepId] = frozenset()
        self.picked: set[StepId] = set()

    # ── data in ──────────────────────────────────────────────────────────────────────────────────

    def show(
        self,
        state: RunState,
        plan: Plan | None,
        *,
        levels: Sequence[Sequence[StepId]] = (),
        no_return: StepId = "",
        compensated: frozenset[StepId] = frozenset(),
    ) -> None:
        """Show this plan and its state; cursor, scroll and open phases stay where they are."""
        seen = (self._state, self._plan, self._levels, self._no_return, self._compensated)
        now = (state, plan, levels, no_return, compensated)
        same = [a is b or (isinstance(a, str) and a == b) for a, b in zip(seen, now, strict=True)]
        self._state, self._plan, self._levels, self._no_return, self._compensated = now
        shape = same[0] and same[1] and (same[2] or not self.by_level) and same[3]
        if not shape or self._calls != len(state.calls):
            self._rebuild()
        elif not same[4]:
            self.refresh()

    def say(self, *rows: Row) -> None:
        """Show these rows while there is no plan."""
        if rows != self._instead:
            self._instead = rows
            self.show_rows()

    def touch(self, steps: Collection[StepId]) -> None:
        """The states of these steps have changed: repaint their rows, and their phases'; make room for the
        calls that agents have made."""
        if self._calls != len(self._state.calls):
            self._rebuild()
            return
        if len(steps) > self.size.height:
            self.refresh()
            return
        for step in steps:
            self.show_row(self._index.get(step, -1))
        for index, place in enumerate(self._places):
            if place.kind == "phase":
                self.show_row(index)

    def tick(self) -> None:
        """Time has passed: repaint what shows it."""
        for step_id, life in self._state.steps.items():
            if life.status in (StepStatus.RUNNING, StepStatus.UNDOING):
                self.show_row(self._index.get(step_id, -1))

    # ── shape ────────────────────────────────────────────────────────────────────────────────────

    def _rebuild(self) -> None:
        before, at = self._places, self._index.get(self.step, 0)
        plan = self._plan or Plan()
        self._calls = len(self._state.calls)
        self._off = left_out(plan)
        self._places = tree_places(
            plan,
            folded=self._folded,
            levels=self._levels if self.by_level and self._levels else None,
            no_return=self._no_return,
            keep=matches(self.needle) if self.needle else None,
            calls=self._all_calls(),
        )
        self._index = {place.id: i for i, place in enumerate(self._places) if place.step}
        leaves, calls = plan.leaves(), self._state.calls.values()
        ids = [*(len(leaf.id) for leaf in leaves), *(len(self._id_shown(call)) for call in calls), 1]
        actions = {step.action for steps in (leaves, calls) for step in steps} | {" "}
        self._widths = (min(ID_CAP, max(ids)), min(ACTION_CAP, max(map(len, actions))))
        if self.marks:
            self.marks.keep({step.id for step, _ in plan.walk()})
        if self.step not in self._index:
            self.step = self._nearest(before, at)
            if self.step and before:
                self.post_message(self.Selected(self.step, self.id or ""))
        self.show_rows()

    def _all_calls(self) -> dict[StepId, Sequence[Step]]:
        state = self._state
        if not state.calls:
            return {}
        return {step: calls for step in state.leaves if (calls := state.calls_of(step))}

    def _nearest(self, before: Sequence[Place], at: int) -> StepId:
        """The step to stand on when the one under the cursor is gone: the next that is left, else the
        one above it."""
        steps = {place.id for place in self._places if place.kind == "step"}
        for place in (*before[at:], *reversed(before[:at])):
            if place.id in steps:
                return place.id
        return next((place.id for place in self._places if place.kind == "step"), "")

    def toggle_levels(self) -> None:
        self.by_level = not self.by_level
        self._rebuild()
        self.reveal(self.step)

    def search(self, needle: str) -> None:
        """Show only steps that have `needle`; the frame says so while it is on."""
        self.needle = needle
        self._rebuild()
        self.reveal(self.step)

    def notice(self) -> str:
        said = []
        if self._picking:
            said.append(f"what {self._picking} waits for · Space picks · Enter takes it · Esc")
        elif self.marks:
            shown = len(self.marked)
            hidden = f" +{len(self.marks) - shown} hidden" if len(self.marks) > shown else ""
            said.append(f"{shown} marked{hidden}")
        if self.needle and self._plan is not None:
            shown = sum(place.kind == "step" for place in self._places)
            said.append(f"filter /{self.needle} · {shown} of {len(self._plan.leaves())} · Esc shows all")
        return " · ".join(said)

    # ── marks and picking ────────────────────────────────────────────────────────────────────────

    @property
    def marked(self) -> tuple[StepId, ...]:
        """The marked steps that are on a line now, in their order; what is filtered or folded away is not."""
        return tuple(place.id for place in self._places if place.step and place.id in self.marks)

    def toggle_mark(self, step: StepId) -> None:
        self.marks.toggle(step)
        self.refresh()  # with the first mark, and without the last one, every row moves

    def mark_to(self, step: StepId) -> None:
        """Mark everything from the step that was marked last to this one."""
        at, last = self._index.get(step, -1), self._index.get(self.marks.last, -1)
        if at >= 0:
            between = self._places[min(at, last if last >= 0 else at) : max(at, last) + 1]
            self.marks.add(place.id for place in between if place.kind == "step")
            self.refresh()

    def toggle_all_marks(self) -> None:
        shown = [place.id for place in self._places if place.kind == "step"]
        if all(step in self.marks for step in shown):
            self.marks.clear()
        else:
            self.marks.add(shown)
        self.refresh()

    def clear_marks(self) -> None:
        self.marks.clear()
        self.refresh()

    def pick(self, step: StepId, chosen: set[StepId], possible: set[StepId]) -> None:
        """Have the steps picked that `step` waits for; only `possible` ones can be."""
        self._picking, self.picked, self._possible = step, set(chosen), possible
        self.refresh()

    def toggle_pick(self) -> bool:
        """Pick the step under the cursor, or let it go; whether it can be picked."""
        if self.step not in self._possible:
            return False
        self.picked ^= {self.step}
        self.refresh()
        return True

    def end_pick(self) -> None:
        self._picking, self.picked = "", set()
        self.refresh()

    def _lead(self, step: StepId) -> tuple[Part, ...]:
        """What stands before a step's own marks: how it is picked, or that it is marked."""
        if self._picking:
            if step == self._picking:
                return ((" →  ", "accent strong"),)
            if step in self.picked:
                return (("[x] ", "ok strong"),)
            return (("[ ] ", "quiet"),) if step in self._possible else ("    ",)
        return (("▐", "accent strong") if step in self.marks else " ",) if self.marks else ()

    def move_side(self, way: int) -> None:
        """Open or close the phase under the cursor; from a step, closing goes to its phase."""
        at = self._index.get(self.step, -1)
        if at < 0:
            return
        place = self._places[at]
        if place.kind == "phase" and (place.folded == (way > 0)):
            self.fold(place.id, way < 0)
        elif way < 0:
            above = next(
                (p for p in reversed(self._places[:at]) if p.kind == "phase" and p.depth < place.depth), None
            )
            if above is not None:
                self._choose(self._index[above.id])

    def fold(self, phase: StepId, shut: bool) -> None:
        self._folded = self._folded | {phase} if shut else self._folded - {phase}
        self._rebuild()

    def toggle_fold(self, phase: StepId) -> None:
        self.fold(phase, phase not in self._folded)

    # ── rows ─────────────────────────────────────────────────────────────────────────────────────

    def count(self) -> int:
        return len(self._places) or len(self._instead)

    def step_at(self, index: int) -> StepId:
        return self._places[index].id if 0 <= index < len(self._places) else ""

    def index_of(self, step: StepId) -> int:
        return self._index.get(step, -1)

    def row_at(self, index: int, width: int) -> Row:
        if not self._places:
            return self._instead[index]
        place = self._places[index]
        if place.kind == "no_return":
            return _rule(" point of no return ", width, place.depth)
        if place.kind == "level":
            return row((place.title, "quiet"))
        assert place.step is not None
        return (
            self._phase_row(place, place.step)
            if place.kind == "phase"
            else self._step_row(place, place.step, width)
        )

    def _phase_row(self, place: Place, phase: Step) -> Row:
        leaves = Plan(steps=(phase,)).leaves()
        states = [status_of(self._state, leaf) for leaf in leaves]
        done = sum(s in (StepStatus.SUCCEEDED, StepStatus.SKIPPED) for s in states)
        mark, ink = MARKS[status_of(self._state, phase)]
        note = "not planned yet" if phase.expand and not phase.steps else f"{done}/{len(leaves)}"
        if phase.id in self._off:
            note, mark, ink = "left out", "–", "dim"
        return row(
            *self._lead(phase.id),
            "  " * place.depth,
            ("▸ " if place.folded else "▾ ", "quiet"),
            (phase.description or phase.id, "strong"),
            (f"  {note}", "dim"),
            (f" {mark}", ink) if place.folded else "",
            step=phase.id,
        )

    def _step_row(self, place: Place, step: Step, width: int) -> Row:
        status = status_of(self._state, step)
        mark, ink = MARKS[status]
        id_width, action_width = self._widths
        off = step.id in self._off
        name_ink = (
            "dim" if off or status is StepStatus.SKIPPED else ink if status is not StepStatus.PENDING else ""
        )
        lead: tuple[Part, ...] = (
            *self._lead(step.id),
            "  " * place.depth,
            ("–" if off else mark, "dim" if off else ink),
            " ",
            (pad(self._id_shown(step), id_width), "quiet"),
            " ",
            (pad(step.action, action_width), name_ink if name_ink in ("dim", "bad", "doubt") else ""),
            " ",
            *self._signs(step),
        )
        left = row(*lead, (self._about(step, status), "dim"), step=step.id)
        return self._with_time(left, step, width)

    def _id_shown(self, step: Step) -> str:
        """A call stands below its agent: the end of its id tells it from the others."""
        return step.id.rpartition("-")[2] if step.id in self._state.calls else step.id

    def _signs(self, step: Step) -> tuple[tuple[str, str], ...]:
        undo = step.undo is not None or step.id in self._compensated
        loud = risk_of(step, self._state.catalog) is Risk.DESTRUCTIVE
        return (
            (HAS_UNDO, "quiet") if undo else (" ", ""),
            (DESTRUCTIVE, "bad") if loud else (" ", ""),
            (GATE, "warn") if step.gate else (" ", ""),
            (" ", ""),
        )

    def _about(self, step: Step, status: StepStatus) -> str:
        life = find_life(self._state, step.id)
        if step.id in self._off:
            return "left out"
        if status is StepStatus.HELD and life and life.reason:
            return f"held: {life.reason}"
        if status in (StepStatus.FAILED, StepStatus.IN_DOUBT, StepStatus.CANCELLED) and life:
            return life.reason
        return " ".join(part for part in (params_text(step.params), step.description) if part)

    def _with_time(self, left: Row, step: Step, width: int) -> Row:
        """`left` with how long the step takes at the right edge."""
        life = find_life(self._state, step.id)
        attempt = life.attempt if life else None
        if attempt is None or not attempt.started:
            return left
        taken = short_time((attempt.ended or self._now()) - attempt.started)
        again = f"×{attempt.number} " if attempt.number > 1 else ""
        right = f" {again}{taken}"
        room = width - len(right)
        spans = fit(left.spans, room)
        gap = room - sum(s.width for s in spans)
        return Row((*spans, Span(" " * gap), Span(safe(right), "quiet")), left.step)


def left_out(plan: Plan) -> frozenset[StepId]:
    """The steps and phases that do not run: left out themselves, or in a phase that is."""
    off = {step.id for step, _ in plan.walk() if not step.enabled}
    if not off:
        return frozenset()
    return frozenset(step.id for step, path in plan.walk() if step.id in off or not off.isdisjoint(path))


def _rule(title: str, width: int, depth: int) -> Row:
    indent = "  " * depth
    line = "─" * max(2, width - len(indent) - 2 - len(title))
    return Row((Span(indent), Span(f"──{title}{line}", "bad")))

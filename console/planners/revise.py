"""The rest of a plan, planned anew from what the record says.

What has started stays as it is. What still serves the goal keeps its id, its place and what the
operator set on it; what is new gets the next free number; the rest goes. When the goal is out of
reach the fallback goal is planned for, with recovery tools: they are not let in before, because a
tool that goes back to any release would also "go back" to the new one, past every test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from console.catalog.spec import Catalog
from console.errors import NoPlanExists, NoPlanner
from console.plan import tree
from console.plan.graph import Graph
from console.plan.model import Plan, Step, StepId
from console.plan.references import referred
from console.plan.way_back import still_undoing
from console.planners.action import Action, call_text, plain
from console.planners.base import Goal, History, PlanDraft, Want
from console.planners.draft import expected, origin_of, reading_order, rollback_of, step_of
from console.planners.goals import filled, understood, wants_text
from console.planners.order import from_start, numbered, told
from console.planners.situation import Situation, call_of, situation
from console.planners.solve import Ask, Solution, solve
from console.run.approval import plan_hash

Tick = Callable[[], None]


def revise(goal: Goal, catalog: Catalog, plan: Plan, history: History, tick: Tick) -> PlanDraft:
    """The revision. Raises `NoPlanner` for words it cannot read and `NoPlanExists`."""
    tools, wants = _asked(goal, catalog, history)
    back = tuple(filled(w, goal.inputs) for w in goal.fallback)
    try:
        return _accepted(_Revision(goal, tools, plan, history, wants, False, tick).draft(), catalog, history)
    except NoPlanExists as error:
        now = situation(goal, tools, plan, history, wants)
        if not back or _only_closing_left(wants, now):
            raise
        try:
            return _accepted(
                _Revision(goal, tools, plan, history, back, True, tick).draft(), catalog, history
            )
        except NoPlanExists as other:
            raise NoPlanExists(
                f"{error.what}; nor is there a way back: {other.what}",
                unreachable=(*error.unreachable, *other.unreachable),
                todo="retry, skip or mark the step done, edit the plan, or roll back",
            ) from None


def _accepted(draft: PlanDraft, catalog: Catalog, history: History) -> PlanDraft:
    if plan_hash(draft.plan, catalog) in history.refused:
        raise NoPlanExists("the only way left was refused before", todo="Edit the plan by hand")
    return draft


def _only_closing_left(wants: Sequence[Want], now: Situation) -> bool:
    """Whether all that is missing are acts that close a goal which has been reached (a notice after the
    deployment): that is no reason to go back."""
    return all(want.fact in now.facts for want in wants if not want.after) and all(
        fact in now.facts for want in wants for fact in want.after
    )


def _asked(goal: Goal, catalog: Catalog, history: History) -> tuple[Catalog, tuple[Want, ...]]:
    """The goal facts; the operator's words may name another goal."""
    if history.words and not history.failed:
        try:
            return understood(replace(goal, text=history.words, want=()), catalog)
        except NoPlanner as error:
            raise NoPlanner(
                f"the offline planner reads goals only, not free words: {error.what}",
                kept="the plan is unchanged",
                todo="Edit the plan by hand",
            ) from None
    return understood(goal, catalog)


@dataclass(slots=True)
class _Revision:
    """One way to go on, from the record to a draft."""

    goal: Goal
    catalog: Catalog
    plan: Plan
    history: History
    wants: tuple[Want, ...]
    back: bool
    tick: Tick
    now: Situation = field(init=False)
    solution: Solution = field(init=False)
    names: dict[int, StepId] = field(init=False)

    def draft(self) -> PlanDraft:
        self.now = situation(self.goal, self.catalog, self.plan, self.history, self.wants)
        self.solution = solve(self._ask())
        places = self._named()
        steps = self._steps(places)
        steps += self._untouched(steps, going_back=self.back)
        plan = self.plan.model_copy(
            update={
                "steps": _replaced(self.plan.steps, self._fixed(), steps),
                "expected": expected(self.wants) or self.plan.expected,
            }
        )
        plan = self._without_lost(plan, _ends(steps))
        ids = {self.solution.sequence[i]: name for i, name in self.names.items()}
        new = {a: name for a, name in ids.items() if name not in {s.id for s, _ in self.plan.walk()}}
        there = {s.id for s, _ in plan.walk()}
        kept = still_undoing(plan.rollback, there)
        plan = plan.model_copy(update={"rollback": (*rollback_of(self.catalog, self.solution, new), *kept)})
        origin = {name: origin_of(a, self.solution, self.wants) for a, name in new.items()}
        origin |= {s.id: "finished" for s in self.plan.leaves() if s.id in self._fixed()}
        origin |= {s.id: "kept" for s in plan.leaves() if s.id not in origin}
        reason = self._reason(tuple(new.values()))
        return PlanDraft(plan, "offline", reason=reason, origin=origin, falls_back=self.back)

    def _ask(self) -> Ask:
        calls = (call_of(s, self.catalog) for s in self.now.waiting)
        return Ask(
            catalog=self.catalog,
            facts=self.now.facts,
            wants=self.wants,
            inputs=self.goal.inputs,
            recovery=self.back,
            running=tuple(self.now.running.values()),
            unproved=self._unproved(),
            kept=frozenset(c for c in calls if c),
            banned=self.now.banned,
            met=frozenset(self.now.met),
            tick=self.tick,
        )

    def _unproved(self) -> tuple[Action, ...]:
        """Done actions whose effect still holds, and whose verifying tool has not run behind them."""
        done = list(self.now.done.values())
        later = [a.tool.name for a in self.now.running.values()]
        return tuple(
            action
            for i, action in enumerate(done)
            if plain(action.adds) <= self.now.facts
            and action.tool.verify not in [*(a.tool.name for a in done[i + 1 :]), *later]
        )

    def _fixed(self) -> set[StepId]:
        """The steps that stay exactly as they are."""
        waiting = {s.id for s in self.now.waiting}
        return {s.id for s in self.plan.leaves()} - waiting

    # ── ids ───────────────────────────────────────────────────────────────────────────────────────

    def _named(self) -> list[int]:
        """Give every action its step id, and return the positions in reading order."""
        running = list(self.now.running)
        self.names = dict(enumerate(running))
        open_: dict[tuple[str, str], list[StepId]] = {}
        for step in self.now.waiting:
            call = call_of(step, self.catalog)
            if call:
                open_.setdefault(call, []).append(step.id)
        for i, action in enumerate(self.solution.sequence[len(running) :], len(running)):
            ids = open_.get((action.tool.name, call_text(action.tool, action.params)))
            if ids:
                self.names[i] = ids.pop(0)
        spots = {s.id: n for n, s in enumerate(self.plan.leaves())}
        reading = reading_order(self.solution.sequence, self.catalog)

        def first(position: int) -> tuple[int, ...]:
            old = spots.get(self.names.get(position, ""))
            return (0, old) if old is not None else (1, *reading(position))

        places = numbered(self.solution.order, first)
        free = _free_ids(self.plan, self.history)
        for place in places:
            if place not in self.names:
                self.names[place] = next(free)
        self.names = {place: self.names[place] for place in places}
        return places

    # ── steps ─────────────────────────────────────────────────────────────────────────────────────

    def _steps(self, places: Sequence[int]) -> list[Step]:
        """The waiting steps of the revised plan, in an order the plan allows."""
        graph = Graph.of(self.plan)
        above: dict[StepId, set[StepId]] = {
            name: set(graph.ancestors(name)) for name in graph.order if name in self._fixed()
        }
        old = {s.id: s for s in self.now.waiting}
        there = set(above) - self.now.gone
        opaque = self._opaque({self.names[place] for place in places})
        steps: list[Step] = []
        for place in places:
            name = self.names[place]
            for step in opaque:
                edges = self._kept_edges(step, there)
                if len(edges) == len(step.depends_on):
                    there.add(step.id)
                    above[step.id] = set(edges).union(*(above.get(e, set()) for e in edges))
            if name not in self.now.running:
                kept = self._kept_edges(old[name], there) if name in old else {}
                edges = _joined(kept, self._edges(place), above)
                above[name] = set(edges).union(*(above.get(e, set()) for e in edges))
                step = step_of(self.solution.sequence[place], name, edges)
                if name in old:
                    step = old[name].model_copy(
                        update={"depends_on": step.depends_on, "explain": step.explain}
                    )
                steps.append(step)
            there.add(name)
        return steps

    def _edges(self, place: int) -> dict[StepId, str]:
        """What the contract says this action must follow, done steps included."""
        sequence, start = self.solution.sequence, self.solution.start
        edges: dict[StepId, str] = {}
        for fact in from_start(sequence, start, place):
            if fact in self.now.givers:
                edges.setdefault(self.now.givers[fact], f"needs {told(fact)}")
        for action in self.solution.proofs.get(sequence[place], ()):
            for name, done in self.now.done.items():
                if done is action:
                    edges.setdefault(name, f"verifies {action.tool.name}")
        return edges | {self.names[e]: why for e, why in self.solution.order[place].items()}

    def _kept_edges(self, step: Step, there: set[StepId]) -> dict[StepId, str]:
        """The step's own dependencies that are still there and come before it."""
        phases = {s.id: {c.id for c in _leaves(s)} for s, _ in self.plan.walk() if s.is_phase}
        return {
            d: step.explain.get(d, "")
            for d in step.depends_on
            if d in there or (d in phases and phases[d] <= there)
        }

    def _opaque(self, planned: set[StepId]) -> list[Step]:
        """The waiting steps that are not planned for and have no contract."""
        tools = ((s, self.catalog.get(s.action)) for s in self.now.waiting if s.id not in planned)
        return [step for step, tool in tools if tool is None or tool.contract.is_empty]

    def _untouched(self, planned: Sequence[Step], *, going_back: bool) -> list[Step]:
        """Waiting steps without a contract: nobody can say that they are not needed. They stay; when
        what they waited for is gone, they wait for the end of the new rest, or go with the fallback."""
        names = {s.id for s in planned}
        ends = _ends(planned)
        kept: list[Step] = []
        for step in self._opaque(names):
            there = (self._fixed() - self.now.gone) | names | {s.id for s in kept}
            edges = self._kept_edges(step, there)
            lost = len(edges) < len(step.depends_on)
            if set(referred(step)) <= there and not (lost and going_back):
                depends = [*edges, *(e for e in ends if lost and e not in edges)]
                explain = {d: why for d, why in step.explain.items() if d in depends}
                kept.append(step.model_copy(update={"depends_on": tuple(depends), "explain": explain}))
        return kept

    def _without_lost(self, plan: Plan, ends: Sequence[StepId]) -> Plan:
        """`plan` without what its phases waited for and that is gone. One that is not planned yet waits
        for the end of the new rest instead, or goes with the fallback."""
        steps, back = plan.steps, self.back
        loose = {s.id for s in self._opaque(set())} | {s.id for s, _ in plan.walk() if s.expand}
        while True:
            there = {step.id for top in steps for step in tree.inside(top)}
            lost = {
                step.id
                for top in steps
                for step in tree.inside(top)
                if step.id in loose and not there.issuperset(tree.needs(step))
            }
            if not (back and lost):
                break
            for name in lost:
                steps = tree.replaced(steps, name, ())

        def known(step: Step) -> Step:
            return tree.with_dependencies(step, tuple(d for d in step.depends_on if d in there))

        plan = tree.with_steps(plan, tree.each(steps, known))
        if not lost:
            return plan
        below = {name: Graph.of(plan).descendants(name) for name in lost}

        def later(step: Step) -> Step:
            if step.id not in lost:
                return step
            after = [end for end in ends if end not in below[step.id]]
            return tree.with_dependencies(step, (*step.depends_on, *after))

        return tree.with_steps(plan, tree.each(plan.steps, later))

    # ── words ─────────────────────────────────────────────────────────────────────────────────────

    def _reason(self, new: Sequence[StepId]) -> str:
        sequence = self.solution.sequence
        names = {n: sequence[i].tool.name for i, n in self.names.items() if n not in self.now.running}
        cause = self._cause()
        if self.back:
            tail = f": {', '.join(names.values())}" if names else ", which holds already"
            return f"{cause}going back to {wants_text(self.wants)}{tail}"
        if new:
            return f"{cause}another way to {wants_text(self.wants)}: {', '.join(names[n] for n in new)}"
        return (
            f"{cause}the rest goes on without it" if self.history.failed else f"{cause}nothing has to change"
        )

    def _cause(self) -> str:
        for step in self.plan.leaves():
            if step.id == self.history.failed:
                values = " ".join(str(v) for v in step.params.values() if isinstance(v, str | int))
                return f"{' '.join(f'{step.action} {values}'.split())} failed; "
        return f"asked for: {self.history.words}; " if self.history.words else ""


def _joined(
    kept: Mapping[StepId, str], needed: Mapping[StepId, str], above: Mapping[StepId, set[StepId]]
) -> dict[StepId, str]:
    """The step's own dependencies, and those it needs that they do not imply."""
    edges = {d: needed.get(d) or why for d, why in kept.items()}
    for name, why in needed.items():
        others = {*kept, *needed} - {name}
        if name not in edges and not any(name in above.get(other, ()) for other in others):
            edges[name] = why
    return edges


def _free_ids(plan: Plan, history: History) -> Iterator[StepId]:
    used = {s.id for s, _ in plan.walk()} | {d.step for d in history.steps}
    number = max((int(u) for u in used if u.isdecimal()), default=0)
    while True:
        number += 1
        yield str(number)


def _ends(steps: Sequence[Step]) -> list[StepId]:
    """Those that none of the others waits for."""
    return [s.id for s in steps if not any(s.id in other.depends_on for other in steps)]


def _leaves(step: Step) -> Iterator[Step]:
    if not step.is_phase:
        yield step
    for child in step.steps:
        yield from _leaves(child)


def _replaced(whole: Sequence[Step], fixed: set[StepId], rest: Sequence[Step]) -> tuple[Step, ...]:
    """The tree with its waiting steps replaced or taken out, and the new ones put in where they are
    first needed, at the top."""
    left = {s.id: s for s in rest}

    def go(steps: Sequence[Step]) -> list[Step]:
        kept = []
        for step in steps:
            if step.steps:
                children = go(step.steps)
                if children:
                    kept.append(step.model_copy(update={"steps": tuple(children)}))
            elif step.id in fixed or step.expand:
                kept.append(step)
            elif step.id in left:
                kept.append(left.pop(step.id))
        return kept

    placed = go(whole)
    for step in reversed(left.values()):
        users = [i for i, s in enumerate(placed) if any(step.id in leaf.depends_on for leaf in _leaves(s))]
        placed.insert(min(users, default=len(placed)), step)
    return tuple(placed)

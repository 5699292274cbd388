"""Whatever an operator says, whenever: the engine goes on, and keeps what it promises.

Random plans, random luck of the steps, random wishes at random times, and engines that are gone without a
word and come back. Everything is drawn from one seed, the scheduling of the tasks too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anyio
import pytest
import trio.testing

from console.catalog.agents import PARAMETERS
from console.catalog.spec import Agent, Catalog, Parameter, Risk, ToolSpec
from console.errors import ControlRefused, NoExecutor, NoPlanExists
from console.plan.graph import Graph
from console.plan.model import Compensation, Gate, Plan, Retry, Step, StepId, Undo
from console.plan.references import find
from console.planners.base import Goal, History, PlanDraft, Progress
from console.planners.executor import Brief, Move
from console.run import control as c
from console.run import events as ev
from console.run.approval import confirmable, plan_hash, step_hash
from console.run.control import Wish
from console.run.engine import Engine
from console.run.life import SETTLED, RunStatus, StepStatus
from console.run.policy import Consent, Policy, Rule
from console.run.standing import Proposal, Request, StepState
from console.run.state import RunState
from console.runners.backend import Spec
from console.testing import ScriptedPlanner
from tests.run.harness import YES, Play, World, catalog, contract, tool

_S = StepStatus
WAITS_FOR_A_PERSON = (_S.HELD, _S.UNDONE, _S.UNDO_FAILED)
ACTIONS = ("work", "work", "work", "look", "wipe", "writer", "repeatable", "probed", "locked", "scout")
CALLED = ("look", "work", "wipe", "writer", "repeatable", "probed")


SCOUT = Agent(tools=CALLED, steps=4, risk=Risk.REVERSIBLE)


def tools() -> Catalog:
    return catalog(
        tool("writer", contract=contract(writes="db main")),
        tool("repeatable", idempotent=True),
        tool("probed", probe="true"),
        tool("locked", secrets=("NOBODY_HAS_IT",)),
        tool("wipe", Risk.DESTRUCTIVE, parameters=(Parameter(name="disk"),)),
        ToolSpec(name="scout", parameters=PARAMETERS, agent=SCOUT, risk=SCOUT.risk, risk_known=True),
    )


def steps_of(luck: random.Random, ids: list[StepId]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for name in ids:
        after = tuple(step.id for step in steps if luck.random() < 0.4)
        action = luck.choice(ACTIONS)
        steps.append(
            Step(
                id=name,
                action=action,
                depends_on=after,
                params=params_of(action, after),
                undo=luck.choice([None, Undo(action="undo_work")]),
                retry=luck.choice([None, None, Retry(attempts=luck.randint(1, 3), backoff=5)]),
                on_failure=luck.choice([None, None, "ask", "replan", "stop", "continue"]),
                gate=Gate(question="?") if luck.random() < 0.2 else None,
                enabled=luck.random() > 0.1,
            )
        )
    return tuple(steps)


def params_of(action: str, after: tuple[StepId, ...]) -> dict[str, str]:
    if action == "scout":
        return {"task": "look around"}
    return {"disk": f"{{step_{after[-1]}_result}}"} if after and action == "wipe" else {}


class Dreamer:
    """An agent's model: it calls what comes to mind, talks nonsense, or is done."""

    def __init__(self, luck: random.Random) -> None:
        self._luck = luck

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        await anyio.sleep(self._luck.choice([0, 0, 1, 20]))
        match self._luck.randrange(8):
            case 0:
                raise NoExecutor("it fell asleep", todo="Wake it")
            case 1:
                return Move(error="it makes no sense")
            case 2 | 3:
                return Move(finish="done")
            case 4:
                return Move(action="locked")
            case _:
                return Move(action=self._luck.choice(CALLED))

    def close(self) -> None:
        pass


class Fickle(ScriptedPlanner):
    """Keeps some steps, adds some, takes its time, or gives up."""

    def __init__(self, luck: random.Random) -> None:
        super().__init__()
        self._luck, self._number = luck, 0

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """Of a phase."""
        await anyio.sleep(self._luck.choice([0, 1, 30]))
        if self._luck.random() < 0.2:
            raise NoPlanExists("nothing comes to mind")
        names = [str(n) for n in range(1, self._luck.randint(2, 4))]
        return PlanDraft(Plan(steps=steps_of(self._luck, names)), self.name)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        await anyio.sleep(self._luck.choice([0, 1, 30]))
        if self._luck.random() < 0.2:
            raise NoPlanExists("nothing comes to mind")
        self._number += 10
        kept: list[Step] = []
        for step in plan.steps:
            known = {other.id for other in kept}
            if self._luck.random() < 0.6 and known.issuperset(r.step for r in find(step.params)):
                after = tuple(d for d in step.depends_on if d in known)
                kept.append(step.model_copy(update={"depends_on": after}))
        fresh = steps_of(self._luck, [str(self._number + n) for n in range(self._luck.randint(0, 2))])
        return PlanDraft(plan.model_copy(update={"steps": (*kept, *fresh)}), self.name)


def world(directory: Path, luck: random.Random) -> World:
    names = [str(n) for n in range(1, luck.randint(3, 6))]
    rollback = [Compensation(action=luck.choice(["undo_work", "wipe"])) for _ in range(luck.randint(0, 2))]
    unattended = luck.random() < 0.3
    policy = Policy(
        consent=YES if unattended or luck.random() < 0.3 else Consent(),
        unattended=unattended,
        on_failure=luck.choice([None, None, "ask", "rollback", "replan", "stop"]),
        rules=(Rule(2, risk=Risk.DESTRUCTIVE),) if luck.random() < 0.2 else (),
    )
    limits = {"parallel": luck.randint(1, 3), "replans": luck.randint(0, 3)}
    if luck.random() < 0.2:
        limits["time"] = 60
    steps = steps_of(luck, names)
    if luck.random() < 0.3:
        at = luck.randrange(len(steps))
        phase = Step(id="p", steps=steps[at:], enabled=luck.random() > 0.2)
        steps = (*steps[:at], phase)
    elif luck.random() < 0.2:
        before = tuple(step.id for step in steps if luck.random() < 0.5)
        later = Step(id="later", expand=True, depends_on=before, enabled=luck.random() > 0.2)
        steps = (*steps, later, Step(id="last", action="work", depends_on=("later",)))
    made = World(
        directory,
        Plan(goal="test", steps=steps, rollback=tuple(rollback)),
        tools(),
        policy=policy,
        limits=dict(limits),
        planner=Fickle(luck),
        executor=Dreamer(luck),
    )
    plays: dict[str, Play] = {}

    def play(spec: Spec) -> Play:
        if spec.key not in plays:
            fate = luck.random()
            plays[spec.key] = Play(
                seconds=luck.choice([0, 0, 3, 20]),
                exit_code=0 if fate < 0.6 else 1,
                hangs=0.9 < fate < 0.93,
                lost=fate > 0.93,
                out=str(luck.randint(0, 2)),
            )
        return plays[spec.key]

    made.backend.script = play
    return made


class AnyOperator:
    """Says whatever comes to mind, and again."""

    def __init__(self, engine: Engine, luck: random.Random) -> None:
        self._engine, self._luck = engine, luck

    async def __call__(self) -> None:
        for _ in range(self._luck.randint(0, 25)):
            await anyio.sleep(self._luck.choice([0, 0, 1, 5, 25]))
            try:
                await self._say(self._luck.choice(self._ideas())())
            except ControlRefused:
                continue

    async def _say(self, wish: Wish) -> None:
        person = self._luck.choice(["ada", "bob", ""])
        answer = await self._engine.wish(wish, by=person, person=person)
        if isinstance(wish, c.PreviewRollback):
            await self._engine.wish(c.RollBack(hash=answer["hash"], back_to=wish.back_to), by=person)

    def _ideas(self) -> list[Callable[..., Wish]]:
        state, luck = self._engine.state, self._luck
        ideas: list[Callable[..., Wish]] = [c.Pause, c.Continue, c.Continue, c.Replan, c.CallOff]
        for request in state.requests.values():
            ideas += [partial(self._yes, request)] * 6
            ideas.append(partial(c.Deny, request=request.id))
        if ids := [*state.steps, *(state.rollback.steps if state.rollback else ())]:
            to_steps: list[Callable[..., Wish]] = [c.Hold, c.Release, c.Cancel, c.Retry, c.Retry, c.Skip]
            to_steps += [c.MarkDone, c.Probe, c.Abandon]
            ideas += [partial(wish, step=luck.choice(ids)) for wish in to_steps]
            verdict = luck.choice(["done", "failed", "run_again"])
            ideas.append(partial(c.Rule, step=luck.choice(ids), verdict=verdict))
        if state.plan and state.plan.steps:
            ideas.append(partial(self._edit, state.plan))
            phases = [step.id for step, _ in state.plan.walk() if step.expand]
            ideas += [partial(c.ExpandPhase, phase=phase) for phase in phases]
        if state.proposal and state.proposal.plan.steps:
            ideas.append(partial(self._propose, state.proposal))
        if state.started_at and luck.random() < 0.3:
            ideas.append(partial(c.PreviewRollback, back_to=luck.choice([None, *state.steps])))
            ideas += [partial(c.RequestRollback, reason="it went wrong"), c.DeclineRollback]
        if luck.random() < 0.1:
            ideas.append(c.Stop)
        return ideas

    def _yes(self, request: Request) -> Wish:
        state = self._engine.state
        plan = state.proposal.plan if request.scope == "revision" and state.proposal else state.plan
        tools = state.catalog
        steps = {s.id: step_hash(s, tools) for s in confirmable(plan, tools)} if plan else {}
        choice = self._luck.choice(request.options) if request.options else ""
        return c.Approve(request=request.id, hash=request.hash, steps=steps, answer=choice)

    def _edit(self, plan: Plan) -> Wish:
        return c.ChangePlan(plan=self._edited(plan), revision=self._engine.state.revision, summary="")

    def _propose(self, proposal: Proposal) -> Wish:
        return c.Propose(plan=self._edited(proposal.plan), instead=proposal.hash)

    def _edited(self, plan: Plan) -> Plan:
        steps, at = list(plan.steps), self._luck.randrange(len(plan.steps))
        name = steps[at].id
        match self._luck.randrange(6):
            case 0:
                steps.append(Step(id=f"e{self._engine.state.seq}", action="work", depends_on=(steps[at].id,)))
            case 1:
                steps[at] = steps[at].model_copy(update={"gate": Gate(question="and now?")})
            case 2:
                steps[at] = steps[at].model_copy(update={"enabled": not steps[at].enabled})
            case 3:
                others = [s.id for s in steps if s.id != name and self._luck.random() < 0.3]
                steps[at] = steps[at].model_copy(update={"depends_on": tuple(others)})
            case 4:
                del steps[at]
                for index, step in enumerate(steps):
                    after = tuple(before for before in step.depends_on if before != name)
                    steps[index] = step.model_copy(update={"depends_on": after})
            case _ if not steps[at].steps:
                action = self._luck.choice(ACTIONS)
                steps[at] = steps[at].model_copy(update={"action": action, "params": params_of(action, ())})
        return plan.model_copy(update={"steps": tuple(steps)})


async def carry_out(one: World, luck: random.Random, until: float | None) -> None:
    """Serve the run, with an operator, to its end or until nothing happens any more; or `until` the engine is
    gone without a word."""
    engine = one.engine()
    with anyio.move_on_after(until if until is not None else 1e8):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(AnyOperator(engine, luck))
            await engine.serve()
            tasks.cancel_scope.cancel()


def undone_in_turn(one: World) -> None:
    """In every rollback, what came of a step is undone before the step."""
    state, items = RunState(), dict[StepId, ev.RollbackItem]()
    begun: set[StepId] = set()
    for record in one.journal.records:
        state.apply(record)
        event = record.event
        if isinstance(event, ev.RollbackStarted):
            items, begun = (
                {i.step.id: i for i in event.rollback.items if i.step.id.startswith("undo-")},
                set(),
            )
        elif isinstance(event, ev.StepIntended) and event.step in items and state.is_item(event.step):
            begun.add(event.step)
            whole = state.everything()
            assert whole is not None
            assert state.rollback is not None
            (subject,) = items[event.step].undoes
            for name, item in items.items():
                later = item.undoes[0] in Graph.of(whole).descendants(subject)
                newer = state.steps[item.undoes[0]].start_seq > state.steps[subject].start_seq
                if item.fate == "planned" and later and newer and name not in begun:
                    assert state.rollback.steps[name].status in SETTLED, f"{event.step} before {name}"


def approved_and_in_turn(one: World) -> None:
    """No step is begun that nobody has said yes to as it is, nor before what it waits for is over."""
    state, approved, answered = RunState(), set[str](), set[StepId]()
    for record in one.journal.records:
        event = record.event
        if isinstance(event, ev.Approved):
            if event.scope in ("plan", "revision"):
                shown = state.proposal.plan if event.scope == "revision" and state.proposal else state.plan
                assert shown is not None
                assert event.hash == plan_hash(shown, state.catalog)
                approved |= {content(step) for step in shown.leaves() if is_taken(step, shown)}
            elif event.step in state.leaves:
                approved.add(content(state.leaves[event.step]))
            elif event.step in state.calls:
                answered.add(event.step)
        state.apply(record)
        if isinstance(event, ev.StepIntended) and event.step in state.calls:
            called = state.calls[event.step].action
            assert called in CALLED
            assert event.step in answered or state.catalog.risk(called).rank <= SCOUT.risk.rank
        if (
            isinstance(event, ev.StepIntended)
            and event.step in state.leaves
            and not state.is_item(event.step)
        ):
            assert state.plan is not None
            step = state.leaves[event.step]
            running = [state.leaves[name] for name, life in state.steps.items() if runs(life, state, name)]
            assert len(running) <= one.limits["parallel"]
            assert [one.action for one in running].count("writer") <= 1, "two that write the same"
            assert content(step) in approved or state.catalog.risk(step.action) is Risk.OBSERVE
            graph = Graph.of(state.plan)
            for before in graph.directly_before(step.id, through=partial(is_skipped, state, graph)):
                life = state.steps[before]
                goes_on = state.leaves[before].on_failure == "continue" or one.policy.on_failure == "continue"
                over = life.status is _S.SUCCEEDED or (life.status is _S.FAILED and goes_on)
                assert over, f"{step.id} before {before}, which is {life.status}"


def runs(life: StepState, state: RunState, step: StepId) -> bool:
    return life.status is _S.RUNNING and step in state.leaves


def content(step: Step) -> str:
    """What a step does, whatever it is called and whatever it waits for."""
    return json.dumps([step.action, step.params, step.on, str(step.undo), str(step.retry), step.timeout])


def is_taken(step: Step, plan: Plan) -> bool:
    return step.id not in Graph.of(plan).skipped


def is_skipped(state: RunState, graph: Graph, step: StepId) -> bool:
    """An unexpanded phase has no status."""
    return state.steps[step].status is _S.SKIPPED if step in state.steps else step in graph.skipped


@pytest.mark.parametrize("seed", range(150))
def test_the_engine_goes_on_whatever_is_wished_of_it(tmp_path: Path, seed: int) -> None:
    luck = random.Random(seed)
    trio._core._run._r.seed(seed)  # trio wakes tasks in an order that it draws itself
    one = world(tmp_path, luck)
    ends = [luck.choice([0, 1, 2, 10, 30, 50]) for _ in range(luck.choice([0, 0, 1, 2]))]
    for until in [*ends, None]:
        one.backend._due = dict.fromkeys(one.backend._due, 0.0)  # the clock of the next engine starts anew
        clock = trio.testing.MockClock(autojump_threshold=0)
        anyio.run(carry_out, one, luck, until, backend="trio", backend_options={"clock": clock})
        if RunState.of(one.journal.records).status.is_final:
            break
    state = RunState.of(one.journal.records)
    assert len(one.journal.records) < 2_000
    assert len(set(one.backend.started)) == len(one.backend.started)
    undone_in_turn(one)
    approved_and_in_turn(one)
    if not state.status.is_final and not state.requests and not state.paused:
        stuck = [step for step in state.steps.values() if step.status in WAITS_FOR_A_PERSON]
        assert stuck or state.status is RunStatus.DRAFTING

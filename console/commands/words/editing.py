"""Words that change the plan: the same edits as on the screen, made one at a time, each can be undone."""

from __future__ import annotations

from console.catalog.fit import faults as misfits
from console.commands.common import say
from console.commands.words import fields
from console.commands.words.foresight import insight_of, tell_what_if
from console.commands.words.word import UNCHANGED, WORDS, Desk, needed, plan_of, split, written
from console.errors import ControlRefused, InvalidPlan
from console.plan import tree
from console.plan.edit import (
    AddStep,
    DeleteSteps,
    Edit,
    EditHistory,
    EditRefused,
    Group,
    MoveStep,
    Place,
    ReplaceStep,
    SetEnabled,
    SetGate,
    Together,
    Ungroup,
    apply,
    copies,
)
from console.plan.model import Gate, Plan
from console.run.control import ChangePlan
from console.run.life import RunStatus
from console.text import one_line
from console.tui.screens.step_form import StepForm

PLACES = ("after", "before", "into")

# ── one edit ─────────────────────────────────────────────────────────────────────────────────────


def _plan(desk: Desk) -> Plan:
    """The run's plan, which the history is of from now on: when somebody else changes it, it begins anew."""
    plan = plan_of(desk.state)
    if desk.history.plan != plan:
        used = desk.history.used | set(desk.state.steps)
        desk.history = EditHistory(plan)
        desk.history.used |= used
    return plan


async def _make(desk: Desk, edit: Edit, rewired: Edit | None = None) -> None:
    """Make an edit; when a dependency forbids it and `rewired` would do, ask whether it shall."""
    _plan(desk)
    try:
        desk.history.do(edit)
    except EditRefused as refused:
        if rewired is None:
            raise
        apply(desk.history.plan, rewired)  # raises what re-wiring does not help against either
        if not await desk.confirm(f"{refused.what}. Re-wire the dependencies?"):
            raise
        desk.history.do(rewired)
    await _tell(desk, edit.summary)


async def _tell(desk: Desk, summary: str) -> None:
    """Have the run take the plan as it is now; what it refuses is forgotten here too."""
    state = desk.state
    revision = state.revision
    try:
        await desk.wish(ChangePlan(plan=desk.history.plan, revision=revision, summary=summary))
    except ControlRefused:
        desk.history = EditHistory(Plan())
        raise
    await desk.heard(lambda: state.revision > revision)
    await tell_what_if(desk)


async def undo(desk: Desk, _: str) -> None:
    _plan(desk)
    desk.history.undo()
    await _tell(desk, "undo the last edit")


async def redo(desk: Desk, _: str) -> None:
    _plan(desk)
    desk.history.redo()
    await _tell(desk, "make the edit again")


# ── steps ────────────────────────────────────────────────────────────────────────────────────────


async def set_field(desk: Desk, rest: str) -> None:
    step, _, said = rest.partition(" ")
    name, _, value = said.strip().partition(" ")
    plan = _plan(desk)
    form = StepForm(plan, written(plan, needed(step)), desk.state.catalog)
    key = fields.key_of(form, form.original.action, needed(name, "a field's name"))
    new = fields.read(form, form.texts() | {key: "" if value.strip() == "-" else value.strip()})
    await _make(desk, ReplaceStep(step, new))


async def add(desk: Desk, rest: str) -> None:
    plan = _plan(desk)
    tool, *words = split(rest, "a tool's name")
    place = Place()
    if words[:1] and words[0] in PLACES:
        place, words = _place(words), words[2:]
    form = StepForm(plan, None, desk.state.catalog)
    texts = form.texts() | {"action": tool}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ControlRefused(f"{one_line(word, 60)!r} is not NAME=VALUE", kept=UNCHANGED, todo=WORDS)
        texts[fields.key_of(form, tool, name)] = value
    await _make(desk, AddStep(fields.read(form, texts), place))


async def copy(desk: Desk, rest: str) -> None:
    plan = _plan(desk)
    name, *words = split(rest)
    (new,) = copies([written(plan, name)], plan, desk.history.used)
    await _make(desk, AddStep(new, _place(words) if words else Place(after=name)))


async def delete(desk: Desk, rest: str) -> None:
    steps = tuple(split(rest))
    await _make(desk, DeleteSteps(steps), DeleteSteps(steps, rewire=True))


async def move(desk: Desk, rest: str) -> None:
    name, *words = split(rest)
    place = _place(words)
    await _make(desk, MoveStep(name, place), MoveStep(name, place, rewire=True))


async def group(desk: Desk, rest: str) -> None:
    name, *steps = split(rest, "a name and steps")
    _plan(desk)
    await _make(desk, Group(tuple(steps), desk.history.new_id(), name))


async def ungroup(desk: Desk, phase: str) -> None:
    await _make(desk, Ungroup(needed(phase, "a phase's id")))


async def after(desk: Desk, rest: str) -> None:
    plan = _plan(desk)
    name, *before = split(rest)
    step = written(plan, name)
    for one in before:
        written(plan, one)
    await _make(desk, ReplaceStep(name, tree.with_dependencies(step, tuple(before))))


async def gate(desk: Desk, rest: str) -> None:
    name, _, question = rest.partition(" ")
    step = written(_plan(desk), needed(name))
    asks = Gate(question=question.strip()) if question.strip() or step.gate is None else None
    await _make(desk, SetGate(step.id, asks))


async def out(desk: Desk, rest: str) -> None:
    await _switch(desk, rest, enabled=False)


async def take_in(desk: Desk, rest: str) -> None:
    await _switch(desk, rest, enabled=True)


async def _switch(desk: Desk, rest: str, *, enabled: bool) -> None:
    steps = split(rest)
    edits = tuple(SetEnabled(step, enabled) for step in steps)
    await _make(desk, Together(edits, f"{'take in' if enabled else 'leave out'} {' '.join(steps)}"))


def _place(words: list[str]) -> Place:
    """`after 3`, `before 3` or `into 3`."""
    if len(words) < 2 or words[0] not in PLACES:
        raise ControlRefused("it needs a place: after, before or into a step", kept=UNCHANGED, todo=WORDS)
    return Place(**{words[0]: words[1]})


# ── the whole plan ───────────────────────────────────────────────────────────────────────────────


async def edit(desk: Desk, _: str) -> None:
    state = desk.state
    plan = plan_of(state)
    if state.status is RunStatus.ROLLING_BACK or state.status.is_final:
        raise ControlRefused(f"the run is {state.status.value.replace('_', ' ')}")
    revision = state.revision

    async def take(new: Plan) -> None:
        fitting(desk, new)
        await desk.wish(ChangePlan(plan=new, revision=revision, summary="edited in $EDITOR"))

    await desk.in_editor(plan, take)


def fitting(desk: Desk, plan: Plan) -> None:
    """Raises `InvalidPlan` where the tools do not take what the plan gives them."""
    if faults := misfits(plan, desk.state.catalog):
        raise InvalidPlan(faults)


async def findings(desk: Desk, _: str) -> None:
    insight = await insight_of(desk.state)
    for number, finding in enumerate(insight.findings if insight else (), 1):
        about = f"step {finding.step}: " if finding.step else ""
        offer = f" (fix {number}: {finding.fix.summary})" if finding.fix is not None else ""
        say(f"  {number} {finding.severity}: {about}{one_line(finding.message, 300)}{offer}")
    if not insight or not insight.findings:
        say("the checker has no findings")


async def fix(desk: Desk, number: str) -> None:
    insight = await insight_of(desk.state)
    found = insight.findings if insight else ()
    place = int(number) if number.isdecimal() else 0
    if not 1 <= place <= len(found):
        raise ControlRefused(f"there is no finding {one_line(number, 40)!r}", todo="Type findings")
    offer = found[place - 1].fix
    if offer is None:
        raise ControlRefused(f"finding {place} offers no fix", kept=UNCHANGED, todo="Type edit or set")
    await _make(desk, offer)


async def save(desk: Desk, name: str) -> None:
    from console.task.saved import save as keep
    from console.task.saved import saved

    name, plan, state = needed(name, "a name"), plan_of(desk.state), desk.state
    question = f"there is a task {name} already. Save over it?"
    if name in saved() and not await desk.confirm(question):
        say("nothing was saved")
        return
    tools = [tool.file for tool in state.catalog.tools.values() if tool.file]
    keep(name, plan, goal=plan.goal or state.goal, tools=tools, document=state.task)
    say(f"saved: plandeck run {name}")

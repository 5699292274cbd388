"""Words that change the plan: the same edits as on the screen, made one at a time, each can be undone."""

from __future__ import annotations

import shlex

from console.catalog.fit import faults as misfits
from console.commands.common import say
from console.commands.words.foresight import insight_of, tell_what_if
from console.commands.words.looking import parts_of
from console.commands.words.word import UNCHANGED, WORDS, Desk, Word, needed, plan_of
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
from console.plan.hunks import without
from console.plan.model import Gate, Plan, Step
from console.run.control import ChangePlan, Propose
from console.run.life import RunStatus
from console.text import one_line
from console.tui.screens.step_form import PARAM, StepForm

PLACES = ("after", "before", "into")

FEW = 6
"""Values that are listed with a field; more are not."""


class Editing:
    """`history` is over the edits made here; when somebody else changes the plan, it begins anew."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.history = EditHistory(Plan())

    def words(self) -> list[Word]:
        return [
            Word("edit", "", "change the plan in $EDITOR", self._edit, "edit_plan"),
            Word(
                "form",
                "[STEP]",
                "the fields of a step, or of the tools, as `set` takes them",
                self._form,
                "edit",
            ),
            Word("set", "STEP FIELD VALUE", "give a field of a step a value", self._set, "edit"),
            Word("add", "TOOL [after STEP] [NAME=VALUE …]", "add a step", self._add, "add"),
            Word("copy", "STEP [after STEP]", "a copy of a step", self._copy, "copy_step paste paste_now"),
            Word(
                "delete",
                "STEP …",
                "take steps out of the plan",
                self._delete,
                "delete mark mark_range mark_all",
            ),
            Word(
                "move",
                "STEP after|before|into STEP",
                "put a step elsewhere",
                self._move,
                "move_up move_down indent outdent",
            ),
            Word("group", "NAME STEP …", "a new phase with these steps", self._group, "indent"),
            Word("ungroup", "PHASE", "dissolve a phase", self._ungroup, "outdent"),
            Word("after", "STEP [STEP …]", "what a step waits for", self._after, "pick"),
            Word("gate", "STEP [QUESTION]", "ask before it starts; again: do not", self._gate, "gate"),
            Word("out", "STEP …", "leave steps out", self._out, "enable"),
            Word("in", "STEP …", "take them in again", self._in, "enable"),
            Word("undo", "", "take the last edit back", self._undo, "undo"),
            Word("redo", "", "make it again", self._redo, "redo"),
            Word(
                "findings", "", "what the checker says, with the fixes it offers", self._findings, "findings"
            ),
            Word("fix", "NUMBER", "apply the fix of a finding", self._fix, "fix"),
            Word("revise", "", "write the proposed revision anew in $EDITOR", self._revise, "edit_revision"),
            Word(
                "leave",
                "PART …",
                "put the revision without these parts (diff numbers them)",
                self._leave,
                "hunk",
            ),
            Word("save", "NAME", "keep the plan as a task", self._save, "save_task"),
        ]

    # ── one edit ─────────────────────────────────────────────────────────────────────────────────

    def _plan(self) -> Plan:
        """The run's plan, which the history is of from now on."""
        plan = plan_of(self.desk.state)
        if self.history.plan != plan:
            used = self.history.used | set(self.desk.state.steps)
            self.history = EditHistory(plan)
            self.history.used |= used
        return plan

    async def _make(self, edit: Edit, rewired: Edit | None = None) -> None:
        """Make an edit; when a dependency forbids it and `rewired` would do, ask whether it shall."""
        self._plan()
        try:
            self.history.do(edit)
        except EditRefused as refused:
            if rewired is None:
                raise
            apply(self.history.plan, rewired)  # raises what re-wiring does not help against either
            if not await self.desk.confirm(f"{refused.what}. Re-wire the dependencies?"):
                raise
            self.history.do(rewired)
        await self._tell(edit.summary)

    async def _tell(self, summary: str) -> None:
        """Have the run take the plan as it is now; what it refuses is forgotten here too."""
        state = self.desk.state
        revision = state.revision
        try:
            await self.desk.wish(ChangePlan(plan=self.history.plan, revision=revision, summary=summary))
        except ControlRefused:
            self.history = EditHistory(Plan())
            raise
        await self.desk.heard(lambda: state.revision > revision)
        await tell_what_if(self.desk)

    async def _undo(self, _: str) -> None:
        self._plan()
        self.history.undo()
        await self._tell("undo the last edit")

    async def _redo(self, _: str) -> None:
        self._plan()
        self.history.redo()
        await self._tell("make the edit again")

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    async def _form(self, step: str) -> None:
        state = self.desk.state
        plan = plan_of(state)
        if not step:
            for name, tool in state.catalog.tools.items():
                say(f"  {name} {' '.join(p.name for p in tool.parameters)}".rstrip())
            return
        form = StepForm(plan, _written(plan, step), state.catalog)
        texts = form.texts()
        for spec in (*form.head(), *form.parameters(form.original.action), *form.tail(form.original.action)):
            name, value = spec.key.removeprefix(PARAM), texts.get(spec.key, "")
            values = [value for value, _ in spec.completions] if len(spec.completions) <= FEW else []
            about = [one_line(spec.help, 120), f"one of {', '.join(values)}" if values else ""]
            said = "; ".join(part for part in about if part)
            say(f"  {name}: {one_line(value, 300) or '-'}{f' ({said})' if said else ''}")
        say(f"  after: {' '.join(form.original.depends_on) or '-'} (the word after changes it)")

    async def _set(self, rest: str) -> None:
        step, _, said = rest.partition(" ")
        name, _, value = said.strip().partition(" ")
        plan = self._plan()
        form = StepForm(plan, _written(plan, needed(step, "a step's id")), self.desk.state.catalog)
        key = _key(form, form.original.action, needed(name, "a field's name"))
        new = _read(form, form.texts() | {key: "" if value.strip() == "-" else value.strip()})
        await self._make(ReplaceStep(step, new))

    async def _add(self, rest: str) -> None:
        plan = self._plan()
        words = _split(needed(rest, "a tool's name"))
        tool, words = words[0], words[1:]
        place = Place()
        if words[:1] and words[0] in PLACES:
            place, words = _place(words), words[2:]
        form = StepForm(plan, None, self.desk.state.catalog)
        texts = form.texts() | {"action": tool}
        for word in words:
            name, equals, value = word.partition("=")
            if not equals:
                raise ControlRefused(f"{one_line(word, 60)!r} is not NAME=VALUE", kept=UNCHANGED, todo=WORDS)
            texts[_key(form, tool, name)] = value
        new = _read(form, texts)
        await self._make(AddStep(new, place))

    async def _copy(self, rest: str) -> None:
        plan = self._plan()
        words = _split(needed(rest, "a step's id"))
        (new,) = copies([_written(plan, words[0])], plan, self.history.used)
        await self._make(AddStep(new, _place(words[1:]) if words[1:] else Place(after=words[0])))

    async def _delete(self, rest: str) -> None:
        steps = tuple(_split(needed(rest, "a step's id")))
        await self._make(DeleteSteps(steps), DeleteSteps(steps, rewire=True))

    async def _move(self, rest: str) -> None:
        words = _split(needed(rest, "a step's id"))
        place = _place(words[1:])
        await self._make(MoveStep(words[0], place), MoveStep(words[0], place, rewire=True))

    async def _group(self, rest: str) -> None:
        words = _split(needed(rest, "a name and steps"))
        self._plan()
        await self._make(Group(tuple(words[1:]), self.history.new_id(), words[0]))

    async def _ungroup(self, phase: str) -> None:
        await self._make(Ungroup(needed(phase, "a phase's id")))

    async def _after(self, rest: str) -> None:
        plan = self._plan()
        name, *before = _split(needed(rest, "a step's id"))
        step = _written(plan, name)
        for one in before:
            _written(plan, one)
        await self._make(ReplaceStep(name, tree.with_dependencies(step, tuple(before))))

    async def _gate(self, rest: str) -> None:
        name, _, question = rest.partition(" ")
        step = _written(self._plan(), needed(name, "a step's id"))
        gate = Gate(question=question.strip()) if question.strip() or step.gate is None else None
        await self._make(SetGate(step.id, gate))

    async def _out(self, rest: str) -> None:
        await self._switch(rest, enabled=False)

    async def _in(self, rest: str) -> None:
        await self._switch(rest, enabled=True)

    async def _switch(self, rest: str, *, enabled: bool) -> None:
        steps = _split(needed(rest, "a step's id"))
        edits = tuple(SetEnabled(step, enabled) for step in steps)
        await self._make(Together(edits, f"{'take in' if enabled else 'leave out'} {' '.join(steps)}"))

    # ── the whole plan ───────────────────────────────────────────────────────────────────────────

    async def _edit(self, _: str) -> None:
        state = self.desk.state
        plan = plan_of(state)
        if state.status is RunStatus.ROLLING_BACK or state.status.is_final:
            raise ControlRefused(f"the run is {state.status.value.replace('_', ' ')}")
        revision = state.revision

        async def take(new: Plan) -> None:
            self._fitting(new)
            await self.desk.wish(ChangePlan(plan=new, revision=revision, summary="edited in $EDITOR"))

        await self.desk.in_editor(plan, take)

    def _fitting(self, plan: Plan) -> None:
        if faults := misfits(plan, self.desk.state.catalog):
            raise InvalidPlan(faults)

    async def _findings(self, _: str) -> None:
        insight = await insight_of(self.desk.state)
        for number, finding in enumerate(insight.findings if insight else (), 1):
            about = f"step {finding.step}: " if finding.step else ""
            fix = f" (fix {number}: {finding.fix.summary})" if finding.fix is not None else ""
            say(f"  {number} {finding.severity}: {about}{one_line(finding.message, 300)}{fix}")
        if not insight or not insight.findings:
            say("the checker has no findings")

    async def _fix(self, number: str) -> None:
        insight = await insight_of(self.desk.state)
        findings = insight.findings if insight else ()
        place = int(number) if number.isdecimal() else 0
        if not 1 <= place <= len(findings):
            raise ControlRefused(f"there is no finding {one_line(number, 40)!r}", todo="Type findings")
        fix = findings[place - 1].fix
        if fix is None:
            raise ControlRefused(f"finding {place} offers no fix", kept=UNCHANGED, todo="Type edit or set")
        await self._make(fix)

    async def _save(self, name: str) -> None:
        from console.task.saved import save, saved

        name, plan, state = needed(name, "a name"), plan_of(self.desk.state), self.desk.state
        question = f"there is a task {name} already. Save over it?"
        if name in saved() and not await self.desk.confirm(question):
            say("nothing was saved")
            return
        tools = [tool.file for tool in state.catalog.tools.values() if tool.file]
        save(name, plan, goal=plan.goal or state.goal, tools=tools, document=state.task)
        say(f"saved: plandeck run {name}")

    # ── a revision ───────────────────────────────────────────────────────────────────────────────

    async def _revise(self, _: str) -> None:
        parts_of(self.desk.state)
        proposal = self.desk.state.proposal
        assert proposal is not None, "it has parts"

        async def take(new: Plan) -> None:
            self._fitting(new)
            await self.desk.wish(Propose(plan=new, instead=proposal.hash))

        await self.desk.in_editor(proposal.plan, take)

    async def _leave(self, rest: str) -> None:
        parts, proposal = parts_of(self.desk.state), self.desk.state.proposal
        assert proposal is not None, "it has parts"
        numbers = _split(needed(rest, "the number of a part"))
        if not all(n.isdecimal() and 1 <= int(n) <= len(parts) for n in numbers):
            raise ControlRefused(f"there are the parts 1 to {len(parts)}", kept=UNCHANGED, todo="Type diff")
        left = {parts[int(n) - 1] for n in numbers}
        if len(left) == len(parts):
            raise ControlRefused("no part would be left", kept=UNCHANGED, todo="Answer no to reject it")
        plan = without(plan_of(self.desk.state), proposal.plan, left)
        await self.desk.wish(Propose(plan=plan, instead=proposal.hash))


def _written(plan: Plan, step: str) -> Step:
    """A step or phase of the plan, as it is written."""
    try:
        return plan.step(step)
    except KeyError:
        raise ControlRefused("there is no such step", where=f"step {step[:60]}", kept=UNCHANGED) from None


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ControlRefused(f"it cannot be read: {error}", kept=UNCHANGED) from None


def _place(words: list[str]) -> Place:
    """`after 3`, `before 3` or `into 3`."""
    if len(words) < 2 or words[0] not in PLACES:
        raise ControlRefused("it needs a place: after, before or into a step", kept=UNCHANGED, todo=WORDS)
    return Place(**{words[0]: words[1]})


def _key(form: StepForm, action: str, name: str) -> str:
    """The key of the form's field that is called so: a parameter comes first."""
    keys = [
        spec.key for spec in (*form.parameters(action), *form.head(), *form.tail(action)) if not spec.locked
    ]
    for key in (PARAM + name, name):
        if key in keys:
            return key
    names = ", ".join(key.removeprefix(PARAM) for key in keys)
    raise ControlRefused(f"it has no field {one_line(name, 60)!r}", kept=UNCHANGED, todo=f"There are {names}")


def _read(form: StepForm, texts: dict[str, str]) -> Step:
    """The step that the texts make. Raises `ControlRefused` with what is wrong."""
    reading = form.read(texts, form.original.depends_on)
    if reading.step is None:
        wrong = "; ".join(f"{key.removeprefix(PARAM)}: {why}" for key, why in reading.errors.items())
        raise ControlRefused(wrong, kept=UNCHANGED)
    return reading.step

"""Every word there is: what it takes, what it does, and which of the screen's actions it stands for."""

from __future__ import annotations

from collections.abc import Callable

from console.commands.common import say
from console.commands.words import editing, fields, looking, revising, steering
from console.commands.words.word import Desk, Do, Word, needed
from console.run import control as c
from console.run.control import Wish


async def _words(desk: Desk, _: str) -> None:
    for word in TABLE.values():
        say(f"  {word}: {word.told}")
    if desk.question is not None:
        say(desk.question.told)


def _on(wish: Callable[[str], Wish]) -> Do:
    """Wish it of the step that follows."""

    async def do(desk: Desk, step: str) -> None:
        await desk.wish(wish(needed(step)))

    return do


def _of_run(wish: Callable[[], Wish]) -> Do:
    """Wish it of the run."""

    async def do(desk: Desk, _: str) -> None:
        await desk.wish(wish())

    return do


_ALL = (
    Word("?", "", "list these words", _words, "help palette"),
    # ── looking ──
    Word("again", "", "the open question again, all of it", looking.again, "approve"),
    Word("plan", "", "every step and how it stands, and how far the plan reaches", looking.plan, "plan"),
    Word("step", "STEP", "all of one step: what it runs, what undoes it, how it went", looking.step, "open"),
    Word(
        "output",
        "STEP [WORDS]",
        "the end of what a step put out, or its lines with these words",
        looking.output,
        "output search",
    ),
    Word("failures", "", "what went wrong, and what waits for it", looking.failures, "failures"),
    Word("diff", "", "the proposed revision, part by part", looking.diff, "diff"),
    Word("timeline", "", "when each step ran, and how long the rest may take", looking.timeline, "timeline"),
    Word("events", "[NUMBER]", "the newest facts again", looking.events, "events"),
    # ── steering ──
    Word("hold", "STEP", "do not start it before it is released", steering.hold, "hold"),
    Word("release", "STEP", "let a held step start", steering.release, "hold"),
    Word("skip", "STEP", "go on without it", _on(lambda step: c.Skip(step=step)), "skip"),
    Word("retry", "STEP", "try it again", _on(lambda step: c.Retry(step=step)), "retry"),
    Word("cancel", "STEP", "end what it runs", _on(lambda step: c.Cancel(step=step)), "cancel"),
    Word("done", "STEP [RESULT]", "take it as done by hand, with this result", steering.done, "mark_done"),
    Word("verify", "STEP", "ask its tool's probe", _on(lambda step: c.Probe(step=step)), "probe"),
    Word("pause", "", "start nothing more", _of_run(c.Pause), "pause"),
    Word("continue", "", "start steps again", _of_run(c.Continue), "pause"),
    Word("changes", "WORDS", "have the planner change the plan so", steering.changes, "request_changes"),
    Word("expand", "PHASE", "have a phase planned", _on(lambda phase: c.ExpandPhase(phase=phase)), "expand"),
    Word("calloff", "", "end the planning that is under way", _of_run(c.CallOff), "call_off"),
    Word(
        "rollback",
        "[STEP]",
        "show what it would undo (back to STEP), then ask",
        steering.rollback,
        "rollback rollback_here rollback_pane",
    ),
    Word(
        "decline",
        "[WORDS]",
        "do not roll back though it was asked for",
        steering.decline,
        "decline_rollback",
    ),
    Word("stop", "", "end the run here; nothing is undone", steering.stop, "stop"),
    Word("take", "", "take the control of the run", steering.take, "take_control"),
    Word("ask", "", "ask for the control of the run", steering.ask, "ask_control"),
    Word("give", "", "give the control to who asks for it", steering.give, "hand_over"),
    Word("keep", "", "keep it", steering.keep, "hand_over"),
    Word("detach", "", "leave; the run goes on", steering.detach, "detach"),
    # ── editing ──
    Word("edit", "", "change the plan in $EDITOR", editing.edit, "edit_plan"),
    Word("form", "[STEP]", "the fields of a step, or of the tools, as `set` takes them", fields.form, "edit"),
    Word("set", "STEP FIELD VALUE", "give a field of a step a value", editing.set_field, "edit"),
    Word("add", "TOOL [after STEP] [NAME=VALUE …]", "add a step", editing.add, "add"),
    Word("copy", "STEP [after STEP]", "a copy of a step", editing.copy, "copy_step paste paste_now"),
    Word(
        "delete",
        "STEP …",
        "take steps out of the plan",
        editing.delete,
        "delete mark mark_range mark_all",
    ),
    Word(
        "move",
        "STEP after|before|into STEP",
        "put a step elsewhere",
        editing.move,
        "move_up move_down indent outdent",
    ),
    Word("group", "NAME STEP …", "a new phase with these steps", editing.group, "indent"),
    Word("ungroup", "PHASE", "dissolve a phase", editing.ungroup, "outdent"),
    Word("after", "STEP [STEP …]", "what a step waits for", editing.after, "pick"),
    Word("gate", "STEP [QUESTION]", "ask before it starts; again: do not", editing.gate, "gate"),
    Word("out", "STEP …", "leave steps out", editing.out, "enable"),
    Word("in", "STEP …", "take them in again", editing.take_in, "enable"),
    Word("undo", "", "take the last edit back", editing.undo, "undo"),
    Word("redo", "", "make it again", editing.redo, "redo"),
    Word("findings", "", "what the checker says, with the fixes it offers", editing.findings, "findings"),
    Word("fix", "NUMBER", "apply the fix of a finding", editing.fix, "fix"),
    Word("revise", "", "write the proposed revision anew in $EDITOR", revising.revise, "edit_revision"),
    Word(
        "leave",
        "PART …",
        "put the revision without these parts (diff numbers them)",
        revising.leave_out,
        "hunk",
    ),
    Word("save", "NAME", "keep the plan as a task", editing.save, "save_task"),
)

TABLE = {word.name: word for word in _ALL}
"""The words by name, in the order in which they are listed."""

"""Why an action cannot be done now, in words, and when it is about something at all.

Every reason is a function of the `View` alone: empty when nothing stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from console.plan.model import StepId
from console.run.life import LIVE, RunStatus, StepStatus
from console.tui.view import View, find_life, find_step

Says = Callable[[View], str]

_S = StepStatus
TO_RETRY = (_S.FAILED, _S.CANCELLED, _S.UNDONE)
TO_SKIP = (_S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT, _S.UNDONE, _S.UNDO_FAILED)
TO_MARK = (_S.PENDING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.IN_DOUBT)
TO_PROBE = (_S.IN_DOUBT,)
TO_CANCEL = (_S.RUNNING,)
TO_HOLD = (_S.PENDING, _S.HELD)


def always(_view: View) -> str:
    """No reason against it."""
    return ""


def anytime(_view: View) -> bool:
    """It is always about something."""
    return True


def first(*reasons: Says) -> Says:
    """The first reason that holds."""

    def says(view: View) -> str:
        return next((why for reason in reasons if (why := reason(view))), "")

    return says


def control(view: View) -> str:
    return view.read_only


def control_or_reopen(view: View) -> str:
    """A run without a process is taken up again first."""
    return "" if view.reopenable else view.read_only


def has_plan(view: View) -> str:
    return "" if view.state.plan else "there is no plan yet"


def not_over(view: View) -> str:
    return f"the run has ended ({words(view.status)})" if view.status.is_final else ""


def not_rolling_back(view: View) -> str:
    return "the run is rolling back" if view.status is RunStatus.ROLLING_BACK else ""


def on_step(view: View) -> str:
    return "" if view.selected else "no step is selected"


def can_copy(view: View) -> str:
    """In another pane it is what that one says."""
    return on_step(view) if view.pane == "plan" else ""


def can_expand(view: View) -> str:
    step = view.selected
    if step is not None and step.expand and not step.steps:
        return ""
    return "only a phase that is not planned yet can be planned; select one"


def on_steps(view: View) -> str:
    """As `on_step`, for the marked steps where there are any; marks never act on what cannot be seen."""
    if view.marked:
        return ""
    if view.hidden:
        return f"the {view.hidden} marked cannot be seen here (Esc takes the marks away)"
    return on_step(view)


def on_leaves(view: View) -> str:
    if reason := on_steps(view):
        return reason
    phases = [step for step in view.targets if (found := view.named(step)) and found.is_phase]
    return f"{phases[0]} is a phase; select a step in it" if phases else ""


def in_steps(view: View) -> str:
    return "" if view.leaves else f"{view.targets[0]} has no steps yet"


def on_leaf(view: View) -> str:
    step = view.selected
    if step is None:
        return "no step is selected"
    return f"{step.id} is a phase; select a step in it" if step.is_phase else ""


def not_started(view: View) -> str:
    return _not_started(view, (view.step,))


def none_started(view: View) -> str:
    return _not_started(view, view.targets)


def _not_started(view: View, steps: Iterable[StepId]) -> str:
    for step in steps:
        life = find_life(view.state, step)
        if life is not None and life.has_started:
            return f"step {step} has started; it can be marked done, retried or rolled back, not edited"
    return ""


def in_plan(view: View) -> str:
    for step in view.targets:
        if step in view.state.calls:
            return f"{step} is a call of an agent"
        if view.state.is_item(step):
            return f"{step} is a rollback item"
    return ""


def to_hold(view: View) -> tuple[StepId, ...]:
    """The steps that can be held or released, of the marked ones or the selected one; of a phase those of its
    steps."""
    lives = ((step, find_life(view.state, step)) for step in view.leaves)
    return tuple(step for step, life in lives if life is not None and life.status in TO_HOLD)


def all_can_be_held(view: View) -> str:
    """A phase is held as far as it can be, a step that was named wholly or not at all."""
    can = to_hold(view)
    for step in view.targets:
        life = find_life(view.state, step)
        if life is not None and life.status not in TO_HOLD:
            return f"step {step} is {words(life.status)}; {_listed(TO_HOLD)} step can be held or released"
    return "" if can else f"no step of {view.targets[0]} can be held or released"


def on_status(verb: str, allowed: Collection[StepStatus]) -> Says:
    """Why no step that the keys could mean is in one of these states."""

    def says(view: View) -> str:
        if view.subject(allowed):
            return ""
        if view.life is None:
            return f"no step is selected that could be {verb}"
        return f"step {view.step} is {words(view.life.status)}; {_listed(allowed)} step can be {verb}"

    return says


NAMED = 4
"""Steps that are named in a row when something is said of them."""


def named_steps(ids: Sequence[StepId]) -> str:
    """Steps in words: `step 3`, `steps 3, 4, 5, 6 and 2 more`."""
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"step{'s' if len(ids) != 1 else ''} {', '.join(ids[:NAMED])}{more}"


def words(status: str) -> str:
    """A status for people: `awaiting approval`."""
    return str(status).replace("_", " ")


def _listed(allowed: Iterable[StepStatus]) -> str:
    names = [words(s) for s in allowed]
    one = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
    return f"only {'an' if one[0] in 'aeiou' else 'a'} {one}"


def can_probe(view: View) -> str:
    subject = view.subject(TO_PROBE)
    step = find_step(view.state, subject)
    tool = view.state.catalog.get(step.action) if step else None
    return "" if tool and tool.probe else f"the tool of step {subject} has no probe"


def can_answer(view: View) -> str:
    if view.takeable and view.half_approved:
        return ""
    if view.read_only or view.waiting:
        return view.read_only
    return "nothing waits for an answer"


def can_pause(view: View) -> str:
    if stopped := act(view):
        return stopped
    if view.status in LIVE and view.state.started_at:
        return ""
    return f"the run is {words(view.status)}; only a running one can be paused"


def can_take_up(view: View) -> str:
    if not view.reopenable:
        return "the run has its process" if not view.engine_gone else "this run cannot be taken up from here"
    if view.status in (RunStatus.SUCCEEDED, RunStatus.ROLLED_BACK, RunStatus.REJECTED):
        return f"the run has {words(view.status)}; there is nothing to go on with"
    return ""


def can_go_elsewhere(view: View) -> str:
    return "" if view.leads_elsewhere else "no other run can be shown here"


def can_start_like(view: View) -> str:
    return has_plan(view) or ("" if view.copyable else "no run can be started from here")


def can_roll_back(view: View) -> str:
    if view.status is RunStatus.ROLLING_BACK:
        return "the run is rolling back already"
    if view.status is RunStatus.ROLLED_BACK:
        return "everything that was done was undone already"
    if any(life.has_started for life in view.state.steps.values()):
        return ""
    return "no step has started; there is nothing to undo"


def rollback_asked(view: View) -> str:
    return "" if view.state.rollback_requests else "nobody has asked for a rollback"


def can_replan(view: View) -> str:
    if view.state.plan is None and not view.state.error:
        return "there is no plan yet"
    if view.state.planning:
        return "the planner is at work already"
    return ""


def can_take(view: View) -> str:
    if view.takeable:
        return ""
    return view.read_only or "the control is ours"


def can_hand_over(view: View) -> str:
    if view.asker:
        return ""
    return view.read_only or "nobody asks for the control"


def has_undo(view: View) -> str:
    return "" if view.undoable else "no edit to undo"


def has_redo(view: View) -> str:
    return "" if view.redoable else "no edit to redo"


def has_copy(view: View) -> str:
    return "" if view.copied else "no step was copied (y)"


def has_findings(view: View) -> str:
    return "" if view.findings else "the checker has no findings"


def has_fix(view: View) -> str:
    if not view.findings:
        return "the checker has no findings"
    if any(getattr(finding, "fix", None) is not None for finding in view.findings):
        return ""
    return "no finding offers a fix"


def has_marks(view: View) -> str:
    return "" if view.marked or view.hidden else "no step is marked (M)"


def has_search(view: View) -> str:
    return "" if view.search else "nothing is searched for (/)"


write = first(control, not_over, not_rolling_back)
edit = first(write, has_plan)
edit_step = first(edit, on_step, in_plan, not_started)
to_mark_range = first(on_step, has_marks)
edit_steps = first(edit, on_steps, in_plan, none_started)
can_enable = first(edit_steps, in_steps)
act = first(control, not_over)

# ── when an action is about something ────────────────────────────────────────────────────────────

_BEFORE = (RunStatus.DRAFTING, RunStatus.AWAITING_APPROVAL)


def before_run(view: View) -> bool:
    return view.status in _BEFORE


def running(view: View) -> bool:
    return not before_run(view)


def pasting(view: View) -> bool:
    return before_run(view) and not view.engine_gone


def without_process(view: View) -> bool:
    return view.engine_gone


def with_process(view: View) -> bool:
    return running(view) and not view.engine_gone


def replayed(view: View) -> bool:
    return view.replay is not None


def failure_ahead(view: View) -> str:
    if view.replay is None:
        return "this is no replay"
    ahead = any(seq > view.replay.number for seq in view.replay.failures)
    return "" if ahead else "nothing fails after this"


def is_guest(view: View) -> bool:
    return view.takeable


def is_host(view: View) -> bool:
    return not view.takeable


def revision_waits(view: View) -> bool:
    life = view.life
    busy = life is not None and life.status is StepStatus.RUNNING
    return view.state.proposal is not None and not busy


def no_revision(view: View) -> bool:
    return not revision_waits(view) and not planner_works(view)


def planner_works(view: View) -> bool:
    """A running step under the cursor is cancelled by the same key, and comes first."""
    life = view.life
    busy = life is not None and life.status is StepStatus.RUNNING
    return bool(view.state.planning) and not busy and view.state.proposal is None


def on_proposal(view: View) -> bool:
    return view.state.proposal is not None and view.pane == "diff"


def off_proposal(view: View) -> bool:
    return not on_proposal(view)

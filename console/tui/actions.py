"""Every action of the main screen: one registry, from which come keys, palette, help and footer.

An action has a stable id (keys can be re-bound by it), says when it is about something at all
(`applies`: two actions may share a key if never both apply), and says why it cannot be done now
(`enabled`: empty when it can). Nothing is hidden: what cannot be done is listed with its reason.

Single capital letters that may be the tail of a split escape sequence (A-D, F, H, P-S, Z) are
bound to nothing that acts at once; `R` opens a preview.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from textual.binding import Binding

from console.run.life import RunStatus, StepStatus
from console.tui import names
from console.tui import reasons as why
from console.tui.keys import ActionInfo, key_names
from console.tui.reasons import Says, words
from console.tui.view import View

SPLIT_ESCAPE_TAILS = frozenset("ABCDFHPQRSZ")
"""Capital letters that a slow line can turn an arrow or function key into."""


@dataclass(frozen=True, slots=True)
class Action:
    """`keys` are Textual key names, comma separated; `label` is the footer's short name, where the
    state gives a better one than `title`; `unfit` is said of one that is about nothing now."""

    id: str
    keys: str
    title: str
    group: str
    enabled: Says = why.always
    applies: Callable[[View], bool] = why.anytime
    label: Says | None = None
    unfit: str = ""

    @property
    def binding_id(self) -> str:
        """What the config file calls it: `run.approve`."""
        return f"run.{self.id}"


# ── the registry ─────────────────────────────────────────────────────────────────────────────────

_PASTE = why.first(why.edit, why.has_copy)
_ITS_PANE = "in this pane the key is about the proposed revision"
_NO_PROPOSAL = "only in the Diff pane (4), while a revision waits"
_LEFT_OUT = "s leaves it out until the run begins"


def _on_step(
    id: str,
    key: str,
    title: str,
    verb: str,
    allowed: tuple[StepStatus, ...],
    short: str,
    applies: Callable[[View], bool] = why.anytime,
    unfit: str = "",
) -> Action:
    """An action on a step in one of these states; says which one where that is not the selected one."""
    reason = why.first(why.act, why.on_status(verb, allowed))
    return Action(id, key, title, "Run", reason, applies, names.named(short, allowed), unfit)


_OF_A_RUN: tuple[Action, ...] = (
    Action("down", "j,down", "Move down", "Move"),
    Action("up", "k,up", "Move up", "Move"),
    Action("top", "g,home", "Go to the top", "Move"),
    Action("bottom", "G,end", "Go to the end", "Move"),
    Action("half_down", "ctrl+d,pagedown", "Half a page down", "Move"),
    Action("half_up", "ctrl+u,pageup", "Half a page up", "Move"),
    Action("right", "l,right", "Open the phase; scroll right", "Move"),
    Action("left", "h,left", "Close the phase; scroll left", "Move"),
    Action("plan", "1", "Plan", "Panes"),
    Action("output", "2", "Output of the selected step", "Panes"),
    Action("failures", "3", "Failures", "Panes"),
    Action("diff", "4", "Diff of the proposed revision", "Panes"),
    Action("timeline", "5", "Timeline", "Panes"),
    Action("events", "6", "Events", "Panes"),
    Action("rollback_pane", "0", "Rollback", "Panes"),
    Action(
        "summary",
        "7",
        "Summary of the run",
        "Panes",
        lambda view: "" if view.status.is_final else "the run has not ended",
    ),
    Action("next_pane", "tab", "Next pane", "Panes"),
    Action("previous_pane", "shift+tab", "Previous pane", "Panes"),
    Action("zoom", "plus", "Zoom the pane", "Panes"),
    Action("unzoom", "underscore,minus", "Back to all panes", "Panes"),
    Action("levels", "t", "Plan by phase or by level", "Panes"),
    Action("open", "enter", "Open the step", "Panes"),
    Action("back", "escape", "Back", "Panes"),
    Action("search", "slash", "Filter the plan, search the pane", "Panes"),
    Action("next_match", "n", "Next match", "Panes", why.has_search),
    Action("previous_match", "N", "Previous match", "Panes", why.has_search),
    Action("follow", "z", "Follow the output", "Panes"),
    Action("copy", "Y", "Copy the step's command, or what the pane says (OSC 52)", "Panes", why.can_copy),
    Action("edit", "e", "Edit the step", "Plan", why.edit_step, why.off_proposal, unfit=_ITS_PANE),
    Action(
        "edit_revision",
        "e",
        "Edit the proposed revision",
        "Plan",
        why.edit,
        why.on_proposal,
        unfit=_NO_PROPOSAL,
    ),
    Action("edit_plan", "ctrl+g", "Edit the plan in $EDITOR", "Plan", why.write),
    Action("add", "o", "Add a step below", "Plan", why.edit),
    Action("delete", "d", "Delete the step", "Plan", why.edit_steps),
    Action("copy_step", "y", "Copy the step", "Plan", why.first(why.has_plan, why.on_steps)),
    Action(
        "paste", "p", "Paste the step below", "Plan", _PASTE, why.pasting, unfit="p pauses now; Alt+p pastes"
    ),
    Action("paste_now", "alt+p", "Paste the step below", "Plan", _PASTE, why.running, unfit="p pastes now"),
    Action("move_down", "J,alt+down", "Move the step down", "Plan", why.edit_steps),
    Action("move_up", "K,alt+up", "Move the step up", "Plan", why.edit_steps),
    Action("indent", "greater_than_sign", "Into the phase above, or a new one", "Plan", why.edit_steps),
    Action("outdent", "less_than_sign", "Out of the phase; dissolve the phase", "Plan", why.edit_steps),
    Action("pick", "W", "Pick what the step waits for", "Plan", why.edit_step),
    Action("mark", "M", "Mark the step: what follows is done to all marked", "Plan", why.on_step),
    Action("mark_range", "V", "Mark from the last mark to here", "Plan", why.to_mark_range),
    Action("mark_all", "asterisk", "Mark all steps that are shown, or none", "Plan", why.has_plan),
    Action(
        "hunk",
        "space",
        "Take or leave the part of the revision",
        "Plan",
        why.act,
        why.on_proposal,
        unfit=_NO_PROPOSAL,
    ),
    Action(
        "hold",
        "space",
        "Hold or release the step",
        "Plan",
        why.first(why.act, why.on_steps, why.all_can_be_held),
        why.off_proposal,
        names.hold_name,
        _ITS_PANE,
    ),
    Action("gate", "b", "Gate before the step", "Plan", why.first(why.edit_steps, why.on_leaves)),
    Action("undo", "u", "Undo the last edit", "Plan", why.first(why.edit, why.has_undo)),
    Action("redo", "ctrl+r", "Redo the edit", "Plan", why.first(why.edit, why.has_redo)),
    Action("findings", "w", "Findings of the checker", "Plan", why.has_findings),
    Action("fix", "f", "Apply the offered fix", "Plan", why.first(why.edit, why.has_fix)),
    Action("save_task", "ctrl+s", "Save the plan as a task: a draft, a template", "Plan", why.has_plan),
    Action("approve", "a", "Approve what waits", "Run", why.can_answer, label=names.approve_name),
    Action("request_changes", "c", "Request changes", "Run", why.first(why.act, why.can_replan)),
    Action(
        "call_off",
        "x",
        "Call off the planning",
        "Run",
        why.act,
        why.planner_works,
        unfit="the planner is not at work",
    ),
    Action(
        "pause",
        "p",
        "Pause or resume",
        "Run",
        why.first(why.act, why.can_pause),
        why.with_process,
        names.pause_name,
        "the run has not begun, or its process is gone",
    ),
    Action("take_up", "p", "Take the run up again", "Run", why.can_take_up, why.without_process),
    _on_step("retry", "r", "Retry the step", "retried", why.TO_RETRY, "retry"),
    _on_step("skip", "s", "Skip the step", "skipped", why.TO_SKIP, "skip", why.running, _LEFT_OUT),
    Action(
        "enable",
        "s",
        "Leave the step out, or take it in",
        "Run",
        why.can_enable,
        why.before_run,
        unfit="the run has begun: s skips the step",
    ),
    _on_step("mark_done", "m", "Mark the step done by hand", "marked done", why.TO_MARK, "mark done"),
    _on_step(
        "cancel",
        "x",
        "Cancel the running step",
        "cancelled",
        why.TO_CANCEL,
        "cancel",
        why.no_revision,
        "x is for what the planner does now",
    ),
    Action(
        "reject",
        "x",
        "Reject the proposed revision",
        "Run",
        why.act,
        why.revision_waits,
        unfit="no revision waits, or x cancels the running step",
    ),
    Action(
        "probe",
        "v",
        "Verify the step with its probe",
        "Run",
        why.first(why.act, why.on_status("verified", why.TO_PROBE), why.can_probe),
        label=names.named("verify", why.TO_PROBE),
    ),
    Action(
        "rollback", "R", "Preview the rollback", "Run", why.first(why.control_or_reopen, why.can_roll_back)
    ),
    Action(
        "rollback_here",
        "",
        "Preview the rollback to the selected step",
        "Run",
        why.first(why.control_or_reopen, why.on_leaf, why.can_roll_back),
    ),
    Action(
        "decline_rollback",
        "",
        "Decline the rollback that was asked for",
        "Run",
        why.first(why.act, why.rollback_asked),
    ),
    Action("expand", "", "Have the phase planned", "Run", why.first(why.act, why.can_expand)),
    Action("start_like", "", "Start a new run like this one", "Run", why.can_start_like),
    Action("stop", "i", "Stop the run here", "Run", why.act),
    Action("take_control", "T", "Take the control of the run", "Run", why.can_take),
    Action("ask_control", "L", "Ask for the control of the run", "Run", why.can_take, why.is_guest),
    Action("hand_over", "L", "Answer who asks for the control", "Run", why.can_hand_over, why.is_host),
    Action("other_run", "", "Go to another run", "Console", why.can_go_elsewhere),
    Action("detach", "q", "Detach; the run goes on", "Console", label=names.detach_name),
    Action("palette", "colon,ctrl+p", "Every action by name", "Console"),
    Action("help", "question_mark,f1", "Keys of this screen", "Console"),
)

_REPLAY: tuple[Action, ...] = tuple(
    Action(id, keys, title, "Replay", says, why.replayed, label, "this is no replay")
    for id, keys, title, says, label in (
        ("play", "space,p", "Play, or stand still", why.always, names.play_name),
        ("record_on", "full_stop", "One record on", why.always, None),
        ("record_back", "comma", "One record back", why.always, None),
        ("leap_on", "greater_than_sign", "Ten seconds on", why.always, None),
        ("leap_back", "less_than_sign", "Ten seconds back", why.always, None),
        ("faster", "right_square_bracket", "Faster", why.always, None),
        ("slower", "left_square_bracket", "Slower", why.always, None),
        ("to_failure", "f", "To the next failure", why.failure_ahead, None),
        ("to_failure_back", "b", "To the failure before", why.always, None),
        ("to_moment", "at", "To a moment, a record or a part", why.always, None),
    )
)
"""In a replay its clock is all that can be steered."""

_REPLAY_KEYS = {key for action in _REPLAY for key in action.keys.split(",")}


def _aside(action: Action) -> Action:
    """In a replay an action stands aside where one of the clock's has its key."""
    if _REPLAY_KEYS.isdisjoint(action.keys.split(",")):
        return action
    applies = action.applies
    return replace(action, applies=lambda view: view.replay is None and applies(view))


ACTIONS: tuple[Action, ...] = (*map(_aside, _OF_A_RUN), *_REPLAY)

ALWAYS = ("detach", "help")
"""What can be done whatever the state, before there is one too."""

BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


def bindings(keymap: Mapping[str, str]) -> list[Binding]:
    """The registry as Textual bindings. They have no ids: of a key that several actions share, Textual
    would take all when one of them is bound again (rebinding.py does that)."""
    return [
        Binding(keys, f"do({action.id!r})", action.title, show=False)
        for action in ACTIONS
        if (keys := keymap.get(action.binding_id, action.keys))
    ]


GROUPS = ("Run", "Plan", "Panes", "Move", "Console", "Replay")
"""The order in which they are told of: what is done to the run first."""


def describe(view: View, keymap: Mapping[str, str] | None = None) -> list[ActionInfo]:
    """Every action with its keys and, where it cannot be done now, the reason."""
    keymap = keymap or {}
    told = [
        ActionInfo(
            action.id,
            key_names(keymap.get(action.binding_id, action.keys)),
            action.title,
            not (reason := why_not(action, view)),
            reason,
            action.group,
        )
        for action in ACTIONS
    ]
    return sorted(told, key=lambda info: GROUPS.index(info.group) if view.replay is None else -1)


PICKING: Mapping[str, str] = {
    "hold": "Pick the step, or not",
    "open": "Take what is picked",
    "back": "Leave it as it was",
}
"""What keys do while it is picked in the plan what a step waits for."""

STILL = frozenset({"down", "up", "top", "bottom", "half_down", "half_up", "right", "left", "levels", "help"})
"""Actions that are then what they always are."""


def describe_picking(keymap: Mapping[str, str]) -> list[ActionInfo]:
    """The keys there are while it is picked what a step waits for."""
    titles = {**PICKING, **{id: BY_ID[id].title for id in BY_ID if id in STILL}}
    return [
        ActionInfo(id, key_names(keymap.get(BY_ID[id].binding_id, BY_ID[id].keys)), title, True, "")
        for id, title in titles.items()
    ]


def why_not(action: Action, view: View) -> str:
    """Why the action cannot be done now; empty when it can."""
    if not view.ready and action.id not in ALWAYS:
        return "the records of the run have not come in yet"
    if not action.applies(view):
        return action.enabled(view) or action.unfit or f"not while the run is {words(view.status)}"
    return action.enabled(view)


# ── the footer ───────────────────────────────────────────────────────────────────────────────────

_FOOTERS: Mapping[str, str] = {
    "review": (
        "call_off approve reject request_changes edit add delete move_down hold undo fix findings edit_plan "
        "stop"
    ),
    "decide": "approve take_up hunk reject edit_revision retry rollback skip mark_done probe stop pause",
    "run": "call_off approve take_up pause cancel retry probe mark_done hold follow rollback open",
    "undoing": "approve retry mark_done follow open",
    "replay": "play record_on record_back to_failure slower faster to_moment open",
    "over": "take_up rollback summary failures timeline events",
}

_FOOTER_OF: Mapping[RunStatus, str] = {
    RunStatus.DRAFTING: "review",
    RunStatus.AWAITING_APPROVAL: "review",
    RunStatus.AWAITING_DECISION: "decide",
    RunStatus.ROLLING_BACK: "undoing",
    RunStatus.RUNNING: "run",
    RunStatus.PAUSED: "run",
    RunStatus.REPLANNING: "run",
}

_SHORT = {
    "request_changes": "request changes",
    "call_off": "call off the planning",
    "edit": "edit",
    "edit_revision": "edit it",
    "hunk": "take or leave",
    "edit_plan": "write in $EDITOR",
    "add": "add",
    "delete": "delete",
    "move_down": "move",
    "undo": "undo",
    "fix": "fix",
    "findings": "findings",
    "reject": "reject",
    "rollback": "roll back",
    "stop": "stop here",
    "take_up": "take it up again",
    "follow": "follow",
    "open": "open",
    "summary": "summary",
    "failures": "failures",
    "timeline": "timeline",
    "events": "events",
    "record_on": "next",
    "record_back": "back",
    "to_failure": "failure",
    "slower": "slower",
    "faster": "faster",
    "to_moment": "go to",
    "help": "help",
}


def footer(view: View, keymap: Mapping[str, str] | None = None) -> Iterator[tuple[str, str, str]]:
    """The most useful actions now, best first, as (id, key, short name); `detach` and `help` last."""
    if view.picking:
        for action_id in (*PICKING, "help"):
            keys = (keymap or {}).get(BY_ID[action_id].binding_id, BY_ID[action_id].keys)
            yield action_id, key_names(keys.split(",")[0]), PICKING.get(action_id, "help").lower()
        return
    kind = "replay" if view.replay else _FOOTER_OF.get(view.status, "over")
    for action_id in (*_FOOTERS[kind].split(), *ALWAYS):
        action = BY_ID[action_id]
        if action.applies(view) and not why_not(action, view):
            keys = (keymap or {}).get(action.binding_id, action.keys)
            key = "J/K" if keys == "J,alt+down" else key_names(keys.split(",")[0])
            yield action_id, key, action.label(view) if action.label else _SHORT[action_id]

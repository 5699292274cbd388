"""The main screen: the plan, the panes beside it, and the keys.

It composes and routes. What a key does to the run is in console/tui/operating.py, what it does to the
plan in console/tui/editing.py, where it moves in console/tui/moving.py; what can be done at all, and why
not, in console/tui/actions.py.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, cast

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from console.errors import PlandeckError
from console.plan.model import Plan, StepId
from console.run.control import Session, Wish
from console.run.history import Estimates
from console.tui import interpreter
from console.tui.actions import ALWAYS, BY_ID, bindings, why_not
from console.tui.arranging import Arranging
from console.tui.attention import Attention
from console.tui.bridge import Bridge, RunChanged
from console.tui.editing import Editing
from console.tui.foresight import GROUPS, Foresight
from console.tui.ink import row
from console.tui.moving import Moving
from console.tui.operating import Operating
from console.tui.panes import Panes
from console.tui.planning import planning_rows
from console.tui.playing import Playing
from console.tui.rebinding import rebound
from console.tui.view import Pane, View
from console.tui.widgets.blast_line import BlastLine
from console.tui.widgets.diff_pane import DiffPane
from console.tui.widgets.events_pane import EventsPane
from console.tui.widgets.failures import FailuresPane
from console.tui.widgets.footer_line import FooterLine
from console.tui.widgets.header_line import HeaderLine
from console.tui.widgets.lines import Lines
from console.tui.widgets.output import OutputPane
from console.tui.widgets.plan_tree import PlanTree
from console.tui.widgets.replay_line import ReplayLine
from console.tui.widgets.rollback_pane import RollbackPane
from console.tui.widgets.step_detail import StepDetail, detail_title
from console.tui.widgets.summary import SummaryPane
from console.tui.widgets.tabs import tabs_title
from console.tui.widgets.timeline import TimelinePane

if TYPE_CHECKING:
    from console.tui.screens.runs import Elsewhere

FRAME = 6
"""Columns of a frame on which no title can stand."""

PATIENCE = 16
"""Actions that wait for one that is being carried out."""

BESIDE = (*GROUPS, "changes")
"""Work beside the screen whose outcome it shows."""

Reopen = Callable[[Wish | None, StepId], Awaitable[None]]
Handler = Callable[[], Coroutine[Any, Any, None] | None]


class RunScreen(Screen[int]):
    """One run. `now` is the wall clock in seconds since the epoch; `by` the operator's name. `reopen`
    has the run taken up again, says a wish to it and shows it in place of this screen, with the cursor on
    a step; this one begins with it on `step`. `like` shows a new run that has this one's plan, `elsewhere`
    leads to the other runs. `kept` says whether anything of the run stays on the disk."""

    CSS_PATH = "run.tcss"
    AUTO_FOCUS = ""

    def __init__(
        self,
        session: Session,
        *,
        by: str,
        keymap: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.time,
        reopen: Reopen | None = None,
        like: Callable[[], Awaitable[None]] | None = None,
        elsewhere: Elsewhere | None = None,
        estimates: Callable[[], Estimates] | None = None,
        kept: bool = True,
        step: StepId = "",
    ) -> None:
        super().__init__()
        self.kept = kept
        self.reopen = reopen
        self.like = like
        self.elsewhere = elsewhere
        self.session = session
        self.now = now
        self.keymap = rebound(keymap or {})
        self._bind()
        self.bridge = Bridge(session, by, self._on_change)
        self.view = View(read_only=self.bridge.read_only, ready=False, step=step)
        self.foresight = Foresight(self, estimates or Estimates)
        self.panes = Panes(self)
        self.operating = Operating(self)
        self.editing = Editing(self)
        self.playing = Playing(self)
        self.arranging = Arranging(self, self.editing)
        self.moving = Moving(self)
        self._looked_at: Plan | None = None
        self._busy = False
        self._next: deque[str] = deque(maxlen=PATIENCE)
        self.attention = Attention(self)
        self._handlers = self._all_handlers()

    def _bind(self) -> None:
        """The actions have the keys that they have now. Tab goes from pane to pane or has nothing to do."""
        bound = self._bindings.key_to_bindings
        for key in ("tab", "shift+tab"):
            bound.pop(key, None)
        bound |= BindingsMap(bindings(self.keymap)).key_to_bindings

    # ── composing ────────────────────────────────────────────────────────────────────────────────

    def compose(self) -> ComposeResult:
        replayed = self.playing.playback is not None
        kept = self.session.directory if self.kept and not replayed else None
        yield HeaderLine(now=self.now)
        with Horizontal(id="body"):
            yield PlanTree(now=self.now)
            with Vertical(id="right"):
                yield OutputPane(directory=self.session.directory)
                yield FailuresPane()
                yield DiffPane()
                yield TimelinePane()
                yield EventsPane()
                yield RollbackPane()
                yield SummaryPane(directory=kept)
                yield StepDetail()
        yield BlastLine()
        if replayed:
            yield ReplayLine()
        yield Input(id="search", placeholder="find", compact=True)
        yield FooterLine(self.keymap)

    def on_mount(self) -> None:
        self.panes.put_right("output")
        self.panes.arrange()
        self.show_parts()
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.run_worker(self.bridge.follow(), group="bridge", exit_on_error=False)
        self.set_interval(1.0, self.tick)
        if self.playing.playback is not None:
            self.set_interval(0.25, self.playing.tick)
            self.playing.begin()

    def _verify(self) -> None:
        self.run_worker(self.bridge.verify(), group="chain", exit_on_error=False)

    def pane_named(self, pane: Pane) -> Lines:
        return self.query_one(f"#{pane}", Lines)

    @property
    def current(self) -> Lines:
        """The pane that keys go to."""
        return self.pane_named(self.view.pane)

    @property
    def right(self) -> Lines:
        """The pane in the frame on the right."""
        return self.pane_named(self.panes.right)

    @property
    def is_settled(self) -> bool:
        """Whether everything that is worked out beside the screen is shown, of what it knows of the run."""
        at_work = (worker.group in BESIDE and not worker.is_finished for worker in self.workers)
        return self.view.ready and not self.foresight.is_at_work and not any(at_work)

    @property
    def plan_tree(self) -> PlanTree:
        return self.query_one(PlanTree)

    # ── what changed ─────────────────────────────────────────────────────────────────────────────

    def _on_change(self) -> None:
        self.post_message(RunChanged())

    @on(RunChanged)
    def refresh_run(self) -> None:
        """Bring every part up to the state of the run."""
        anew = self.view.state is not self.bridge.state
        if self.bridge.ready and not self.view.ready:
            interpreter.settle()
            self.call_after_refresh(self._verify)
        self.view.state = self.bridge.state
        self.view.ready = self.bridge.ready
        self.view.engine_gone = self.bridge.gone
        self.view.reopenable = self.bridge.gone and self.reopen is not None
        self.view.copyable = self.like is not None
        self.view.leads_elsewhere = self.elsewhere is not None
        self.view.read_only, self.view.takeable = self.bridge.read_only, self.bridge.takeable
        company = self.bridge.company
        self.view.others, self.view.asker = company.others, company.asker if company.ours else ""
        self.playing.look()
        self.editing.plan_changed(self.bridge.state.plan)
        if anew or self.view.plan is not self._looked_at:
            self._look_at_plan()
        self.foresight.look_at_absence()
        self.foresight.look_at_parts(self.query_one(DiffPane).left_of(self.view.state.proposal))
        self.plan_tree.touch(self.bridge.take_touched())
        self.show_parts()
        self.attention.look()

    def _look_at_plan(self) -> None:
        """Show the new plan at once; what can be told of it comes when it has been worked out."""
        is_first = self._looked_at is None
        plan = self._looked_at = self.view.plan
        self._show_plan()
        if is_first and self.plan_tree.index_of(self.view.step) >= 0:
            self.plan_tree.select(self.view.step)
        self.view.step = self.view.step or self.plan_tree.step
        if plan is not None:
            self.foresight.look_at_plan(plan, at_once=is_first)

    def take_insight(self) -> None:
        """More can be told of the plan."""
        self.view.findings = self.foresight.insight.findings
        self.foresight.look_at_absence()
        self._show_plan()
        self.show_parts()

    def show_draft(self, plan: Plan | None) -> None:
        """Show the plan with edits that the run may not have heard of yet; `None`: the run's."""
        self.view.draft = plan
        if self.view.plan is not self._looked_at:
            self._look_at_plan()

    def _show_plan(self) -> None:
        insight = self.foresight.insight
        self.plan_tree.show(
            self.view.state,
            self.view.plan,
            levels=insight.levels,
            no_return=insight.no_return,
            compensated=insight.compensated,
        )

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What goes wrong beside the screen is said on it."""
        if event.state is WorkerState.ERROR and event.worker.group in (*BESIDE, "bridge"):
            self.say(f"{event.worker.group}: {event.worker.error}", severity="error")

    def show_parts(self) -> None:
        """Show the view as it is now, in whatever is on the screen."""
        view, now = self.view, self.now()
        view.marked = self.plan_tree.marked if self.plan_tree.marks and self.panes.plan_is_shown else ()
        view.hidden = len(self.plan_tree.marks) - len(view.marked)
        view.left_out = len(self.query_one(DiffPane).left_of(view.state.proposal))
        if view.plan is None:
            self.plan_tree.say(*planning_rows(view, self.plan_tree.content_width, now))
        foresight = self.foresight
        self.query_one(HeaderLine).show(view, foresight.left)
        self.query_one(FooterLine).show(view)
        self.query_one(BlastLine).show(foresight.insight.blast, view, self.bridge.fault, foresight.what_if)
        self.query_one(StepDetail).show(view, now)
        self._show_pane_content(now)
        self.show_titles()

    def _show_pane_content(self, now: float) -> None:
        state, foresight = self.view.state, self.foresight
        match self.right:
            case OutputPane() as pane:
                pane.show(self.view)
            case FailuresPane() as pane:
                pane.show(state, can_act=self.view.reopenable or not self.view.read_only)
            case DiffPane() as pane:
                pane.show(state, foresight.taking)
            case TimelinePane() as pane:
                pane.show(state, foresight.insight, now)
            case EventsPane() as pane:
                pane.show(self.bridge.records)
            case RollbackPane() as pane:
                pane.show(state)
            case SummaryPane() as pane:
                pane.show(state)

    def show_titles(self) -> None:
        """What the frames say."""
        room = self.query_one("#right").size.width - FRAME
        plan = self.plan_tree
        zoomed = self.panes.is_hiding
        plan.show_title(Content("1 Plan by level" if plan.by_level else "1 Plan"), zoomed=zoomed)
        self.right.show_title(tabs_title(self.view, self.panes.right, room), zoomed=zoomed)
        self.query_one(StepDetail).show_title(Content(row(detail_title(self.view)).text))

    def tick(self) -> None:
        """Bring up to now what changes with time alone."""
        self.query_one(HeaderLine).tick()
        if self.view.status.is_final:
            return
        if self.view.state.plan is None:
            self.plan_tree.say(*planning_rows(self.view, self.plan_tree.content_width, self.now()))
        self.plan_tree.tick()
        self.query_one(StepDetail).show(self.view, self.now())
        if self.panes.right == "timeline":
            self._show_pane_content(self.now())

    # ── panes ────────────────────────────────────────────────────────────────────────────────────

    def show_pane(self, pane: Pane, *, take_step: bool = True) -> None:
        """Go to a pane: keys are for it from now on. `take_step`: and so is the step it begins with, where it
        has not the selected one."""
        self.moving.close_search()
        self.panes.go_to(pane)
        self.show_parts()
        if take_step:
            self._take_step_of(self.current)
        self.call_after_refresh(self.show_titles)

    @property
    def is_searching(self) -> bool:
        """Whether keys are for the line that says what is searched for."""
        return self.query_one("#search").has_class("-open")

    def on_screen_suspend(self) -> None:
        self.query_one(FooterLine).hush(silent=True)

    def on_screen_resume(self) -> None:
        self.query_one(FooterLine).hush(silent=False)
        self.call_later(self.attention.resume)

    def on_resize(self) -> None:
        self.panes.arrange()
        self.call_after_refresh(self.show_titles)

    def _take_step_of(self, pane: Lines) -> None:
        """Pane and plan agree on the selected step: the pane goes to it where it has it, else it is the
        one under the pane's cursor."""
        if pane.index_of(self.view.step) >= 0:
            pane.select(self.view.step)
        elif pane.step and pane.step != self.view.step and pane.selects:
            self._select(pane.step, pane)

    @on(Lines.Opened)
    def opened(self) -> None:
        self.moving.open_step()

    @on(Lines.Selected)
    def selected(self, event: Lines.Selected) -> None:
        if event.step != self.view.step:
            self._select(event.step, self.pane_named(cast(Pane, event.pane)))

    def _select(self, step: StepId, source: Lines) -> None:
        self.view.step = step
        if source is not self.plan_tree and self.plan_tree.index_of(step) >= 0:
            self.plan_tree.select(step)
        self.show_parts()

    def _go_with_cursor(self) -> None:
        """A key is about the step under the cursor, also when the cursor has only just got there and the
        message of it is still on its way."""
        pane = self.current
        if pane.step and pane.step != self.view.step and pane.index_of(pane.step) >= 0:
            self._select(pane.step, pane)

    def on_descendant_blur(self) -> None:
        """Typing is over."""
        self.call_later(self.attention.resume)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """A click into a pane goes to it, as its key does; but it leaves the rows where they are, for it is
        about the one under the pointer."""
        if event.widget in (self.plan_tree, self.right):
            self.moving.close_search()
            if event.widget is not self.current:
                self.show_pane(cast(Pane, event.widget.id), take_step=False)

    # ── searching ────────────────────────────────────────────────────────────────────────────────

    @on(Input.Changed, "#search")
    def search_typed(self, event: Input.Changed) -> None:
        if self.is_searching:
            self.moving.find_text(event.value)

    @on(Input.Submitted, "#search")
    def search_done(self) -> None:
        self.moving.close_search()

    # ── actions ──────────────────────────────────────────────────────────────────────────────────

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Of two actions on one key, only the one that is about something is tried."""
        if action == "do" and parameters:
            self._go_with_cursor()
            return BY_ID[str(parameters[0])].applies(self.view)
        return super().check_action(action, parameters)

    def action_do(self, action_id: str) -> None:
        """Do what a key, the palette or the footer asks for, or say why not. A key that comes before the
        records do was not meant for what they will show."""
        if not self.view.ready and action_id not in ALWAYS:
            return
        self._go_with_cursor()
        if action_id == "back" and self.is_searching:
            self.moving.close_search()
            self.moving.find_text("")
            return
        if self.view.picking and not self.arranging.picking_key(action_id):
            return
        if reason := why_not(BY_ID[action_id], self.view):
            self.say(f"{BY_ID[action_id].title}: {reason}")
            return
        try:
            work = self._handlers[action_id]()
        except PlandeckError as error:
            self.say(str(error), severity="warning")
            return
        if work is None:
            self._go_with_cursor()
        elif self._busy:
            work.close()
            self._next.append(action_id)
        else:
            self._busy = True
            self.run_worker(self._work(work), name=action_id)

    async def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Carry out what waits for answers; what is refused is said."""
        try:
            await work
        except PlandeckError as error:
            self.say(str(error), severity="warning")
        finally:
            self._busy = False
            if self._next:
                self.call_later(self.action_do, self._next.popleft())

    def say(self, text: str, *, severity: str = "information") -> None:
        """Tell the operator something in passing; never read as markup."""
        self.notify(row(text).text, severity=cast(Any, severity), markup=False, timeout=6)

    @on(FooterLine.Pressed)
    def footer_pressed(self, event: FooterLine.Pressed) -> None:
        self.action_do(event.action)

    def _all_handlers(self) -> dict[str, Handler]:
        return {
            **self.moving.handlers(),
            **self.operating.handlers(),
            **self.editing.handlers(),
            **self.playing.handlers(),
            **self.arranging.handlers(),
        }

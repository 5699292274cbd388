"""A step in a form.

Tools, parameters and references are completed from the catalog and the plan; what is wrong is said at
its field while you type. A form that is not valid stays open, and what was typed is never lost: it
survives a change of the tool, and `Esc` asks before it throws anything away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from console.catalog.spec import Catalog
from console.plan.model import NOTE, Plan, Step, StepId
from console.text import one_line
from console.tui.keys import ScreenKey
from console.tui.screens.confirm import ConfirmScreen
from console.tui.screens.dependencies import Dependencies
from console.tui.screens.field import Field
from console.tui.screens.modal import MUTED, Sheet, StylePath
from console.tui.screens.offers import Offers, Past, files_in
from console.tui.screens.step_form import PARAM, StepForm


class StepEditor(Sheet[Step | None]):
    """Edits `step`, or makes a new one where it is `None`; `position` says where it will stand. `results`
    are what earlier steps gave, `workspace` the folder whose files parameters may name. A new step waits for
    `after`, unless something else is picked; `past` reads what fields results had in past runs."""

    CSS_PATH: ClassVar[StylePath] = ["modal.tcss", "step_editor.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,ctrl+enter", "save", "Save", id="step_editor.save", priority=True)
    ]
    name_of_keys = "Step editor"
    types = True
    hints = (("Tab ↑↓", "fields"), ("Enter", "next"), ("Ctrl+S", "save"), ("Esc", "back"))

    def __init__(
        self,
        plan: Plan,
        step: Step | None,
        catalog: Catalog,
        position: str,
        *,
        results: Mapping[StepId, str] | None = None,
        workspace: Path | None = None,
        after: StepId = "",
        past: Callable[[], Past] = dict,
    ) -> None:
        super().__init__(classes="-wide")
        self.form = StepForm(plan, step, catalog, results, after=after)
        self.past = past
        self.workspace = workspace
        self.files: Offers = ()
        self.kept = self.form.texts()
        self.touched: set[str] = set()
        self.chosen_first: set[StepId] = set()
        self.refusal = ""
        self.said = ""
        self.shown_action = self.form.original.action
        what = "Add a step" if step is None else f"Edit {'phase' if step.is_phase else 'step'} {step.id}"
        self.heading = f"{what} · {one_line(position, 60)}" if position else what

    # ── what is there ────────────────────────────────────────────────────────────────────────────

    def compose_body(self) -> ComposeResult:
        with VerticalScroll(id="form", can_focus=False):
            for spec in self.form.head():
                yield self._field(spec.key)
            yield Vertical(*self._parameter_fields(), id="parameters")
            yield from self._dependencies()
            for spec in self.form.tail(self.shown_action):
                yield self._field(spec.key)
            yield Button("Save", id="save", compact=True, variant="primary")
        yield Static(id="about")

    def _field(self, key: str) -> Field:
        specs = [
            *self.form.head(),
            *self.form.parameters(self.shown_action),
            *self.form.tail(self.shown_action),
        ]
        spec = next(spec for spec in specs if spec.key == key)
        text = self.kept.get(key, "")
        return Field(spec, text, lambda: self.form.references(self.chosen), lambda: self.files)

    def _parameter_fields(self) -> list[Widget]:
        specs = list(self.form.parameters(self.shown_action))
        if not specs:
            return []
        title = Static(Content.styled("Parameters", "bold $text-primary"), classes="title")
        return [title, *(self._field(spec.key) for spec in specs)]

    def _dependencies(self) -> ComposeResult:
        yield Static(Content.styled("Around it", "bold $text-primary"), classes="title")
        if self.form.before:
            with Horizontal(id="after"):
                yield Static(Content("after"), classes="label")
                form = self.form
                yield Dependencies(form.plan, form.before, form.original.depends_on, id="depends_on")
            yield Static(id="filtered")

    def on_mount(self) -> None:
        super().on_mount()
        self.chosen_first = set(self.chosen)
        self.query("#filtered").set(display=False)
        fields = [f for f in self.fields if not f.spec.locked]
        parameters = [f for f in fields if f.spec.key.startswith(PARAM)]
        tool = [f for f in fields if f.spec.key == "action"]
        (tool if self.form.is_new else parameters or tool or fields)[0].input.focus()
        self._refer()
        self.run_worker(self._look_for_offers(), exit_on_error=False)

    async def _look_for_offers(self) -> None:
        """What may be completed to and must be read from the disk first."""
        if self.workspace is not None:
            self.files = await asyncio.to_thread(files_in, self.workspace)
        self.form.past = await asyncio.to_thread(self.past)

    # ── what was typed ───────────────────────────────────────────────────────────────────────────

    @property
    def texts(self) -> dict[str, str]:
        """What all fields say, those of other tools included."""
        return self.kept | {field.spec.key: field.text for field in self.fields}

    @property
    def fields(self) -> list[Field]:
        """The fields, from top to bottom."""
        found: list[Field] = []
        for child in self.query_one("#form").children:
            inside = child.children if child.id == "parameters" else (child,)
            found += [widget for widget in inside if isinstance(widget, Field)]
        return found

    @property
    def chosen(self) -> list[StepId]:
        if not self.form.before:
            return list(self.form.original.depends_on)
        chosen = self.query_one(Dependencies).chosen
        return [step.id for step in self.form.before if step.id in chosen]

    @property
    def is_changed(self) -> bool:
        start = self.form.texts()
        texts = {key: text for key, text in self.texts.items() if text != start.get(key, "")}
        return bool(texts) or set(self.chosen) != self.chosen_first

    @on(Field.Edited)
    async def field_edited(self, event: Field.Edited) -> None:
        self.touched.add(event.field.spec.key)
        self.refusal = ""
        self.kept = self.texts
        if event.field.spec.key == "action":
            await self._follow_tool(event.field.text.strip())
        self._refer()
        self._show_errors(self.touched)
        self._tell()

    def _refer(self) -> None:
        if self.form.before:
            self.query_one(Dependencies).refer(self.form.referred(self.texts))

    async def _follow_tool(self, action: str) -> None:
        """Show the parameters of the tool as soon as its name is whole."""
        if action == self.shown_action or (action != NOTE and action not in self.form.catalog.tools):
            return
        self.shown_action = action
        group = self.query_one("#parameters")
        await group.remove_children()
        await group.mount_all(self._parameter_fields())
        tail = {spec.key: spec for spec in self.form.tail(action)}
        for field in self.fields:
            if field.spec.key in tail:
                field.follow(tail[field.spec.key])

    @on(Dependencies.Changed)
    def order_changed(self) -> None:
        self._show_errors(self.touched)

    @on(Dependencies.Filtered)
    def steps_filtered(self) -> None:
        steps, line = self.query_one(Dependencies), self.query_one("#filtered", Static)
        line.display = bool(steps.needle)
        line.update(
            Content(f"filter /{steps.needle} · {steps.fitting} of {len(steps.possible)} · Esc shows all")
        )

    def _show_errors(self, keys: set[str]) -> dict[str, str]:
        errors = self.form.read(self.texts, self.chosen).errors
        for field in self.fields:
            field.show_error(errors.get(field.spec.key, "") if field.spec.key in keys else "")
        return errors

    def why_dead(self, key: ScreenKey) -> str:
        if key.id == "step_editor.save":
            errors = self.form.read(self.texts, self.chosen).errors
            return _counted(errors) if errors else ""
        nothing_before = key.keys in ("left_curly_bracket", "space") and not self.form.before
        return "no other step can come before it" if nothing_before else ""

    # ── moving and telling ───────────────────────────────────────────────────────────────────────

    @on(Field.Left)
    def go(self, event: Field.Left) -> None:
        if event.by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def on_descendant_focus(self) -> None:
        self._tell()

    def _tell(self) -> None:
        """Say about the focused field what there is to say."""
        said = self._said()
        if said != self.said:
            self.said = said
            style = "$text-error" if said == self.refusal else MUTED
            self.query_one("#about", Static).update(Content.styled(said, style))

    def _said(self) -> str:
        focused = self.focused
        if self.refusal or focused is None:
            return self.refusal
        if isinstance(focused, Dependencies):
            return "Space picks, typing filters; a step that would make a circle cannot be picked"
        field = next((f for f in focused.ancestors if isinstance(f, Field)), None)
        return one_line(field.spec.help, 300) if field is not None else ""

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        reading = self.form.read(self.texts, self.chosen)
        if reading.step is not None:
            self.dismiss(reading.step)
            return
        self.touched |= set(reading.errors)
        self._show_errors(self.touched)
        wrong = [field for field in self.fields if field.spec.key in reading.errors]
        if wrong:
            wrong[0].close_candidates()
            wrong[0].input.focus()
        self.refusal = f"Not saved: {one_line(_counted(reading.errors), 200)}"
        self._tell()

    def action_leave(self) -> None:
        if not self.is_changed:
            self.dismiss(None)
            return

        def answered(away: bool | None) -> None:
            if away:
                self.dismiss(None)

        question = "Throw away what you changed in this step?"
        self.app.push_screen(ConfirmScreen(question, "Throw it away", "Go on editing"), answered)


def _counted(errors: dict[str, str]) -> str:
    key, reason = next(iter(errors.items()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{key.removeprefix(PARAM)}: {reason}{more}"

"""The console's application: themes, guards, signals, the first screen. Nothing of a run is decided here.

The first paint waits for nothing but Textual: what shows a run, and the run itself, come after it.

The terminal is left clean whatever happens: SIGTERM and SIGHUP detach, a fault of this program prints
one line and no values of variables, and the run goes on without the screen.
"""

from __future__ import annotations

import asyncio
import getpass
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.console import RenderableType
from rich.text import Text
from textual import events, on
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.filter import LineFilter
from textual.geometry import Size
from textual.screen import Screen

from console.errors import PlandeckError
from console.text import clean
from console.tui import interpreter
from console.tui.beside import hand
from console.tui.guard import AsciiOnly, ControlGuard
from console.tui.keys_in_order import PATIENCE, KeysInOrder, Passed, Typed
from console.tui.pacing import SMALL
from console.tui.picture import Changes
from console.tui.screens.modal import Sheet
from console.tui.screens.start import StartScreen
from console.tui.terminal import Paced, Terminal
from console.tui.themes import DEFAULT, INK_DEFAULTS, find_theme, full_name, load_themes

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.notifications import SeverityLevel

    from console.plan.model import StepId
    from console.run.control import Session, Wish
    from console.run.history import Estimates
    from console.tui.screens.picker import SampleInfo
    from console.tui.screens.run import RunScreen
    from console.tui.screens.runs import Elsewhere, RunInfo

log = logging.getLogger(__name__)
log.addHandler(logging.NullHandler())

DETACHED = 4
"""Exit code of a console that left a run which goes on."""

GNU_SCREEN = "STY"
"""What GNU screen sets. As long as the mouse is asked for, it keeps a lone Escape back until the next key."""

STAYS = 86_400.0
"""Seconds that a warning may stay on the screen: until a key takes it away."""

Begin = Callable[[], Awaitable["Session"]]
"""Starts the run or attaches to it, after the first paint. Raises `PlandeckError`."""

Opener = Callable[[str], Awaitable["Session"]]
"""Opens what was picked: a goal, a sample's name, a run's id. Raises `PlandeckError`."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the console looks and behaves. `keys` maps binding ids ("run.approve") to keys. Without a
    session, what `offers` gives is offered and `open` opens what is chosen. `reopen` has a run taken up
    again that has ended or has lost its process, `like` a new one started with its plan. `now` is the
    wall clock. `estimates` reads what past runs took. `kept`: something of the run stays on the disk."""

    theme: str = ""
    ascii: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    by: str = ""
    offers: Callable[[], tuple[Sequence[SampleInfo], Sequence[RunInfo]]] = lambda: ((), ())
    open: Opener | None = None
    reopen: Opener | None = None
    like: Opener | None = None
    theme_folders: tuple[Path, ...] = ()
    now: Callable[[], float] = time.time
    estimates: Callable[[], Estimates] | None = None
    kept: bool = True


def _actions() -> type[Provider]:
    from console.tui.palette import ActionProvider

    return ActionProvider


class ConsoleApp(App[int]):
    """Shows one run (given, or begun after the first paint), or first the picker. `fault` says why a run
    could not be begun."""

    CSS_PATH = "app.tcss"
    TITLE = "plandeck"
    COMMANDS: ClassVar[set[Any]] = {_actions}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", "Detach", show=False, priority=True, id="app.leave"),
        Binding("ctrl+c", "leave", "Detach", show=False, id="app.interrupt"),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False, id="app.suspend"),
        Binding("ctrl+l", "repaint", "Repaint", show=False, priority=True, id="app.repaint"),
    ]

    def __init__(self, session: Session | Begin | None, options: Options | None = None) -> None:
        self.options = options or Options()
        # Textual remembers what a filter has made of a strip: it has to be the same one in every frame.
        self._guards = (*([AsciiOnly()] if self.options.ascii else []), ControlGuard())
        super().__init__()
        self.session = session
        self.fault: PlandeckError | None = None
        self._is_small = False
        self._stays_until = 0.0
        self._keys = KeysInOrder()
        name = full_name(self.options.theme or DEFAULT)
        if name not in self.available_themes:
            theme = find_theme(name, *self.options.theme_folders) or find_theme(DEFAULT)
            assert theme is not None, "the default theme comes with the console"
            self.register_theme(theme)
            name = theme.name
        self.theme = name

    # ── beginning and end ────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave_by_signal, number)
        self.push_screen(StartScreen())
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        """After the first paint: what was too slow to come before it."""
        for theme in load_themes(*self.options.theme_folders):
            if theme.name not in self.available_themes:
                self.register_theme(theme)
        if self.options.keys:
            self._bind_again(self.options.keys)
        if self.session is None:
            self.run_worker(self._pick(), name="picker")
        elif callable(self.session):
            self.run_worker(self._start(self.session), name="start")
        else:
            self.show_run(self.session)

    def _bind_again(self, keys: Mapping[str, str]) -> None:
        """The operator's own keys, on the screens over the main one too; and what of them is not followed."""
        from console.tui.rebinding import faults, given

        self.set_keymap({id: ",".join(bound) for id, bound in given(keys).items()})
        for fault in faults(keys):
            self.notify(fault, severity="warning", markup=False, timeout=10)

    async def _start(self, begin: Begin) -> None:
        try:
            self.show_run(await begin())
        except PlandeckError as error:
            self.fault = error
            self.exit(return_code=error.exit_code)

    def show_run(self, session: Session, step: StepId = "") -> None:
        """Show a run in place of what is shown now, with the cursor on `step`."""
        from console.tui.screens.run import RunScreen

        options = self.options
        reopen = partial(self._reopen, options.reopen, session.run) if options.reopen else None
        like = partial(self._like, options.like, session.run) if options.like else None
        self.switch_screen(
            RunScreen(
                session,
                by=self._by,
                keymap=options.keys,
                now=options.now,
                reopen=reopen,
                like=like,
                elsewhere=self._elsewhere() if options.open else None,
                estimates=options.estimates,
                kept=options.kept,
                step=step,
            )
        )

    @property
    def _by(self) -> str:
        return self.options.by or getpass.getuser()

    async def _like(self, like: Opener, run: str) -> None:
        self.show_run(await like(run))

    def _elsewhere(self) -> Elsewhere:
        """The way to the other runs; what is done with the one that is shown is its own business."""
        from console.tui.screens.runs import Elsewhere

        async def runs() -> Sequence[RunInfo]:
            return (await asyncio.to_thread(self.options.offers))[1]

        async def show(run: str) -> None:
            assert self.options.open is not None
            self.show_run(await self.options.open(run))

        return Elsewhere(runs, show)

    async def _reopen(self, reopen: Opener, run: str, wish: Wish | None, step: StepId) -> None:
        """Take a run up and show it. The wish comes first: the work of a screen ends with the screen."""
        from console.tui.bridge import say_wish

        session = await reopen(run)
        try:
            if wish is not None:
                await say_wish(session, wish, self._by)
        finally:
            self.show_run(session, step)

    async def _pick(self) -> None:
        """Offer tasks and runs until one of them can be opened, or nothing is wanted."""
        from console.tui.screens.picker import Picker

        samples, runs = await asyncio.to_thread(self.options.offers)
        picker = Picker(samples, runs)
        while (chosen := await self.push_screen_wait(picker)) is not None:
            if self.options.open is None:
                break
            picker = Picker(samples, runs, picker.typed)
            try:
                self.show_run(await self.options.open(chosen))
            except PlandeckError as error:
                self.notify(clean(str(error)), severity="error", markup=False, timeout=10)
            else:
                return
        self.exit(return_code=0)

    def _leave_by_signal(self, number: int) -> None:
        if number == signal.SIGTERM and (screen := self._shown_run()) is not None:
            screen.operating.detach(128 + number)
        else:
            self.exit(return_code=128 + number)

    def _shown_run(self) -> RunScreen | None:
        from console.tui.screens.run import RunScreen

        return next((s for s in reversed(self.screen_stack) if isinstance(s, RunScreen)), None)

    def action_leave(self) -> None:
        """Ctrl+Q and Ctrl+C leave the screen and nothing else: the run goes on."""
        screen = self._shown_run()
        if screen is None:
            self.exit(return_code=DETACHED)
        else:
            screen.operating.detach()

    async def action_quit(self) -> None:
        self.action_leave()

    def _fatal_error(self) -> None:
        """One line for the person, the trace for the log; never the values of variables."""
        error = sys.exc_info()[1]
        log.error("the console failed", exc_info=error)
        what = (
            clean(f"{type(error).__name__}: {error}").splitlines()[0][:300] if error else "an unknown fault"
        )
        self._exit_renderables.append(
            Text(f"the console failed: {what}. The run goes on; plandeck attach shows it again.")
        )
        self._close_messages_no_wait()

    # ── what is said in passing ──────────────────────────────────────────────────────────────────

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say something over the screen. A warning or an error, such as a wish that was refused, stays when
        its time is over: until the next key, so that nobody misses it who looked elsewhere."""
        if severity != "information":
            shown = self.NOTIFICATION_TIMEOUT if timeout is None else timeout
            self._stays_until = max(self._stays_until, self.options.now() + shown)
            timeout = STAYS
        super().notify(message, title=title, severity=severity, timeout=timeout, markup=markup)

    def clear_notifications(self) -> None:
        self._stays_until = 0.0
        super().clear_notifications()

    # ── keys ─────────────────────────────────────────────────────────────────────────────────────

    async def on_event(self, event: events.Event) -> None:
        """What was typed goes on its way when all that was typed before has come to its end."""
        if isinstance(event, events.Key):
            hand.typed()
            if 0 < self._stays_until <= self.options.now():
                self.clear_notifications()
        if not isinstance(event, events.Key | events.Paste):
            await super().on_event(event)
        elif event.is_forwarded:  # it comes back: nothing on the screen wanted it
            await super().on_event(event)
            await self._next_key(event)
        elif self._keys.must_wait(event):
            self.set_timer(PATIENCE, self._next_key)
        else:
            await self._send_key(event)

    async def _send_key(self, typed: Typed) -> None:
        to = self.focused or self.screen
        await super().on_event(typed)
        if typed.is_forwarded:
            self._keys.sent(typed, to)
        else:
            await self._next_key(typed)

    async def _next_key(self, after: Typed | None = None) -> None:
        if (typed := self._keys.next(after)) is not None:
            await self._send_key(typed)

    @on(Passed)
    async def _key_passed(self, event: Passed) -> None:
        await self._next_key(event.typed)

    # ── guards and looks ─────────────────────────────────────────────────────────────────────────

    def get_driver_class(self) -> type[Driver]:
        chosen = super().get_driver_class()
        return Terminal if chosen is LinuxDriver else chosen

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Write what has changed on the terminal, instead of every line with a change in it."""
        driver = self._driver
        is_shown = self._running and not self._closed and not self._batch_count
        shown: object = renderable
        self._is_small = False
        if is_shown and isinstance(driver, Paced) and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            shown = driver.picture.changes(renderable, self.size, self.console._color_system)
            self._is_small = isinstance(shown, Changes) and len(shown.data) < SMALL
        super()._display(screen, cast(RenderableType, shown))

    @property
    def rest(self) -> float:
        """Seconds that what streams leaves between its frames on this terminal."""
        return self._driver.pace.rest if isinstance(self._driver, Paced) else 0.0

    def on_resize(self) -> None:
        """A terminal may have kept anything of what stood on it."""
        self._paint_all()

    def _begin_update(self) -> None:
        """A frame of a few cells cannot be seen half painted."""
        if not self._is_small:
            super()._begin_update()

    def _end_update(self) -> None:
        if not self._is_small:
            super()._end_update()

    def action_repaint(self) -> None:
        """Paint everything again, whatever somebody else has written over it, as large as the terminal is
        now: what it said of its last change may have been lost among others."""
        if isinstance(self._driver, Paced):
            now = Size(*shutil.get_terminal_size((self.size.width, self.size.height)))
            if now != self.size:
                self.post_message(events.Resize(now, now))
        self._paint_all()

    def _paint_all(self) -> None:
        if isinstance(self._driver, Paced):
            self._driver.picture.forget()
        self.screen.refresh()

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self._guards]

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(INK_DEFAULTS)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What is not an action of the main screen."""
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)

    def action_command_palette(self) -> None:
        """Every action by name; over the main screen, those of the screen that is there."""
        if isinstance(self.screen, Sheet):
            self.screen.action_keys()
        else:
            super().action_command_palette()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No text on the screen can press a key: approval comes from the keyboard alone. And there is
        nothing to choose from while nothing is shown."""
        if action == "simulate_key":
            return False
        if action == "command_palette" and isinstance(self.screen, StartScreen):
            return False
        return super().check_action(action, parameters)


async def run_console(session: Session | Begin | None, options: Options | None = None) -> int:
    """Show the console until it is left, and give the exit code: the run's when it has ended, 4 when it
    goes on without us, 128 + n after a signal, 1 when the console itself failed. Raises what hindered
    the run's beginning."""
    interpreter.begin()
    app = ConsoleApp(session, options)
    await app.run_async(mouse=not os.environ.get(GNU_SCREEN))
    if app.fault is not None:
        raise app.fault
    return app.return_code if app.return_code is not None else 1

"""The palette: every action of the main screen by name, with its keys; those that can be done now first, with
the others why not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.tui.actions import describe
from console.tui.keys import ActionInfo

if TYPE_CHECKING:
    from console.tui.screens.run import RunScreen


class ActionProvider(Provider):
    """Finds actions by their titles and ids."""

    @property
    def _run_screen(self) -> RunScreen | None:
        from console.tui.screens.run import RunScreen

        return self.screen if isinstance(self.screen, RunScreen) else None

    def _actions(self) -> list[ActionInfo]:
        screen = self._run_screen
        told = describe(screen.view, screen.keymap) if screen else []
        return sorted(told, key=lambda info: not info.enabled)

    async def discover(self) -> Hits:
        for info in self._actions():
            yield DiscoveryHit(_title(info), partial(self._do, info.id), info.title, _note(info))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for info in self._actions():
            score = max(matcher.match(info.title), matcher.match(info.id.replace("_", " ")))
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(_title(info)),
                    partial(self._do, info.id),
                    info.title,
                    _note(info),
                )

    def _do(self, action_id: str) -> None:
        screen = self._run_screen
        if screen is not None:
            screen.action_do(action_id)


def _title(info: ActionInfo) -> str:
    return f"{info.title}  ({info.keys})" if info.keys else info.title


def _note(info: ActionInfo) -> str:
    """Why it cannot be done now; the reasons name ids of steps, so brackets are taken out."""
    return "" if info.enabled else f"not now: {info.reason}".replace("[", "(")

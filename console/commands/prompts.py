"""Questions of a run on a terminal without the screen: shown whole, answered in words.

No answer is taken for granted. An approval is a yes, or the target's name where something is destructive; a
no is a no; anything else is said to be neither, and the question is put again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from console.catalog.explain import changes
from console.commands.cards import brief_lines, edit_lines, part_lines, row_lines, step_lines
from console.commands.common import say
from console.lines import name_of
from console.plan.model import Plan
from console.run.control import Approve, Deny, Wish
from console.run.results import resolved_params
from console.run.standing import Request
from console.run.state import RunState
from console.text import clean, reveal, token

if TYPE_CHECKING:
    from console.tui.screens.brief import Brief

YES, NO = ("y", "yes"), ("n", "no")
BRIEFED = ("plan", "revision", "step", "rollback", "compensation")
"""What is asked with all that would happen, as on the approval screen."""


class Read(Protocol):
    """Puts a prompt and gives the line that answers it; `None` when nobody is there any more. `name` is what
    is asked to be typed, where it is a name."""

    async def __call__(self, prompt: str, name: str = "") -> str | None: ...


class Question:
    """One question of a run. With the run's `directory` a step is shown as it will be carried out, its
    references replaced."""

    def __init__(self, request: Request, state: RunState, directory: Path | None = None) -> None:
        self.request, self.state, self.directory = request, state, directory
        self._brief: Brief | None = None
        if request.scope in BRIEFED:
            from console.tui.screens.brief import Brief

            self._brief = Brief(request, state, directory)

    # ── what there is to read ────────────────────────────────────────────────────────────────────

    def lines(self, before: Plan | None = None) -> Iterator[str]:
        """What there is to read before it is answered. Of a plan that has been shown as it was `before`: what
        is not as it was."""
        yield ""
        brief, state = self._brief, self.state
        if brief is None:
            yield from self._choice()
            return
        yield f"? {brief.title}"
        if self.request.scope == "plan" and before is not None and state.plan is not None:
            yield from edit_lines(before, state.plan, state)
            yield from row_lines(brief.standing(), 0)
            yield "all else is as it was; again lists everything"
            return
        if self.request.scope == "revision" and state.proposal and state.plan:
            yield from part_lines(state)
        yield from brief_lines(brief)

    def _choice(self) -> Iterator[str]:
        request, state = self.request, self.state
        about = f" ({name_of(request.step, state)})" if request.step else ""
        asked = clean(request.question).replace("\n", token("\n"))
        yield f"? {request.scope.replace('_', ' ')}{about}: {asked}".rstrip(": ")
        if request.scope == "tool":
            yield from self._redefined()
        elif request.step:
            step = state.find(request.step)
            params = resolved_params(step, state, self.directory)
            shown = step if params is None else step.model_copy(update={"params": params})
            yield from step_lines(shown, state, final=params is not None)

    def _redefined(self) -> Iterator[str]:
        """How the step's tool was defined when it was approved, and how it is now."""
        attempt = self.state.step(self.request.step).attempt
        tool = self.state.catalog.get(attempt.command[0]) if attempt and attempt.command else None
        if tool is None or attempt is None or attempt.changed is None:
            return
        for what, before, now in changes(tool, attempt.changed):
            yield f"  {what} was: {reveal(before)}"
            yield f"  {what} is now: {reveal(now)}"

    @property
    def told(self) -> str:
        """Which answers there are, and what follows from a no."""
        if self.request.options:
            return f"the question takes one of: {self._options}"
        refused = self._brief.refused if self._brief else "The run stops here."
        if self._word:
            return f"the question takes {self._word} to approve, n or n WHY to reject: {refused}"
        return f"the question takes y to approve, n or n WHY to reject: {refused}"

    # ── the answer ───────────────────────────────────────────────────────────────────────────────

    async def answer(self, read: Read) -> Wish | None:
        """What is answered; `None` when nobody is there any more."""
        while True:
            answer = await read(self._prompt, self._word)
            if answer is None:
                return None
            wish = self._chosen(answer) if self.request.options else self._verdict(answer)
            if wish is not None:
                return wish
            if answer:
                say(f"that is no answer: {self.told}")

    @property
    def _options(self) -> str:
        return ", ".join(option.replace("_", " ") for option in self.request.options)

    @property
    def _word(self) -> str:
        return self._brief.word if self._brief and not self._brief.unknown else ""

    @property
    def _prompt(self) -> str:
        if self.request.options:
            return f"{self._options}? "
        if self._brief is None:
            return "approve? [y/n] "
        title = self._brief.title.partition(" · ")[0].lower()
        if self._brief.unknown:
            return f"{title}? {self._brief.unknown}. Reject it? [n] "
        if not self._word:
            return f"{title}? [y/n] "
        count = len(self._brief.destructive)
        steps = "1 destructive step" if count == 1 else f"{count} destructive steps"
        return f"{title}? {steps}: type {self._word} ({self._brief.word_of}), or n to reject: "

    def _chosen(self, answer: str) -> Wish | None:
        choice = answer.lower().replace(" ", "_")
        if choice not in self.request.options:
            return None
        return Approve(request=self.request.id, hash=self.request.hash, answer=choice, how="prompt")

    def _verdict(self, answer: str) -> Wish | None:
        brief, request = self._brief, self.request
        meant = answer == self._word if self._word else answer.lower() in YES
        if meant and not (brief and brief.unknown):
            steps = brief.hashes if brief else {}
            return Approve(request=request.id, hash=request.hash, steps=steps, how="prompt")
        said, _, why = answer.partition(" ")
        if said.lower() in NO:
            return Deny(request=request.id, reason=why.strip() or "refused at the prompt")
        return None

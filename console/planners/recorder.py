"""Another planner's answers, kept as they come in a recording that `recorded` replays.

Each entry holds the plan as it was taken, so that a replay never depends on how a reply was read, and beside
it what the model said, word by word.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from console.catalog.spec import Catalog
from console.plan.codec import to_document
from console.plan.model import Plan
from console.plan.yaml_out import yaml_text
from console.planners.base import Goal, History, PlanDraft, Planner, Progress


class Recorder:
    """`planner`, with its answers appended to `file`, which only its owner can read. One that cannot be
    written is told, and the plan is not lost by it."""

    def __init__(self, planner: Planner, file: Path) -> None:
        self._planner, self._file = planner, file
        self.name, self.model, self.prompt = planner.name, planner.model, planner.prompt

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """As the planner's own."""
        draft = await self._planner.plan(goal, catalog, progress)
        await self._keep({"plan": goal.text}, draft, progress)
        return draft

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """As the planner's own."""
        draft = await self._planner.replan(goal, catalog, plan, history, progress)
        await self._keep({"replan": history.failed}, draft, progress)
        return draft

    async def _keep(self, about: dict[str, Any], draft: PlanDraft, progress: Progress) -> None:
        told = {
            "model": draft.model,
            "prompt": draft.prompt,
            "tokens": draft.tokens,
            "cost": draft.cost,
            "seconds": round(draft.seconds, 3),
            "reason": draft.reason,
            "repairs": list(draft.repairs),
            "said": draft.reply,
        }
        entry = {**about, "reply": to_document(draft.plan), **{k: v for k, v in told.items() if v}}
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as out:
                out.write(yaml_text([entry]))
        except OSError as error:
            await progress(f"the recording {self._file} cannot be written: {error.strerror}")

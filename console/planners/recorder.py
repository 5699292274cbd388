"""Another planner's answers and another executor's turns, kept as they come in a recording that `recorded`
replays.

Each entry holds the plan or the turn as it was taken, so that a replay never depends on how a reply was read,
and beside it what the model said, word by word. A turn that could not be followed is kept as it was said.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.catalog.spec import Catalog
from console.plan.codec import to_document
from console.plan.model import Plan
from console.plan.yaml_out import yaml_text
from console.planners.base import Goal, History, PlanDraft, Planner, Progress
from console.planners.executor import Brief, Executor, Move


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

    async def _keep(self, about: Mapping[str, Any], draft: PlanDraft, progress: Progress) -> None:
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
        await _append(self._file, {**about, "reply": to_document(draft.plan)}, told, progress)


class TurnRecorder:
    """`executor`, with its turns appended to `file`, as the planner's answers are."""

    def __init__(self, executor: Executor, file: Path) -> None:
        self._executor, self._file = executor, file

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        """As the executor's own."""
        move = await self._executor.turn(brief, progress)
        told = {"model": move.model, "tokens": move.tokens, "cost": move.cost, "said": move.said}
        await _append(self._file, {"agent": brief.step, "reply": _reply(move)}, told, progress)
        return move

    def close(self) -> None:
        """End what belongs to the executor."""
        self._executor.close()


def _reply(move: Move) -> Any:
    """The turn as a recording has it."""
    if move.error:
        return move.said
    does = {"finish": move.finish} if move.finish is not None else {"action": move.action}
    params = {"params": dict(move.params)} if move.finish is None else {}
    return {"thought": move.thought, **does, **params}


async def _append(file: Path, entry: Mapping[str, Any], told: Mapping[str, Any], progress: Progress) -> None:
    """Add an entry, with what there is to tell of it."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as out:
            out.write(yaml_text([{**entry, **{key: one for key, one in told.items() if one}}]))
    except OSError as error:
        await progress(f"the recording {file} cannot be written: {error.strerror}")

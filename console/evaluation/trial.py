"""One planning of one task by one contender, and what came of it: what is kept and exported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from console.evaluation.score import Score


@dataclass(frozen=True, slots=True)
class Contender:
    """Who plans: a planner by its name and, where it asks a model, which one with which prompts."""

    planner: str
    model: str = ""
    prompt: str = ""

    @property
    def label(self) -> str:
        """`llm openai/gpt-4o plan-v1`: how it is named in tables and exports. Of a file only the name."""
        model = f"gguf:{Path(self.model).name}" if self.model.startswith("gguf:") else self.model
        return " ".join(part for part in (self.planner, model, self._prompt_name) if part)

    @property
    def _prompt_name(self) -> str:
        return Path(self.prompt).name if "/" in self.prompt else self.prompt


class Executed(BaseModel):
    """How a plan went in the task's sandbox. `proven` is what the sandbox's own proof says, where it has
    one: whatever the steps claim."""

    model_config = ConfigDict(frozen=True)

    run: str
    exit_code: int
    outcome: str
    seconds: float
    proven: bool | None = None


class Trial(BaseModel):
    """`seconds` is the whole planning, `model_seconds` what of it was waiting for a model; `error` says
    why there is no plan; `prompt` is the prompt's name and version as they were used."""

    model_config = ConfigDict(frozen=True)

    task: str
    contender: str
    repeat: int
    score: Score = Score()
    error: str = ""
    prompt: str = ""
    seconds: float = 0.0
    model_seconds: float = 0.0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0
    repairs: int = 0
    executed: Executed | None = None
    plan: dict[str, Any] | None = None
    reply: str = ""

    def row(self) -> dict[str, Any]:
        """The trial as one flat row, for a table or a CSV file; plan and reply are left out."""
        flat = self.model_dump(exclude={"plan", "reply", "score", "executed"})
        flat |= self.score.model_dump(exclude={"faults", "codes"})
        flat |= {"findings": self.score.findings, "codes": " ".join(self.score.codes)}
        went = self.executed
        flat |= {f"executed_{name}": getattr(went, name, None) for name in Executed.model_fields}
        return flat

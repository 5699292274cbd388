"""A task as data: inputs filled in, files found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from console.catalog.spec import Fact
from console.plan.model import Params, Plan, StepId

OUTPUT = "$output"
"""In the fact of a probe: the first line that the probe printed."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wanted(Part):
    """A goal fact; `after` must hold first, `params` fix free parameters of the tool that provides it."""

    fact: Fact
    after: tuple[Fact, ...] = ()
    params: Params = {}


class ProbedFact(Part):
    """A fact that holds when the command `probe` exits with 0; a word `$output` in it is the first
    line that the command printed."""

    fact: Fact
    probe: str


class Planning(Part):
    """Who plans: `use` is a name of `settings.planner_names`. `recording` is a file of stored replies;
    `prompt` a version of the prompts, or a file."""

    use: str = "auto"
    model: str = ""
    prompt: str = ""
    recording: Path | None = None


class Task(Part):
    """A task with its inputs filled in and its files found. `directory` is where its files are; `name` is a
    sample's name or the file's; `taken_as` says which saved task a goal in words was read as; `exploratory`
    is the agent that gets the whole task, "" where it is planned; `document` the file as it was given;
    `lines` says where each step of a ready plan stands (file, line), `repairs` what was mended in it;
    `reference` is a file with a plan that is held to be good."""

    goal: str
    name: str = ""
    exploratory: str = ""
    inputs: dict[str, Any] = {}
    tools: tuple[Path, ...] = ()
    facts: tuple[Fact, ...] = ()
    probes: tuple[ProbedFact, ...] = ()
    want: tuple[Wanted, ...] = ()
    fallback: tuple[Wanted, ...] = ()
    plan: Plan | None = None
    repairs: tuple[str, ...] = ()
    taken_as: str = ""
    reference: Path | None = None
    planner: Planning = Planning()
    limits: dict[str, float] = {}
    sandbox: dict[str, Any] | None = None
    directory: Path | None = None
    document: dict[str, Any] = Field(default={}, repr=False)
    lines: dict[StepId, tuple[str, int]] = Field(default={}, repr=False, exclude=True)

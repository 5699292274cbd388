"""The task: what is to be reached, with which tools, and where a plan comes from.

    goal: Deploy $tag to production safely
    inputs: {tag: {default: v2.3.1, description: version to deploy}}
    tools: [deploy, ./extra.yaml]           tool files: by name, or beside the task
    facts: [deployed production v2.3.0]     also {fact: deployed production $output, probe: cat VERSION}
    want: [{fact: notified team, after: [smoke_ok production $tag], params: {message: $tag deployed}}]
    fallback: [smoke_ok production v2.3.0]
    plan: plan.json                         a ready plan instead of planning
    reference: good.json                    a plan to compare with, in an evaluation
    planner: {use: recorded, recording: replies.yaml}       or one word: auto, offline, llm, recorded
    limits: {parallel: 4, replans: 3, time: 1h, cost_usd: 1.0}
    sandbox: {...}                          a world of its own (console/sandbox/)

`load` makes one from a task file, a sample's name, a plan file or a goal in words. Values of inputs
replace `$name` in the goal, facts and wanted facts; `$$` is a dollar sign. A value never brings words
of its own into a fact. In a probe, inputs are environment variables: they cannot become commands.
"""

from __future__ import annotations

from console.task.finding import load, outline, samples
from console.task.model import OUTPUT, Planning, ProbedFact, Task, Wanted
from console.task.reader import duration
from console.task.saved import save, saved

__all__ = [
    "OUTPUT",
    "Planning",
    "ProbedFact",
    "Task",
    "Wanted",
    "duration",
    "load",
    "outline",
    "samples",
    "save",
    "saved",
]

"""Plans in and out: JSON and YAML, strict on the way in, canonical on the way out.

    text ── strict ──> JSON value ── reading ──> Plan ── faults_of ──> may run, or not
    Plan ── to_document ──> JSON value ──> dump_json | dump_yaml

A plan is read whole or refused whole: all its faults are told together, each with its step, its line
and the nearest valid name. What is written can be read again and gives the same plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from console.errors import Fault, InvalidPlan
from console.plan import strict
from console.plan.canonical import canonical, decisive, digest
from console.plan.faults import faults_of, nearest
from console.plan.model import Compensation, Expect, Plan, Step, StepId, Undo
from console.plan.reading import FILE_STEPS, MAX_STEPS, Reading

__all__ = [
    "FILE_STEPS",
    "MAX_STEPS",
    "bind_inputs",
    "canonical",
    "decisive",
    "digest",
    "dump_json",
    "dump_yaml",
    "faults_of",
    "from_document",
    "load",
    "nearest",
    "read_leniently",
    "step_document",
    "to_document",
]


def load(text: str | bytes, *, file: str = "", max_steps: int = FILE_STEPS) -> Plan:
    """The plan in a JSON or YAML text. `file` names it in messages, and its ending its format.
    Raises `InvalidPlan` with every fault. `max_steps` is at most `FILE_STEPS`."""
    return _sound(Reading(strict.read(text, file=file), file=file, max_steps=max_steps), file)


def from_document(document: object, *, file: str = "", max_steps: int = MAX_STEPS) -> Plan:
    """The plan in an already parsed JSON value, which is not changed. Raises `InvalidPlan`."""
    return _sound(Reading(strict.given(document), file=file, max_steps=max_steps), file)


def read_leniently(
    text: str | bytes, *, file: str = "", max_steps: int = FILE_STEPS
) -> tuple[Plan | None, tuple[Fault, ...]]:
    """As much of a plan as can be read, to be mended, and its faults. The plan is `None` when the text
    has no list of steps. A step without an id of its own gets a number no other step has."""
    reading = Reading(strict.read(text, file=file), file=file, max_steps=max_steps)
    return reading.plan, reading.faults


def _sound(reading: Reading, file: str) -> Plan:
    if reading.plan is None or reading.faults:
        raise InvalidPlan(reading.faults, file=file)
    return reading.plan


def bind_inputs(plan: Plan, first: Mapping[str, str]) -> Plan:
    """`plan` with the parameter `input` renamed to the parameter its tool has for it.

    `first` maps a tool's name to its single or first required parameter. Leave out tools that have a
    parameter `input` of their own: theirs is meant as it stands. A call that gives the parameter by
    name as well is left as it is, for the checker to refuse.
    """

    def params(action: str, given: dict[str, Any]) -> dict[str, Any]:
        name = first.get(action, "input")
        if "input" not in given or name in given:
            return given
        return {name if key == "input" else key: value for key, value in given.items()}

    def step(old: Step) -> Step:
        undo = old.undo and old.undo.model_copy(update={"params": params(old.undo.action, old.undo.params)})
        changed = {
            "params": params(old.action, old.params),
            "undo": undo,
            "steps": tuple(map(step, old.steps)),
        }
        return old.model_copy(update=changed)

    def item(old: Compensation) -> Compensation:
        return old.model_copy(update={"params": params(old.action, old.params)})

    changed = {"steps": tuple(map(step, plan.steps)), "rollback": tuple(map(item, plan.rollback))}
    return plan.model_copy(update=changed)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def to_document(plan: Plan) -> dict[str, Any]:
    """The plan as a JSON value: defaults left out, keys in reading order, ids that are numbers as numbers."""
    document: dict[str, Any] = {"goal": plan.goal} if plan.goal else {}
    document["steps"] = [step_document(step) for step in plan.steps]
    if plan.rollback:
        document["rollback"] = [_rollback_document(item) for item in plan.rollback]
    if plan.expected:
        document["expected"] = list(plan.expected)
    if plan.meta:
        document["meta"] = plan.meta
    return document


def step_document(step: Step) -> dict[str, Any]:
    """One step as `to_document` writes it."""
    document: dict[str, Any] = {"id": _id(step.id)}
    if not step.is_phase:
        document |= {"action": step.action, "params": step.params}
    optional: dict[str, Any] = {
        "depends_on": [_id(name) for name in step.depends_on],
        "description": step.description,
        "undo": step.undo and _undo_document(step.undo),
        "expect": step.expect and _expect_document(step.expect),
        "timeout": step.timeout,
        "retry": step.retry and {"attempts": step.retry.attempts, "backoff": step.retry.backoff},
        "gate": step.gate and (step.gate.question or True),
        "on_failure": step.on_failure,
        "on": step.on,
        "explain": step.explain,
        "steps": [step_document(child) for child in step.steps],
    }
    document |= {key: value for key, value in optional.items() if value not in (None, "", [], {})}
    if step.expect is not None:
        document["expect"] = _expect_document(step.expect)
    if step.on == "":
        document["on"] = ""
    if step.expand:
        document["expand"] = True
    if not step.enabled:
        document["enabled"] = False
    return document


def dump_json(plan: Plan) -> str:
    """The plan as JSON, one line per key, ending with a newline."""
    return json.dumps(to_document(plan), ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def dump_yaml(plan: Plan) -> str:
    """The plan as YAML that a person may edit: block style, texts of several lines as they are."""
    from console.plan.yaml_out import yaml_text  # a plan in JSON does not need it

    return yaml_text(to_document(plan))


def _id(name: StepId) -> int | StepId:
    """Numbers beyond fifteen digits stay text: not every reader keeps them exact."""
    return int(name) if name.isdecimal() and len(name) <= 15 and str(int(name)) == name else name


def _undo_document(undo: Undo) -> dict[str, Any]:
    return {"action": undo.action, "params": undo.params}


def _expect_document(expect: Expect) -> dict[str, Any]:
    return expect.model_dump(by_alias=True, exclude_none=True)


def _rollback_document(item: Compensation) -> dict[str, Any]:
    document: dict[str, Any] = {"action": item.action, "params": item.params}
    if item.undoes is not None:
        document["undoes"] = [_id(name) for name in item.undoes]
    if item.description:
        document["description"] = item.description
    return document

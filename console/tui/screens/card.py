"""One step as a person approves it: the command first and whole, where it runs and with what, how it is
undone, and only then what somebody said about it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from textual.content import Content

from console.catalog import agents
from console.catalog.command import command, display, variables
from console.catalog.spec import Catalog, Risk, ToolSpec
from console.errors import NeverStarted
from console.plan.model import NOTE_TEXT, Expect, Params, Step
from console.plan.references import find
from console.run.policy import risk_of
from console.run.rollback import compensation_of
from console.tui.screens.modal import MUTED
from console.tui.screens.rows import Row, exact

LABEL = 10
"""Width of the margin that holds a row's label."""

RISKS: dict[Risk, tuple[str, str]] = {
    Risk.OBSERVE: ("· observe", MUTED),
    Risk.REVERSIBLE: ("↺ reversible", "$text-success"),
    Risk.DISRUPTIVE: ("! disruptive", "$text-warning"),
    Risk.DESTRUCTIVE: ("‼ destructive", "bold $text-error"),
}
"""Sign and colour of a risk."""


def label(text: str = "", style: str = MUTED) -> Content:
    return Content.styled(f"{text:<{LABEL}}", style)


@dataclass(frozen=True)
class Told:
    """What is carried out, as text that can be read; `cwd` and `argv` for a process; `problem` says why it
    could not start as it stands."""

    text: str
    cwd: str = ""
    problem: str = ""
    argv: tuple[str, ...] = ()


def told(action: str, params: Params, catalog: Catalog, workspace: str) -> Told:
    """The command with its values in place; what is no process, as its request."""
    tool = catalog.get(action)
    values = json.dumps(tool.with_defaults(params) if tool else params, ensure_ascii=False)
    if tool is None:
        return Told(f"{action} {values}", problem="unknown tool")
    if tool.http is not None:
        body = f"\n{tool.http.body}" if tool.http.body else ""
        return Told(f"{tool.http.method} {tool.http.url}{body}\nwith {values}")
    if tool.mcp is not None:
        return Told(f"{tool.mcp.server}.{tool.mcp.tool} {values}")
    if tool.agent is not None:
        return Told(agents.shown(tool, values))
    if tool.script is None:
        return Told(f"{tool.function or action} {values}")
    try:
        process = command(tool, params, workspace=workspace, caller={})
    except NeverStarted as refused:
        template = tool.script.shell or shlex.join((tool.script.command or "", *tool.script.args))
        return Told(f"{template.strip()}\nwith {values}", problem="" if find(params) else refused.what)
    return Told(display(process), process.cwd, argv=process.argv)


def step_rows(
    step: Step, catalog: Catalog, workspace: str, host: str, *, final: bool = False
) -> tuple[Row, ...]:
    """Everything about one step that decides what happens, then its description. In a `final` one
    references have been replaced, and what looks like one is text."""
    tool = catalog.get(step.action)
    risk = risk_of(step, catalog)
    return (
        Row(Content(""), _name(step, risk)),
        *(_note(step) if step.is_note else _command(step, tool, catalog, workspace, host)),
        *(() if final else _template(step)),
        *_checks(step),
        *_undo(step, catalog, risk, workspace),
        *_prose(step),
    )


def command_rows(
    action: str, params: Params, catalog: Catalog, workspace: str, *, indent: bool = False
) -> Iterator[Row]:
    """The command alone, and what is wrong with it."""
    return _told_rows(told(action, params, catalog, workspace), label() if indent else Content(""))


def _told_rows(carried: Told, lead: Content) -> Iterator[Row]:
    yield Row(lead, Content.styled(exact(carried.text), "bold"), exact=True)
    if carried.problem:
        yield Row(label(), Content.styled(exact(f"cannot start: {carried.problem}"), "bold $text-error"))


def undo_rows(action: str, params: Params, catalog: Catalog, workspace: str) -> Iterator[Row]:
    """A compensation: its command, and how dangerous it is itself."""
    mark, style = RISKS[catalog.risk(action)]
    yield Row(label("undo"), Content.assemble(exact(action), "  ", (mark, style)))
    yield from command_rows(action, params, catalog, workspace, indent=True)


def _name(step: Step, risk: Risk) -> Content:
    mark, style = RISKS[risk]
    name = (exact(step.action), "bold")
    return Content.assemble((f"{step.id} ", "bold $text-accent"), name, "  ", (mark, style))


def _note(step: Step) -> Iterator[Row]:
    yield Row(label("a note"), Content(exact(str(step.params.get(NOTE_TEXT, "")))))


def _command(step: Step, tool: ToolSpec | None, catalog: Catalog, workspace: str, host: str) -> Iterator[Row]:
    carried = told(step.action, step.params, catalog, workspace)
    yield from _told_rows(carried, Content(""))
    on = f"on {step.on or host or 'this host'}"
    where = [f"{on} in {carried.cwd}" if carried.cwd else on, *_conditions(step, tool)]
    yield Row(label("where"), Content(exact(" · ".join(where))))
    if tool is None:
        return
    if tool.mcp is not None:
        says = ", ".join(tool.mcp.claims) or "nothing about its risk"
        yield Row(label("claims"), Content.styled(exact(f"the server says: {says}"), MUTED))
        if tool.description:  # whole: what a model is told of the tool is approved with it
            yield Row(label("described"), Content.styled(exact(tool.description), MUTED))
    if named := [*tool.environment, *sorted(variables(tool))]:
        yield Row(label("env"), Content(exact(" ".join(named))))
    if tool.secrets:
        yield Row(label("secrets"), Content.styled(exact(" ".join(tool.secrets)), "$text-warning"))


def _template(step: Step) -> Iterator[Row]:
    if references := find(step.params):
        names = ", ".join(dict.fromkeys(r.text for r in references))
        note = f"a template: {names} is filled in when the step starts"
        yield Row(label(), Content.styled(exact(note), "$text-warning"))


def _conditions(step: Step, tool: ToolSpec | None) -> Iterator[str]:
    if step.depends_on:
        yield f"after {', '.join(step.depends_on)}"
    if timeout := step.timeout or (tool.timeout if tool else 0):
        yield f"at most {_seconds(timeout)}"
    if step.retry and step.retry.attempts > 1:
        yield f"up to {step.retry.attempts} attempts"
    if step.on_failure and step.on_failure != "replan":
        yield f"on failure {step.on_failure}"


def _checks(step: Step) -> Iterator[Row]:
    if step.expect:
        yield Row(label("expects"), Content(exact(_expected(step.expect))))
    if step.gate:
        yield Row(label("gate"), Content(exact(step.gate.question or "asks before it starts")))


def _undo(step: Step, catalog: Catalog, risk: Risk, workspace: str) -> Iterator[Row]:
    undo = compensation_of(step, catalog, step.params)
    if undo is not None:
        yield from undo_rows(undo.action, undo.params, catalog, workspace)
    elif risk.rank >= Risk.DISRUPTIVE.rank:
        style = "bold $text-error" if risk is Risk.DESTRUCTIVE else "$text-warning"
        yield Row(label("undo"), Content.styled("none of its own", style))


def _prose(step: Step) -> Iterator[Row]:
    if step.description:
        yield Row(label("says"), Content.styled(exact(step.description), f"italic {MUTED}"))


def _expected(expect: Expect) -> str:
    said = {
        "exit code": expect.exit_code,
        "text": expect.matches,
        "values": expect.json_paths,
        "schema": expect.json_schema,
    }
    return ", ".join(
        f"{name} {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}"
        for name, value in said.items()
        if value is not None
    )


def _seconds(seconds: float) -> str:
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"

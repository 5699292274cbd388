"""Commands about plans and tools: nothing is carried out."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import (
    Env,
    Json,
    Model,
    Output,
    Planner,
    Prompt,
    RiskName,
    Sets,
    Tools,
    What,
    complete_tool,
    emit,
    hint,
    must_be_writable,
    pairs,
    say,
    table,
)
from console.commands.serve import Http, TokenFile, serve_tools
from console.commands.tool_files import check_file, tell_problems
from console.errors import UsageError

if TYPE_CHECKING:
    from console.catalog.spec import Catalog, ToolSpec
    from console.plan.model import Plan
    from console.planners.base import PlanDraft
    from console.task import Task


def plan(
    what: What,
    tools: Tools = None,
    sets: Sets = None,
    planner: Planner = "",
    model: Model = "",
    prompt: Prompt = "",
    output: Output = None,
    as_json: Json = False,
) -> int:
    """Plan a task and write the plan, without running anything.

    The plan is YAML, or JSON with --json or for a file that ends in .json.

    Example: plandeck plan deploy --set tag=v2.4.0 -o plan.yaml
    """
    from console.commands.ordering import planned_by, tools_for
    from console.plan import codec
    from console.service.asking import asked
    from console.service.executors import executor_model_for
    from console.service.parts import catalog_of, fitted
    from console.settings import load_settings
    from console.task import load
    from console.text import json_shown

    if output is not None:
        must_be_writable(output)
    task = load(what, pairs(sets), templates=not (planner or model))
    if task.taken_as:
        typer.echo(f"plandeck: {task.taken_as}", err=True)
    task = planned_by(task, planner, model, prompt)
    files = tools_for(task, tools)
    catalog = catalog_of(task, files, executor_model_for(task, load_settings()))
    catalog = asked(catalog, Path.cwd())
    tell_problems(catalog)
    if task.plan:
        made = fitted(task, catalog)
    else:
        draft = _draft(task, catalog)
        made = draft.plan
        _tell_draft(draft)
    if files and not tools:
        _tell_tools(made, catalog)
    is_json = as_json or (output is not None and output.suffix == ".json")
    text = json_shown(codec.dump_json(made)) if is_json else codec.dump_yaml(made)
    if output is None:
        say(text.rstrip("\n"))
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write this file: {error.strerror}", where=str(output)) from None
    say(f"{len(made.leaves())} steps written to {output}") if not as_json else None
    return 0


def _tell_tools(plan: Plan, catalog: Catalog) -> None:
    """No tools were given: say on standard error which files are needed to run the plan."""
    used = {tool.file for step in plan.leaves() if (tool := catalog.get(step.action))}
    needed = " ".join(f"--tools {Path(file).stem}" for file in catalog.files if file in used)
    typer.echo(f"plandeck: all known tools were offered; the plan needs {needed}", err=True)


def _draft(task: Task, catalog: Catalog) -> PlanDraft:
    import os

    import anyio

    from console.errors import BadReply
    from console.service.parts import environment, facts_of, goal_of, understand
    from console.settings import load_settings, state_dir, write_private

    settings = load_settings()

    async def work() -> PlanDraft:
        facts = await facts_of(task, Path.cwd(), environment(catalog, (), os.environ))
        limits = {**settings.limits.given(), **task.limits}
        planner = understand(task, catalog, settings, os.environ)
        return await planner.plan(goal_of(task, facts, limits), catalog, _tell_progress)

    try:
        return anyio.run(work)
    except BadReply as error:
        if error.draft:
            file = state_dir() / "draft.yaml"
            write_private(file, error.draft)
            error.todo = f"Its draft is kept in {file}: mend it, or ask again with other words"
        raise


async def _tell_progress(message: str, /, *, passing: bool = False, **_: object) -> None:
    """What the planner does, on a terminal: what is passing is overwritten."""
    from console.text import one_line

    if sys.stderr.isatty():
        line = one_line(message, max(20, shutil.get_terminal_size().columns - 1))
        typer.echo(f"\r\x1b[K{line}", nl=not passing, err=True)


def _tell_draft(draft: PlanDraft) -> None:
    """On standard error: who made the plan, what it took, what was mended, what would make it better."""
    from console.lines import asked_line
    from console.text import one_line

    if draft.model:
        taken = asked_line(draft.model, draft.prompt, draft.seconds, draft.tokens, draft.cost)
        typer.echo(f"plandeck: planned by {taken}", err=True)
    for repair in draft.repairs:
        typer.echo(f"plandeck: mended: {one_line(repair, 200)}", err=True)
    for improvement in draft.improvements:
        typer.echo(f"plandeck: offered, not taken: {one_line(improvement, 200)}", err=True)


# ── check ────────────────────────────────────────────────────────────────────────────────────────


def check(
    plan_file: Annotated[
        str, typer.Argument(metavar="PLAN", help="A plan file, or a task that has one.", show_default=False)
    ],
    tools: Tools = None,
    as_json: Json = False,
) -> int:
    """Check a plan without running anything: is it valid, and what does the checker find?

    Exit code 0 when there is nothing to say, 1 with findings, 3 when the plan is not valid.

    Example: plandeck check plan.json --tools tools.yaml
    """
    from console.commands.ordering import tool_files
    from console.errors import InvalidDocument
    from console.service.asking import asked
    from console.service.executors import executor_model_for
    from console.service.parts import catalog_of, fitted
    from console.settings import load_settings
    from console.task import load

    try:
        task = load(plan_file)
        if task.plan is None:
            raise UsageError(
                "this task has no plan to check", where=plan_file, todo="Make one with plandeck plan"
            )
        catalog = catalog_of(task, tool_files(tools), executor_model_for(task, load_settings()))
        catalog = asked(catalog, Path.cwd())
        made = fitted(task, catalog)
    except InvalidDocument as error:
        if not as_json:
            raise
        faults = [
            {"step": f.step, "line": f.line, "file": f.file, "message": f.message, "hint": f.hint}
            for f in error.faults
        ]
        emit({"valid": False, "faults": faults, "findings": []})
        return error.exit_code
    return _findings(made, task, catalog, as_json=as_json)


def _findings(plan: Plan, task: Task, catalog: Catalog, *, as_json: bool) -> int:
    from console.plan.check import check as look
    from console.text import clean

    found = look(plan, catalog, facts=frozenset(task.facts))
    if as_json:
        emit({"valid": True, "faults": [], "findings": [_finding(one) for one in found]})
    else:
        for repair in task.repairs:
            say(f"mended: {clean(repair)}")
        for one in found:
            place = f"step {', '.join(one.steps)}: " if one.steps else ""
            say(clean(f"{place}{one.message}"))
        say(f"{_counted(len(plan.leaves()), 'step')}, valid, {_counted(len(found), 'finding')}")
    return 1 if found else 0


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _finding(finding: Any) -> dict[str, Any]:
    return {"code": finding.code, "steps": list(finding.steps), "message": finding.message}


# ── tools ────────────────────────────────────────────────────────────────────────────────────────


ToolName = Annotated[
    str, typer.Argument(help="A tool's name, or `check`, or `serve`.", autocompletion=complete_tool)
]
ToolFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FILE]...", help="With `check`: the tool file. With `serve`: the tool files."),
]
UpTo = Annotated[
    RiskName | None,
    typer.Option("--up-to", help="With `serve`: the riskiest to serve; reversible.", show_default=False),
]
WorkIn = Annotated[
    Path | None,
    typer.Option(
        "--workspace", help="With `serve`: the folder tools work in.", file_okay=False, show_default=False
    ),
]
Ask = Annotated[bool, typer.Option("--ask", help="With `check`: start the file's MCP servers and ask them.")]


def tools(
    name: ToolName = "",
    files: ToolFiles = None,
    tool_file: Tools = None,
    as_json: Json = False,
    up_to: UpTo = None,
    workspace: WorkIn = None,
    env: Env = None,
    http: Http = "",
    token_file: TokenFile = None,
    ask: Ask = False,
) -> int:
    """List the tools, explain one, check a tool file, or serve tools to any MCP client.

    Without --tools these are the tools that come with plandeck and those in your configuration folder. MCP
    servers that a file declares are started and asked for their tools; `check` does so with --ask only.
    Served tools run when a client calls them: nothing is planned, approved or recorded.

    Example: plandeck tools backup_database
    Example: plandeck tools check ./tools.yaml --ask
    Example: plandeck tools serve ./tools.yaml --up-to observe
    """
    from console.catalog import load as loading
    from console.commands.ordering import tool_files
    from console.service.asking import asked

    if name == "serve":
        if not files:
            raise UsageError("which tool files?", todo="plandeck tools serve FILE")
        return serve_tools(files, up_to=up_to, workspace=workspace, env=env, http=http, token_file=token_file)
    if http or token_file or up_to or workspace or env:
        raise UsageError(
            "--up-to, --workspace, --env, --http and --token-file go with `plandeck tools serve`"
        )
    if name == "check":
        return check_file(files or [], ask=ask, as_json=as_json)
    if files:
        raise UsageError(
            f"{files[0]!r} is one word too many", todo="plandeck tools NAME, or plandeck tools check FILE"
        )
    sources = [tool_files(tool_file)] if tool_file else [(name,) for name in loading.names()]
    catalogs = [asked(loading.load(source), Path.cwd()) for source in sources]
    for catalog in catalogs:
        tell_problems(catalog)
    found = [tool for catalog in catalogs for tool in catalog.tools.values()]
    return _explain(found, name, as_json=as_json) if name else _list(catalogs, as_json=as_json)


def _list(catalogs: list[Catalog], *, as_json: bool) -> int:
    found = [tool for catalog in catalogs for tool in catalog.tools.values()]
    if as_json:
        emit([tool.model_dump(mode="json", by_alias=True, exclude_defaults=True) for tool in found])
        return 0
    from console.catalog.explain import servers, summary
    from console.catalog.spec import Catalog
    from console.text import one_line

    rows = [row for tool in found for row in summary(Catalog(tools={tool.name: tool}))]
    rows += [row for catalog in catalogs for row in servers(catalog)]
    table([(row.name, row.risk, one_line(row.takes, 40), one_line(row.about, 100)) for row in rows])
    return 0


def _explain(found: list[ToolSpec], name: str, *, as_json: bool) -> int:
    from console.catalog.explain import explain
    from console.plan.faults import nearest
    from console.text import clean

    tools = [tool for tool in found if tool.name == name]
    if not tools:
        raise UsageError(
            f"there is no tool {name!r}",
            todo=hint(nearest(name, [tool.name for tool in found])) or "`plandeck tools` lists them",
        )
    for tool in tools:
        if as_json:
            emit(tool.model_dump(mode="json", by_alias=True, exclude_defaults=True))
        else:
            say(clean(explain(tool)))
    return 0

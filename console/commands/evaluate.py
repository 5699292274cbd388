"""`plandeck eval`: planners, models and prompts compared on the same tasks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.common import Json, Tools, complete_planner, emit, must_be_writable, say, table
from console.errors import PlandeckError, UsageError

if TYPE_CHECKING:
    from console.evaluation.matrix import Matrix
    from console.evaluation.store import Store
    from console.evaluation.trial import Contender, Trial


def evaluate(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER]...",
            help="A folder with task files, a task file, or a sample task's name.",
            show_default=False,
        ),
    ] = None,
    planners: Annotated[
        list[str] | None,
        typer.Option(
            "--planner",
            metavar="NAME",
            help="Who plans: offline, llm, recorded, or a plugin's name; several times.",
            autocompletion=complete_planner,
            show_default=False,
        ),
    ] = None,
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="NAME",
            help="A model of the planner llm, or of a plugin; several times.",
            show_default=False,
        ),
    ] = None,
    prompts: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="NAME",
            help="A version of the prompts, or a file; several times.",
            show_default=False,
        ),
    ] = None,
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=100, help="Plan each task so often.")] = 1,
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget", metavar="USD", min=0, help="What all of it may cost at most.", show_default=False
        ),
    ] = None,
    execute: Annotated[
        bool,
        typer.Option("--execute", help="Carry valid plans out, all approved, in the tasks' sandboxes."),
    ] = False,
    tools: Tools = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write a row a trial to this file.", show_default=False),
    ] = None,
    show: Annotated[
        str, typer.Option("--show", metavar="ID", help="Show a kept evaluation.", show_default=False)
    ] = "",
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--compare",
            metavar="ID ID",
            help="The second kept evaluation against the first.",
            show_default=False,
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the kept evaluations.")] = False,
    as_json: Json = False,
) -> int:
    """Compare planners, models and prompts on the same tasks: is the plan valid, what does the checker find,
    how parallel is it, what does it cost, how far does it agree with a reference plan?

    Nothing is carried out without --execute. Everything is kept and can be shown and compared later. Exit
    code 1 when a contender gave no valid plan for a task.

    Example: plandeck eval tasks --model gpt-4o-mini --prompt plan-v1 --prompt ./mine.md
    """
    from console.evaluation.store import opened

    if csv is not None:
        must_be_writable(csv)
    if sum((listed, bool(show), compare is not None, bool(places))) != 1:
        raise UsageError(
            "name tasks to evaluate, or give one of --show, --compare and --list",
            todo="See: plandeck eval --help",
        )
    with opened() as store:
        if listed:
            return _list(store, as_json=as_json)
        if show:
            found = store.find(show)
            return _report(found.id, store.trials(found.id), csv, as_json=as_json)
        if compare is not None:
            return _compare(store, *compare, as_json=as_json)
        matrix = _matrix(
            places or [], _contenders(planners, models, prompts), tools, repeat, budget, execute=execute
        )
        return _evaluated(store, matrix, places or [], csv, as_json=as_json)


def _contenders(
    planners: list[str] | None, models: list[str] | None, prompts: list[str] | None
) -> list[Contender]:
    """Every combination: models for the planner llm and those of plugins, prompts for llm alone."""
    from console.commands.ordering import must_be_known
    from console.evaluation.matrix import FREE
    from console.evaluation.trial import Contender
    from console.model_file import absolute
    from console.settings import load_settings

    chosen = list(dict.fromkeys(planners or ["llm" if models or prompts else "offline"]))
    for planner in chosen:
        must_be_known(planner)
        if planner == "auto":
            raise UsageError("auto is a choice between planners", todo="Name those that are to be compared")
    if prompts and "llm" not in chosen:
        raise UsageError("--prompt is for the planner llm", todo="Add --planner llm")
    if models and FREE.issuperset(chosen):
        raise UsageError("--model is for planners that ask a model", todo="Add --planner llm")
    found: list[Contender] = []
    for planner in chosen:
        asks_llm = planner == "llm"
        of_it = [""] if planner in FREE else models or [load_settings().model if asks_llm else ""]
        if asks_llm and not of_it[0]:
            raise UsageError("the planner llm needs a model", todo="Name one with --model")
        found += [
            Contender(planner, absolute(model, Path.cwd()), _prompt(prompt))
            for model in of_it
            for prompt in (prompts if asks_llm and prompts else [""])
        ]
    found = list(dict.fromkeys(found))
    labels = [one.label for one in found]
    if twice := next((label for label in labels if labels.count(label) > 1), ""):
        raise UsageError(f"two contenders would be named {twice!r}", todo="Rename one of the files")
    return found


def _prompt(name: str) -> str:
    from console.homes import from_home

    is_file = "/" in name or name.endswith(".md")
    return str(from_home(name).absolute()) if is_file else name


def _matrix(
    places: list[str],
    contenders: list[Contender],
    tools: list[str] | None,
    repeat: int,
    budget: float | None,
    *,
    execute: bool,
) -> Matrix:
    from console.commands.ordering import tool_files
    from console.evaluation.cases import cases
    from console.evaluation.matrix import Matrix
    from console.service.client import who_am_i

    matrix = Matrix(
        cases(places, tool_files(tools)), tuple(contenders), repeat, budget, execute=execute, by=who_am_i()
    )
    matrix.check()
    return matrix


def _evaluated(store: Store, matrix: Matrix, places: list[str], csv: Path | None, *, as_json: bool) -> int:
    from importlib.metadata import version

    import anyio

    options: dict[str, Any] = {
        "contenders": [one.label for one in matrix.contenders],
        "repeats": matrix.repeats,
        "budget": matrix.budget,
        "execute": matrix.execute,
    }
    name = store.begin(time.time(), matrix.by, version("plandeck"), places, options)
    total = len(matrix.cases) * len(matrix.contenders) * matrix.repeats

    async def work() -> None:
        done = 0
        async for trial in matrix.trials():
            store.add(name, trial)
            done += 1
            if not as_json:
                _tell(trial, done, total)

    stopped: PlandeckError | None = None
    try:
        anyio.run(work)
    except PlandeckError as error:
        stopped = error
    except KeyboardInterrupt:
        stopped = UsageError("interrupted", kept=f"the trials so far are kept as evaluation {name}")
        stopped.exit_code = 130
    code = _report(name, store.trials(name), csv, as_json=as_json)
    if stopped is not None:
        raise stopped
    return code


def _tell(trial: Trial, done: int, total: int) -> None:
    from console.evaluation.report import tasks
    from console.text import one_line

    _, (task, contender, said) = tasks([trial])
    say(one_line(f"{done}/{total} {task} · {contender} · {said}", 400))


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────


def _list(store: Store, *, as_json: bool) -> int:
    from datetime import UTC, datetime

    rows = [("id", "at", "trials", "tasks", "contenders")]
    facts = []
    for one in store.all():
        at = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M")
        rows.append((one.id, at, str(one.trials), " ".join(one.places), ", ".join(one.options["contenders"])))
        facts.append(
            {"id": one.id, "at": one.at, "by": one.by, "version": one.version, "places": list(one.places),
             "trials": one.trials, "options": dict(one.options)}
        )  # fmt: skip
    if as_json:
        emit(facts)
    else:
        table(rows) if facts else say("no evaluation is kept")
    return 0


def _report(name: str, trials: tuple[Trial, ...], csv: Path | None, *, as_json: bool) -> int:
    from console.evaluation import report

    if csv is not None:
        try:
            csv.write_text(report.as_csv(trials), encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write this file: {error.strerror}",
                where=str(csv),
                kept=f"the trials are kept as evaluation {name}",
                todo=f"Write them with: plandeck eval --show {name} --csv FILE",
            ) from None
    if as_json:
        emit(report.as_json(name, trials))
    else:
        say(f"evaluation {name}: {len(trials)} trials")
        table(report.contenders(trials))
        for one, other, found in report.pairs(trials):
            say()
            say(f"{one} against {other}")
            table(report.comparison(found))
    return 0 if all(trial.score.valid for trial in trials) else 1


def _compare(store: Store, first: str, second: str, *, as_json: bool) -> int:
    """Contenders of the same name against each other; of two evaluations with one each, those two."""
    from console.evaluation import report
    from console.evaluation.compare import by_contender, compare

    one, other = (by_contender(store.trials(store.find(name).id)) for name in (first, second))
    if len(one) == len(other) == 1:
        named = [(next(iter(one)), next(iter(other)))]
    else:
        named = [(label, label) for label in one if label in other]
    if not named:
        raise UsageError("the two evaluations have no contender in common", where=f"{first} {second}")
    found = [(left, right, compare(one[left], other[right])) for left, right in named]
    if as_json:
        emit([
            {"contender": right, "against": left, "measures": report.compared_json(c)}
            for left, right, c in found
        ])  # fmt: skip
        return 0
    for left, right, comparisons in found:
        say(f"{right} ({second}) against {left} ({first})")
        table(report.comparison(comparisons)) if comparisons else say("no task in common")
    return 0

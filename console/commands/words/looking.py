"""Words that tell how the run stands: its plan, its steps, what failed, what a revision would change."""

from __future__ import annotations

import time
from typing import Any

from anyio import to_thread

from console.commands.cards import part_lines, step_lines
from console.commands.common import say
from console.commands.words.foresight import insight_of, what_if_lines
from console.commands.words.word import Desk, found, plan_of
from console.errors import ControlRefused
from console.lines import name_of
from console.plan.graph import Graph
from console.plan.hunks import Hunk, parts
from console.plan.model import StepId
from console.run.control import spool
from console.run.life import UNSETTLED, StepStatus
from console.run.results import resolved_params
from console.run.state import RunState
from console.text import clean, one_line
from console.tui.when import short_time

EVENTS = 20
"""Facts that `events` tells again where no number is given."""

TAIL = 64_000
"""Bytes of a step's output that are looked at."""


async def again(desk: Desk, _: str) -> None:
    if desk.question is None:
        raise ControlRefused("no question is open")
    for line in desk.question.lines():
        say(line)


async def plan(desk: Desk, _: str) -> None:
    state = desk.state
    say(f"run {state.run}: {_words(state.status)}, revision {state.revision}")
    for leaf in state.plan.leaves() if state.plan else ():
        life = state.steps[leaf.id]
        why = f": {one_line(life.reason, 200)}" if life.reason else ""
        out = "" if leaf.enabled else ", left out"
        say(f"  {name_of(leaf.id, state)}: {_words(life.status)}{out}{why}")
    for request in state.requests.values():
        say(f"  waits for an answer: {request.scope.replace('_', ' ')} {request.step}".rstrip())
    if (insight := await insight_of(state)) is not None:
        no_return = f" · point of no return: step {insight.no_return}" if insight.no_return else ""
        say(f"  {insight.blast.replace(' (w)', '')}{no_return}")
        for line in await to_thread.run_sync(what_if_lines, state):
            say(f"  {line}")


async def step(desk: Desk, rest: str) -> None:
    _tell(desk, found(desk.state, rest))


def _tell(desk: Desk, name: StepId) -> None:
    """All of one step, as far as possible as it is carried out."""
    state = desk.state
    life, written = state.step(name), state.find(name)
    params = resolved_params(written, state, desk.session.directory)
    shown = written if params is None else written.model_copy(update={"params": params})
    for line in step_lines(shown, state, final=params is not None):
        say(line)
    say(f"    it is {_words(life.status)}{f': {clean(life.reason)}' if life.reason else ''}")
    for attempt in life.attempts:
        code = "" if attempt.exit_code is None else f", exit code {attempt.exit_code}"
        host = f", on {attempt.host}" if attempt.host else ""
        say(f"    attempt {attempt.number}: {attempt.outcome or 'running'}{code}{host}")
        for line in clean(attempt.tail).splitlines():
            say(f"      stderr: {line}")


async def output(desk: Desk, rest: str) -> None:
    name, _, wanted = rest.partition(" ")
    attempt = desk.state.step(found(desk.state, name)).attempt
    if attempt is None:
        raise ControlRefused("it has put out nothing: it has not started", where=f"step {name}")
    folder = spool(desk.session.directory, attempt.key)
    for file, label in (("out", ""), ("err", "stderr: ")):
        text = clean(await to_thread.run_sync(_tail, folder / file, TAIL if wanted else TAIL // 16))
        for line in text.splitlines():
            if wanted.strip().casefold() in line.casefold():
                say(f"  {label}{line}")


async def failures(desk: Desk, _: str) -> None:
    state = desk.state
    if state.error:
        say(f"  the planner gave up: {clean(state.error)}")
    lives = dict(state.steps) | (state.rollback.steps if state.rollback else {})
    wrong = [s for s, life in lives.items() if life.status in UNSETTLED | {StepStatus.UNDO_FAILED}]
    for name in wrong:
        _tell(desk, name)
        if waiting := _waiting(state, name):
            say(f"    {', '.join(waiting)} wait for it")
    if not wrong and not state.error:
        say("nothing has failed")


async def diff(desk: Desk, _: str) -> None:
    state = desk.state
    parts_of(state)
    assert state.proposal is not None, "it has parts"
    if state.proposal.reason:
        say(f"because: {clean(state.proposal.reason)}")
    for line in part_lines(state):
        say(line)


async def timeline(desk: Desk, _: str) -> None:
    state = desk.state
    shown, insight = plan_of(state), await insight_of(state)
    for leaf in shown.leaves():
        attempt, known = state.steps[leaf.id].attempt, insight.durations.get(leaf.id) if insight else None
        facts = [_words(state.steps[leaf.id].status)]
        if attempt is not None and attempt.started:
            facts.append(f"from {time.strftime('%H:%M:%S', time.localtime(attempt.started))}")
            facts.append(f"{short_time((attempt.ended or time.time()) - attempt.started)} long")
        facts += [f"expected {short_time(known)}"] if known else []
        facts += ["critical"] if insight and leaf.id in insight.critical else []
        say(f"  {name_of(leaf.id, state)}: {', '.join(facts)}")
    if insight and insight.estimate:
        say(f"  all of it may take {short_time(insight.estimate)}")


async def events(desk: Desk, number: str) -> None:
    if number and not number.isdecimal():
        raise ControlRefused(f"{one_line(number, 40)!r} is no number")
    for line in list(desk.lines)[-int(number or EVENTS) :]:
        say(line)


def parts_of(state: RunState) -> tuple[Hunk, ...]:
    """The parts of the revision that waits, as `diff` numbers them. Raises `ControlRefused` for none."""
    if state.proposal is None or state.plan is None:
        raise ControlRefused("no revision waits for an answer")
    return parts(state.plan, state.proposal.plan)


def _waiting(state: RunState, step: StepId) -> list[StepId]:
    try:
        below = Graph.of(plan_of(state)).descendants(step)
    except (ControlRefused, KeyError, ValueError):
        return []
    return [leaf.id for leaf in plan_of(state).leaves() if leaf.id in below]


def _words(status: str) -> str:
    return str(status).replace("_", " ")


def _tail(file: Any, size: int) -> str:
    try:
        with file.open("rb") as source:
            source.seek(0, 2)
            source.seek(max(0, source.tell() - size))
            return str(source.read().decode("utf-8", "replace"))
    except FileNotFoundError:
        return ""

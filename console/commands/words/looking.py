"""Words that tell how the run stands: its plan, its steps, what failed, what a revision would change."""

from __future__ import annotations

import time
from typing import Any

from anyio import to_thread

from console.commands import prompts
from console.commands.common import say
from console.commands.words.foresight import insight_of, what_if_lines
from console.commands.words.word import Desk, Word, found, plan_of
from console.errors import ControlRefused
from console.lines import name_of
from console.plan.diff import diff
from console.plan.graph import Graph
from console.plan.hunks import Hunk, hunks
from console.plan.model import StepId
from console.run.control import spool
from console.run.life import UNSETTLED, StepStatus
from console.run.state import RunState
from console.text import clean, one_line
from console.tui.when import short_time

EVENTS = 20
"""Facts that `events` tells again where no number is given."""

TAIL = 64_000
"""Bytes of a step's output that are looked at."""


class Looking:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def words(self) -> list[Word]:
        return [
            Word(
                "plan", "", "every step and how it stands, and how far the plan reaches", self._plan, "plan"
            ),
            Word(
                "step",
                "STEP",
                "all of one step: what it runs, what undoes it, how it went",
                self._step,
                "open",
            ),
            Word(
                "output",
                "STEP [WORDS]",
                "the end of what a step put out, or its lines with these words",
                self._output,
                "output search",
            ),
            Word("failures", "", "what went wrong, and what waits for it", self._failures, "failures"),
            Word("diff", "", "the proposed revision, part by part", self._diff, "diff"),
            Word(
                "timeline",
                "",
                "when each step ran, and how long the rest may take",
                self._timeline,
                "timeline",
            ),
            Word("events", "[NUMBER]", "the newest facts again", self._events, "events"),
        ]

    async def _plan(self, _: str) -> None:
        state = self.desk.state
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

    async def _step(self, step: str) -> None:
        self._tell(found(self.desk.state, step))

    def _tell(self, step: StepId) -> None:
        state = self.desk.state
        life, written = state.step(step), state.find(step)
        say(prompts.step_line(written, state))
        say(f"  it is {_words(life.status)}{f': {clean(life.reason)}' if life.reason else ''}")
        for attempt in life.attempts:
            code = "" if attempt.exit_code is None else f", exit code {attempt.exit_code}"
            host = f", on {attempt.host}" if attempt.host else ""
            say(f"  attempt {attempt.number}: {attempt.outcome or 'running'}{code}{host}")
            for line in clean(attempt.tail).splitlines():
                say(f"    stderr: {line}")

    async def _output(self, rest: str) -> None:
        step, _, wanted = rest.partition(" ")
        attempt = self.desk.state.step(found(self.desk.state, step)).attempt
        if attempt is None:
            raise ControlRefused("it has put out nothing: it has not started", where=f"step {step}")
        folder = spool(self.desk.session.directory, attempt.key)
        for name, label in (("out", ""), ("err", "stderr: ")):
            text = clean(await to_thread.run_sync(_tail, folder / name, TAIL if wanted else TAIL // 16))
            for line in text.splitlines():
                if wanted.strip().casefold() in line.casefold():
                    say(f"  {label}{line}")

    async def _failures(self, _: str) -> None:
        state = self.desk.state
        if state.error:
            say(f"  the planner gave up: {clean(state.error)}")
        lives = dict(state.steps) | (state.rollback.steps if state.rollback else {})
        wrong = [s for s, life in lives.items() if life.status in UNSETTLED | {StepStatus.UNDO_FAILED}]
        for step in wrong:
            self._tell(step)
            if waiting := _waiting(state, step):
                say(f"  {', '.join(waiting)} wait for it")
        if not wrong and not state.error:
            say("nothing has failed")

    async def _diff(self, _: str) -> None:
        state = self.desk.state
        parts = parts_of(state)
        assert state.proposal is not None
        if state.proposal.reason:
            say(f"because: {clean(state.proposal.reason)}")
        for line in prompts.changes_of(plan_of(state), state.proposal.plan, state):
            say(line)
        named = ", ".join(f"{number} {part.kind} {part.id}" for number, part in enumerate(parts, 1))
        say(f"  its parts: {named}")

    async def _timeline(self, _: str) -> None:
        state = self.desk.state
        plan, insight = plan_of(state), await insight_of(state)
        for leaf in plan.leaves():
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

    async def _events(self, number: str) -> None:
        if number and not number.isdecimal():
            raise ControlRefused(f"{one_line(number, 40)!r} is no number")
        for line in list(self.desk.lines)[-int(number or EVENTS) :]:
            say(line)


def parts_of(state: RunState) -> tuple[Hunk, ...]:
    """The parts of the revision that waits, as `diff` numbers them. Raises `ControlRefused` for none."""
    if state.proposal is None or state.plan is None:
        raise ControlRefused("no revision waits for an answer")
    return hunks(diff(state.plan, state.proposal.plan))


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

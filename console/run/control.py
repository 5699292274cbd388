"""What an operator may wish of a run, and the two interfaces a front end sees.

A wish is a frozen value; a run answers it with nothing (granted: the events tell the rest), with a
value (a preview), or by raising `ControlRefused` with the reason. Wishes are all a front end can
say; `Session` is all it can see. The same two serve a run in this process, one behind a socket, and
(without wishes) a replay.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from console.plan.model import Plan, StepId
from console.run.events import Record
from console.run.named import Named


class Wish(Named):
    """Base of all wishes."""

    kinds: ClassVar[dict[str, type[Wish]]] = {}


class Approve(Wish):
    """Yes to the request `request`. `hash` is what was shown; `steps` maps each destructive step
    that was confirmed to its hash; `answer` is one of the request's options where it has some. `signature`
    is an SSH signature of all that (service/signature.py), where the person has signed it."""

    request: str
    hash: str
    steps: dict[StepId, str] = {}
    answer: str = ""
    how: str = "key"
    signature: str = ""


class Countersign(Approve):
    """Yes to what another person has approved already and two must: who looks on may say it too."""


class Deny(Wish):
    """No to the request `request`."""

    request: str
    reason: str = ""


class ChangePlan(Wish):
    """Take `plan` as the new plan, in place of revision `revision`."""

    plan: Plan
    revision: int
    summary: str


class Propose(Wish):
    """Have `plan` wait for an answer in place of the proposed revision whose hash is `instead`."""

    plan: Plan
    instead: str


class Pause(Wish):
    """Start no new steps; running ones go on."""


class Continue(Wish):
    """Start steps again."""


class Stop(Wish):
    """End the run here: running steps are cancelled, nothing is undone."""

    reason: str = ""


class Hold(Wish):
    step: StepId
    reason: str = ""


class Release(Wish):
    step: StepId


class Cancel(Wish):
    """End the running attempt of a step: TERM, grace, KILL."""

    step: StepId


class Retry(Wish):
    """A new attempt of a failed, cancelled or undone step."""

    step: StepId


class Skip(Wish):
    """Leave a step out; what waits for it waits for what it would have waited for."""

    step: StepId
    reason: str = ""


class MarkDone(Wish):
    """Take the operator's word that the step is done; `result` is what references get."""

    step: StepId
    result: Any = None


class Rule(Wish):
    """The operator's word on a step in doubt."""

    step: StepId
    verdict: Literal["done", "failed", "run_again"]
    result: Any = None


class Probe(Wish):
    """Run the probe of the step's tool."""

    step: StepId


class Replan(Wish):
    """Have the planner revise the rest, following `words`; where no plan came out, plan once more."""

    words: str = ""


class CallOff(Wish):
    """End the planning that is under way. A plan can be written by hand then, the plan that there is be
    carried out, or the planner be asked anew."""


class ExpandPhase(Wish):
    """Have the planner plan a phase that is not expanded yet."""

    phase: StepId


class PreviewRollback(Wish):
    """Answered with `{"rollback": RollbackPlan, "hash": str}`; changes nothing."""

    back_to: StepId | None = None


class RollBack(Wish):
    """Run the rollback that was previewed; `hash` is the preview's. `back_to` keeps that step and
    everything that started before it. `ties` overrides which steps a plan-level item undoes."""

    hash: str
    back_to: StepId | None = None
    ties: dict[StepId, tuple[StepId, ...]] = {}


class RequestRollback(Wish):
    """Ask whoever operates the run to roll it back: all that a guest may wish."""

    reason: str = ""
    back_to: StepId | None = None


class DeclineRollback(Wish):
    """Leave things as they are, though a rollback was asked for."""

    reason: str = ""


class Abandon(Wish):
    """The operator's verdict that the host of a step is gone: the step becomes in doubt."""

    step: StepId


class RunControl(Protocol):
    """The operator's side of a run."""

    async def wish(self, wish: Wish, *, by: str, person: str | None = None) -> Any:
        """Grant `wish`, said by the person `by`. Raises `ControlRefused` and changes nothing when
        the state of the run does not allow it. `person` is who the system says it is, "" where it does
        not; only who listens for others knows it, of a front end in this process it is `None`."""


class Session(Protocol):
    """A front end's view of one run."""

    @property
    def run(self) -> str:
        """The run's id."""

    @property
    def directory(self) -> Path:
        """Where the run keeps its files; step output is at `spool(directory, key)`."""

    @property
    def control(self) -> RunControl | None:
        """The operator's side, or `None` where nothing can be wished (a replay, a finished run)."""

    def records(self, after: int = 0) -> AsyncGenerator[Record]:
        """Every record with a number above `after`: what is written already, then what comes, until
        the run ends and its engine is gone. Close it (`contextlib.aclosing`) when leaving early."""


def spool(directory: Path, key: str) -> Path:
    """The directory of an attempt's files under a run's directory: `out`, `err`, `claim`, `exit`.

    `key` is `run/step/attempt`.
    """
    _, step, attempt = key.split("/")
    return directory / f"steps/{step}.{attempt}"

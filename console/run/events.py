"""Every fact of a run: frozen, in the past tense, the only thing that is ever written down.

What is not in here did not happen. Nothing in an event is a future, a callback or a widget; what
a screen shows and what a resumed engine knows is `RunState`, the fold over these (run/state.py).
Step output is never in an event: it stays in the attempt's spool files.

Events are grouped below as the run goes: its life, its plan, asking, steps, replanning, rolling
back. `kind(event)` is the name used in JSON ("step_succeeded").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from console.catalog.spec import Catalog
from console.errors import Fault
from console.plan.model import Params, Plan, Step, StepId
from console.run.named import Named


class Event(Named):
    """Base of all events."""

    kinds: ClassVar[dict[str, type[Event]]] = {}


class Record(NamedTuple):
    """An event as the journal holds it: numbered from 1, stamped (`at`: seconds since the epoch,
    UTC), and chained (`hash` covers the record before it). `body` is the event as the JSON that stands
    there, "" for a record that is in no journal."""

    seq: int
    at: float
    event: Event
    hash: str = ""
    body: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record as one flat JSON object: seq, time (`at`), event (its kind), head (the record's own
        hash), then the event's fields. No event has a field of these four names."""
        fields = self.event.model_dump(mode="json", by_alias=True, exclude_defaults=False)
        return {"seq": self.seq, "time": self.at, "event": self.event.kind, "head": self.hash, **fields}


# ── the run ──────────────────────────────────────────────────────────────────────────────────────


class RunCreated(Event):
    """A run came into being. `task` is the task document as it was given, inputs filled in."""

    run: str
    goal: str
    task: dict[str, Any] = {}
    workspace: str
    version: str
    by: str
    facts: tuple[str, ...] = ()
    limits: dict[str, float] = {}


class CatalogLoaded(Event):
    """The tools this run may use, resolved, as they are hashed."""

    catalog: Catalog


class PolicyLoaded(Event):
    """The operator's policy files this run is held to; `hash` covers them all. An approval that was given
    under others counts no more."""

    hash: str
    files: tuple[str, ...] = ()
    rules: int = 0


class EngineStarted(Event):
    """A process took hold of the run; `boot` tells one boot of `host` from another."""

    pid: int
    host: str
    boot: str
    version: str


class EngineStopped(Event):
    """The process let go of the run in good order; steps that were running go on."""

    reason: str


class RunStarted(Event):
    """Execution began."""


class RunPaused(Event):
    """No new step starts until `RunContinued`."""

    by: str
    reason: str = ""


class RunContinued(Event):
    """New steps may start again."""

    by: str


class EndChosen(Event):
    """Somebody chose that the run ends here, or is rolled back (to `back_to`, with `ties` of their own): what
    still runs is cancelled first."""

    end: Literal["stop", "rollback"]
    by: str
    reason: str = ""
    back_to: StepId | None = None
    ties: dict[StepId, tuple[StepId, ...]] = {}


class RunReopened(Event):
    """A run that had ended was taken up again, to go on or to be rolled back."""

    by: str


Outcome = Literal["succeeded", "failed", "rejected", "stopped", "rolled_back", "rollback_incomplete"]


class RunFinished(Event):
    """The end. `exit_code` is the command's; `unmet` lists expected outcomes that do not hold."""

    outcome: Outcome
    exit_code: int
    reason: str = ""
    unmet: tuple[str, ...] = ()


class Warned(Event):
    """Something the operator should know that changes nothing."""

    message: str
    step: StepId = ""


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────


class ModelCall(BaseModel):
    """One call of a model. `at` is its start (seconds since the epoch), `form` how the reply was shaped,
    `finish` the provider's word for why it ended, `error` the kind of failure, `cost` US dollars."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    at: float
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    form: str = ""
    finish: str = ""
    error: str = ""


class PlanningStarted(Event):
    """A planner went to work."""

    planner: str
    model: str = ""
    prompt: str = ""


class PlanningProgressed(Event):
    """What the planner is doing. `tokens` and `cost` (US dollars) are what this planning has taken so far.
    One that is `passing` is overtaken by the next. `reply` is one that went back to the model."""

    message: str
    tokens: int = 0
    cost: float = 0.0
    passing: bool = False
    reply: str = ""


class PlanDrafted(Event):
    """A complete plan. `origin` says where parts came from; `repairs` what was mended in the reply.
    `tokens`, `cost` (US dollars) and `seconds` are what asking took."""

    revision: int
    plan: Plan
    plan_hash: str
    planner: str
    reason: str = ""
    model: str = ""
    prompt: str = ""
    reply: str = ""
    repairs: tuple[str, ...] = ()
    origin: dict[str, str] = {}
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: tuple[ModelCall, ...] = ()


class PlanningFailed(Event):
    """No plan came out. A plan may still be written by hand: `draft` is what could be read of the reply,
    as YAML, and `faults` what is wrong with it, at its lines."""

    planner: str
    error: str
    reply: str = ""
    model: str = ""
    prompt: str = ""
    draft: str = ""
    faults: tuple[Fault, ...] = ()
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: tuple[ModelCall, ...] = ()


class PlanEdited(Event):
    """The operator changed the plan. `voided` steps have to be approved again (run/renewal.py)."""

    revision: int
    plan: Plan
    plan_hash: str
    summary: str
    by: str
    voided: tuple[StepId, ...] = ()


# ── asking ───────────────────────────────────────────────────────────────────────────────────────

Scope = Literal[
    "plan", "step", "gate", "revision", "rollback", "compensation", "decision", "in_doubt", "tool"
]


class ApprovalRequested(Event):
    """The run waits for a person. `hash` is what an answer must name; `step` what it is about.

    Scopes: `plan` the whole plan, `step` one destructive step in its resolved form, `gate` a
    checkpoint, `revision` a proposed revision, `rollback` the rollback as planned, `compensation`
    one item of it that is destructive and tied to nothing, `decision` what to do about a failed
    step, `in_doubt` what became of a step, `tool` a step whose tool is not defined as it was approved.
    `persons` is how many must say yes.
    """

    request: str
    scope: Scope
    hash: str
    step: StepId = ""
    question: str = ""
    options: tuple[str, ...] = ()
    persons: int = 1


class Countersigned(Event):
    """One person said yes to what needs two (`persons`); nothing goes on before another has. `person` is who
    the system says it is, `by` what they call themselves. A yes that was signed keeps its `signature`."""

    request: str
    scope: Scope
    hash: str
    by: str
    person: str
    how: str
    step: StepId = ""
    persons: int = 2
    signature: str = ""


class Approved(Event):
    """A person said yes. `steps` maps destructive steps that were confirmed to their own hashes. `persons`
    are those who said it, as the system knows them, where the policy asks for two, `signature` the second
    one's, where it was signed."""

    request: str
    scope: Scope
    hash: str
    by: str
    how: str
    step: StepId = ""
    steps: dict[StepId, str] = {}
    answer: str = ""
    persons: tuple[str, ...] = ()
    signature: str = ""


class Denied(Event):
    """A person said no."""

    request: str
    scope: Scope
    by: str
    step: StepId = ""
    reason: str = ""


class RequestWithdrawn(Event):
    """The question fell away: what it was about changed or was settled otherwise."""

    request: str
    reason: str = ""


# ── steps (of the plan, and of a rollback) ───────────────────────────────────────────────────────


class StepEvent(Event):
    """Base of what happens to one step; a rollback's items are steps with ids of their own."""

    step: StepId


class StepHeld(StepEvent):
    by: str = ""
    reason: str = ""


class StepReleased(StepEvent):
    by: str = ""


class StepIntended(StepEvent):
    """An attempt is about to start. Durable before it does. `command` is what will be carried
    out, resolved, secrets by name; `hash` the step's hash as it was approved."""

    attempt: int
    key: str
    command: tuple[str, ...] = ()
    params: Params = {}
    hash: str = ""
    host: str = ""


class StepStarted(StepEvent):
    attempt: int
    pid: int = 0
    host: str = ""
    started: float = 0.0


class StepSucceeded(StepEvent):
    """`size` is the result's length in bytes, `preview` its beginning made safe to show."""

    attempt: int
    exit_code: int | None = None
    duration: float = 0.0
    size: int = 0
    preview: str = ""


class StepFailed(StepEvent):
    """`error` says what happened; `tail` is the end of the error output, made safe. A step that
    was `never_started` had no effect. `changed` is how its tool is defined now, as its server tells it,
    where the call was refused because the definition is not the one that was approved."""

    attempt: int
    error: str
    exit_code: int | None = None
    duration: float = 0.0
    tail: str = ""
    timed_out: bool = False
    never_started: bool = False
    changed: dict[str, Any] | None = None


class StepRetryScheduled(StepEvent):
    """The next attempt starts at `at` (seconds since the epoch)."""

    attempt: int
    at: float


class StepCancelled(StepEvent):
    attempt: int
    by: str = ""
    reason: str = ""


class StepSkipped(StepEvent):
    """The run goes on without it: the operator says so, or (`gone_round`) a revision does after it
    failed."""

    by: str = ""
    reason: str = ""
    gone_round: bool = False


class StepInDoubt(StepEvent):
    """Nobody knows whether the attempt had its effect; it is never silently run again."""

    attempt: int
    reason: str


class StepMarkedDone(StepEvent):
    """The operator's word: done, with this result."""

    by: str
    result: Any = None


class StepMarkedFailed(StepEvent):
    """The operator's word about a step in doubt: it did not do its work."""

    by: str
    reason: str = ""


class AgentThought(StepEvent):
    """One turn of an agent: what its model thinks, and what it does then. It calls a tool (`call`, a step of
    its own below this one), or it is finished with this result, or its reply could not be followed
    (`error`) and it is told so. `seconds` is how long the model took."""

    attempt: int
    turn: int
    thought: str = ""
    call: Step | None = None
    finish: str | None = None
    error: str = ""
    model: str = ""
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0


class StepProbed(StepEvent):
    """The tool's probe looked whether the effect is there: done, not done, or unknown."""

    verdict: Literal["done", "not_done", "unknown"]
    detail: str = ""


# ── replanning ───────────────────────────────────────────────────────────────────────────────────


class ReplanStarted(Event):
    """The planner was asked to revise the rest: after a failure of `step`, in the operator's words, or to
    plan the steps of `phase`."""

    planner: str
    step: StepId = ""
    words: str = ""
    phase: StepId = ""
    number: int = 1
    model: str = ""
    prompt: str = ""


class RevisionProposed(Event):
    """A revision that waits for the operator. `hash` is the proposed plan's; one that `falls_back`
    gives the goal up; one that `mends` puts in what the checker misses in the plan. `changed_by` names
    who took parts of it out, or wrote them anew."""

    plan: Plan
    hash: str
    reason: str
    planner: str
    model: str = ""
    prompt: str = ""
    reply: str = ""
    repairs: tuple[str, ...] = ()
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: tuple[ModelCall, ...] = ()
    falls_back: bool = False
    mends: bool = False
    changed_by: str = ""


class RevisionAccepted(Event):
    revision: int
    plan: Plan
    plan_hash: str
    by: str
    how: str
    voided: tuple[StepId, ...] = ()
    falls_back: bool = False


class RevisionRejected(Event):
    by: str
    reason: str = ""


class ReplanFailed(Event):
    """No revision came out; the fields are those of `PlanningFailed`."""

    error: str
    reply: str = ""
    model: str = ""
    prompt: str = ""
    draft: str = ""
    faults: tuple[Fault, ...] = ()
    tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0
    calls: tuple[ModelCall, ...] = ()


# ── rolling back ─────────────────────────────────────────────────────────────────────────────────

ItemFate = Literal["planned", "refused", "left_out"]


class RollbackItem(BaseModel):
    """One compensation of a rollback.

    `step` is the item as a step that can run (its id is the item's own); `undoes` the steps it
    makes undone; `tie` says how that is known; `fate` whether it runs, with `why`. `ask` items
    are destructive and tied to nothing: each asks by itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Step
    undoes: tuple[StepId, ...] = ()
    tie: str = ""
    fate: ItemFate = "planned"
    why: str = ""
    ask: bool = False


class RollbackPlan(BaseModel):
    """What a rollback would do, in order. `uncovered` are steps that may have had an effect and
    that nothing compensates; `irreversible` those among them whose tool is destructive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: tuple[RollbackItem, ...] = ()
    back_to: StepId | None = None
    uncovered: tuple[StepId, ...] = ()
    irreversible: tuple[StepId, ...] = ()


class RollbackRequested(Event):
    """Somebody who may not roll back asks the operator to. Nothing is undone by it."""

    by: str
    reason: str = ""
    back_to: StepId = ""


class RollbackDeclined(Event):
    """The operator has seen what was asked for and leaves things as they are."""

    by: str
    reason: str = ""


class RollbackStarted(Event):
    rollback: RollbackPlan
    hash: str
    by: str


class RollbackFinished(Event):
    """`not_undone` names, with reasons, every effect that may still be there."""

    complete: bool
    undone: tuple[StepId, ...] = ()
    not_undone: dict[StepId, str] = {}
    irreversible: tuple[StepId, ...] = ()


# ── from the journal ─────────────────────────────────────────────────────────────────────────────

_DECODERS: Mapping[str, Callable[[str | bytes], Any]] = {
    kind: event.__pydantic_validator__.validate_json for kind, event in Event.kinds.items()
}


def decode(kind: str, body: str | bytes) -> Event:
    """The event of this kind from its JSON body; `KeyError` for a kind this version does not know,
    `pydantic.ValidationError` for a body that is not one."""
    event: Event = _DECODERS[kind](body)
    return event

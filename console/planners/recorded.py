"""The planner that replays stored replies: for demos, session scripts and tests.

A recording is a YAML (or JSON) list, used from top to bottom:

    - plan: Deploy v2.3.1 safely      # answers `plan`; the goal it was recorded for, or ""
      reply: {steps: [...]}           # a plan document, or the text of one
      model: some-model               # what follows is optional
      prompt: plan-v1 (1)
      tokens: 812
      cost: 0.004
      seconds: 3.2
      repairs: [a comma was put in]
      said: '```json ...'             # what the model said; only to be looked at
    - replan: 7                       # answers `replan`; the step that failed, or ""
      reply: '{"steps": [...]}'

    - agent: inspect                # a turn of the agent of this step, in their order
      reply: {thought: ..., action: disk_usage, params: {}}

A call that meets the wrong entry, or none, is an error: a recording never answers what it was not
asked. `--record FILE` makes one (recorder.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from console.catalog.spec import Catalog
from console.errors import BadReply, Fault, InvalidDocument, InvalidPlan, PlannerError
from console.plan import strict
from console.plan.codec import MAX_STEPS, dump_yaml, from_document, load
from console.plan.model import Plan
from console.planners.base import Goal, History, PlanDraft, Progress

Kind = Literal["plan", "replan", "agent"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "model": str,
    "tokens": int,
    "cost": (int, float),
    "reason": str,
    "prompt": str,
    "seconds": (int, float),
    "repairs": list,
    "said": str,
}


class InvalidRecording(InvalidDocument):
    """A file of stored replies that cannot be replayed."""

    noun = "recording"


@dataclass(frozen=True, slots=True)
class Reply:
    """One stored reply and the call it answers. `expects` is the goal's text or the failed step's id;
    "" answers any."""

    kind: Kind
    expects: str
    reply: Any
    model: str = ""
    tokens: int = 0
    cost: float = 0.0
    reason: str = ""
    prompt: str = ""
    seconds: float = 0.0
    repairs: Sequence[str] = ()
    said: str = ""


class RecordedPlanner:
    """Replays `recording`: a file of stored replies, or the replies. Raises `InvalidRecording`."""

    name = "recorded"

    def __init__(self, recording: Path | Sequence[Reply]) -> None:
        replies = read_recording(recording) if isinstance(recording, Path) else recording
        self._replies = tuple(reply for reply in replies if reply.kind != "agent")
        self._file = recording.name if isinstance(recording, Path) else "recording"
        self._next = 0

    @property
    def model(self) -> str:
        """The model that gave the next reply."""
        return self._coming.model if self._coming else ""

    @property
    def prompt(self) -> str:
        """The prompts that the next reply was asked for with."""
        return self._coming.prompt if self._coming else ""

    @property
    def _coming(self) -> Reply | None:
        return self._replies[self._next] if self._next < len(self._replies) else None

    @classmethod
    def load(cls, file: Path) -> RecordedPlanner:
        """The planner that replays this file."""
        return cls(file)

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """The next stored plan. Raises `PlannerError` when it is not there, `BadReply` when it is none."""
        return await self._answer("plan", goal.text, progress)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """The next stored revision."""
        return await self._answer("replan", history.failed, progress)

    async def _answer(self, kind: Kind, about: str, progress: Progress) -> PlanDraft:
        number = self._next + 1
        if self._next >= len(self._replies):
            raise PlannerError(
                f"the recording has no {_th(number)} reply: it ends after {len(self._replies)}",
                where=self._file,
                todo="record the session again",
            )
        entry = self._replies[self._next]
        if entry.kind != kind or (entry.expects and entry.expects.casefold() != about.casefold()):
            raise PlannerError(
                f"the {_th(number)} reply answers {_call(entry.kind, entry.expects)}, but was asked for "
                f"{_call(kind, about)}",
                where=self._file,
                todo="record the session again",
            )
        self._next += 1
        await progress(f"replaying the {_th(number)} stored reply")
        plan = _plan_of(entry.reply, self._file, number)
        return PlanDraft(
            plan=plan,
            planner=self.name,
            reason=entry.reason,
            model=entry.model,
            prompt=entry.prompt,
            reply=entry.said or (entry.reply if isinstance(entry.reply, str) else dump_yaml(plan)),
            repairs=tuple(map(str, entry.repairs)),
            tokens=entry.tokens,
            cost=entry.cost,
            seconds=entry.seconds,
        )


def _plan_of(reply: Any, file: str, number: int) -> Plan:
    try:
        return load(reply, max_steps=MAX_STEPS) if isinstance(reply, str) else from_document(reply)
    except InvalidPlan as error:
        raise BadReply(
            f"{file}: the {_th(number)} reply is not a plan: {error.faults[0] if error.faults else error}",
            reply=str(reply),
            todo="record the session again",
        ) from None


def read_recording(file: Path) -> tuple[Reply, ...]:
    """The replies in a file. Raises `InvalidRecording` with every fault."""
    try:
        document = strict.read(file.read_bytes(), file=file.name)
    except OSError as error:
        raise InvalidRecording([Fault(0, "", error.strerror or str(error))], file=str(file)) from None
    faults = [Fault(b.line or document.line_of(b.path or ()), "", b.message) for b in document.blots]
    replies: list[Reply] = []
    if not faults and not isinstance(document.value, list):
        faults.append(Fault(1, "", "it is not a list of replies"))
    for index, entry in enumerate(document.value if not faults else ()):
        wrong = _wrong(entry)
        faults += [Fault(document.line_of((index,)), "", message) for message in wrong]
        if not wrong:
            replies.append(_reply(entry))
    if faults:
        raise InvalidRecording(faults, file=str(file))
    return tuple(replies)


def _wrong(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return ["a reply is a mapping with plan, replan or agent, and reply"]
    wrong = [f"unknown key {key}" for key in entry if key not in {*KINDS, "reply", *_OPTIONAL}]
    if sum(kind in entry for kind in KINDS) != 1:
        wrong.append("it says one of plan, replan and agent")
    if not isinstance(entry.get("reply"), str | dict | list):
        wrong.append("reply is missing: a plan, or the text of one")
    wrong += [
        f"{key} is not a {'text' if kind is str else 'list' if kind is list else 'number'}"
        for key, kind in _OPTIONAL.items()
        if key in entry and (not isinstance(entry[key], kind) or isinstance(entry[key], bool))
    ]
    return wrong


def _reply(entry: dict[str, Any]) -> Reply:
    kind = next(kind for kind in KINDS if kind in entry)
    expects = entry[kind]
    return Reply(
        kind=kind,
        expects="" if expects is None else str(expects),
        reply=entry["reply"],
        **{key: entry[key] for key in _OPTIONAL if key in entry},
    )


def _call(kind: Kind, about: str) -> str:
    if kind == "plan":
        return f'a plan for "{about}"' if about else "a plan"
    if kind == "agent":
        return f"a turn of the agent of step {about}"
    return f"a replan after step {about}" if about else "a replan"


def _th(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
    return f"{number}{ending}"

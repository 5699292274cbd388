"""A run's records -> spans. Pure: the same records give the same spans, live, resumed or exported.

    invoke_agent plandeck                  the run
    ├── plan plandeck, replan plandeck     a planning
    │   └── chat MODEL                     a call of a model
    ├── step 3 ACTION                      a step, from its first attempt to its end
    │   └── execute_tool ACTION            an attempt; an agent's is invoke_agent NAME, with the
    │       ├── chat MODEL                 calls of its model and the steps that it calls below it
    │       └── step 3.1 ACTION
    └── rollback                           its items are steps

Names and attributes are those of OpenTelemetry's conventions for generative AI (status: development), and
`plandeck.*` where they have none. What a person, a model or a program wrote is in a span only when
`content` is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from console.catalog.spec import ToolSpec
from console.plan.model import Step, StepId
from console.run import events as ev
from console.tracing import naming
from console.tracing.span import Moment, Span, Value, dotted, message

FAILED: Mapping[str, str] = {"failed": "run_failed", "rollback_incomplete": "rollback_incomplete"}
"""Outcomes that make a run's span an error, with its type."""


class Spans:
    """The fold. `take` gives the spans that a record ended, `rest` those still open at an end that nobody
    recorded."""

    def __init__(self, *, content: bool = False) -> None:
        self._content = content
        self.trace = ""
        self._run = ""
        self._roots = 0
        self._root: Span | None = None
        self._plan: Span | None = None
        self._rollback: Span | None = None
        self._items: dict[StepId, Step] = {}
        self._actions: dict[StepId, Step] = {}
        self._steps: dict[StepId, Span] = {}
        self._tools: dict[StepId, Span] = {}
        self._failed: dict[StepId, Span] = {}
        self._tools_known: Mapping[str, ToolSpec] = {}
        self._callers: dict[StepId, StepId] = {}
        self._done: list[Span] = []

    def take(self, record: ev.Record) -> list[Span]:
        """The spans that end with this record, children first."""
        event, at = record.event, record.at
        if not isinstance(event, ev.StepEvent | ev.Warned):
            self._settle()
        if isinstance(event, ev.StepEvent):
            self._step(event, at)
        else:
            self._of_the_run(event, at)
        done, self._done = self._done, []
        return done

    def rest(self, at: float) -> list[Span]:
        """Close what is open: the record ends at `at`, without the run's end."""
        self._settle()
        self._close_all(at)
        if self._root is not None:
            self._close(self._root, at)
            self._root = None
        done, self._done = self._done, []
        return done

    # ── opening and closing ──────────────────────────────────────────────────────────────────────

    def _open(self, name: str, what: str, parent: Span | None, at: float, **attributes: Value) -> Span:
        above = parent.id if parent else ""
        span = Span(name, self.trace, naming.span_id(self.trace, what), above, at)
        span.attributes = {"gen_ai.conversation.id": self._run} | dotted(attributes)
        return span

    def _close(self, span: Span, at: float, error: str = "", says: str = "", **attributes: Value) -> None:
        span.end = max(at, span.start)
        span.attributes |= dotted(attributes)
        if error:
            self._fail(span, error, says)
        self._done.append(span)

    def _fail(self, span: Span, error: str, says: str) -> None:
        """An error's type is always told; what it says may quote a result, a reply or a person."""
        span.error, span.says = error, says if self._content else ""
        span.attributes["error.type"] = error

    def _close_all(self, at: float) -> None:
        for spans in (self._tools, self._steps):
            while spans:
                self._close(spans.popitem()[1], at)
        for span in (self._plan, self._rollback):
            if span is not None:
                self._close(span, at)
        self._plan = self._rollback = None

    def _settle(self) -> None:
        """A step that failed and was not tried again in the same breath has ended."""
        while self._failed:
            step, span = self._failed.popitem()
            if self._steps.get(step) is span:
                del self._steps[step]
            self._done.append(span)

    def _moment(self, name: str, at: float, **attributes: Value) -> None:
        if self._root is not None:
            self._root.moments.append(Moment(name, at, dotted(attributes)))

    # ── the run and its plannings ────────────────────────────────────────────────────────────────

    def _of_the_run(self, event: ev.Event, at: float) -> None:
        match event:
            case ev.RunCreated():
                self._run, self.trace = event.run, naming.trace_id(event.run, at)
                self._begin(at, plandeck__version=event.version, plandeck__by=event.by)
                if self._content and self._root:
                    self._root.attributes["gen_ai.input.messages"] = message("user", event.goal)
            case ev.CatalogLoaded():
                self._tools_known = event.catalog.tools
            case ev.RunReopened():
                self._begin(at, plandeck__reopened=True, plandeck__by=event.by)
            case ev.RunFinished():
                self._close_all(at)
                if self._root is not None:
                    error = FAILED.get(event.outcome, "")
                    outcome: dict[str, Value] = {"plandeck__outcome": event.outcome}
                    self._close(
                        self._root, at, error, event.reason, **outcome, plandeck__exit_code=event.exit_code
                    )
                    self._root = None
            case ev.PlanningStarted() | ev.ReplanStarted():
                self._begin_planning(event, at)
            case ev.PlanDrafted() | ev.RevisionProposed() | ev.PlanningFailed() | ev.ReplanFailed():
                self._end_planning(event, at)
            case ev.RollbackStarted():
                self._items = {item.step.id: item.step for item in event.rollback.items}
                self._rollback = self._open(
                    "rollback", f"rollback {at!r}", self._root, at, plandeck__by=event.by
                )
            case ev.RollbackFinished():
                if self._rollback is not None:
                    error = "" if event.complete else "rollback_incomplete"
                    left = tuple(event.not_undone)
                    self._close(self._rollback, at, error, plandeck__not_undone=left)
                    self._rollback = None
            case _:
                self._told(event, at)
        plan = getattr(event, "plan", None)
        if plan is not None and not isinstance(event, ev.RevisionProposed):
            self._actions |= {step.id: step for step in plan.leaves()}

    def _begin(self, at: float, **attributes: Value) -> None:
        self._roots += 1
        parent = None if self._roots == 1 else naming.span_id(self.trace, "run 1")
        root = self._open(
            f"invoke_agent {naming.AGENT}",
            f"run {self._roots}",
            None,
            at,
            gen_ai__operation__name="invoke_agent",
            gen_ai__agent__name=naming.AGENT,
            **attributes,
        )
        root.parent = parent or ""
        self._root = root

    def _begin_planning(self, event: ev.PlanningStarted | ev.ReplanStarted, at: float) -> None:
        word = "replan" if isinstance(event, ev.ReplanStarted) else "plan"
        self._plan = self._open(
            f"{word} {naming.AGENT}",
            f"{word} {at!r}",
            self._root,
            at,
            gen_ai__operation__name="plan",
            gen_ai__agent__name=naming.AGENT,
            plandeck__planner=event.planner,
        )
        if isinstance(event, ev.ReplanStarted):
            self._plan.attributes["plandeck.revision"] = event.number
            if event.step:
                self._plan.attributes["plandeck.step"] = event.step
            if self._content and event.words:
                self._plan.attributes["gen_ai.input.messages"] = message("user", event.words)

    def _end_planning(
        self, event: ev.PlanDrafted | ev.RevisionProposed | ev.PlanningFailed | ev.ReplanFailed, at: float
    ) -> None:
        span, self._plan = self._plan, None
        if span is None:
            return
        for number, call in enumerate(event.calls):
            self._chat(call, f"{span.id} {number}", span)
        if self._content and event.reply:
            span.attributes["gen_ai.output.messages"] = message("assistant", event.reply)
        if isinstance(event, ev.PlanningFailed | ev.ReplanFailed):
            self._close(span, at, "no_plan", event.error)
            return
        span.attributes["plandeck.steps"] = len(event.plan.leaves())
        span.attributes["plandeck.repairs"] = len(event.repairs)
        if event.model:
            span.attributes["gen_ai.request.model"] = naming.short_name(event.model)
            span.attributes["plandeck.cost_usd"] = event.cost
        prompt = getattr(event, "prompt", "")
        if prompt:
            span.attributes["plandeck.prompt"] = prompt
        self._close(span, at)

    def _chat(self, call: ev.ModelCall, what: str, parent: Span) -> None:
        name = naming.short_name(call.model)
        span = self._open(
            f"chat {name}",
            f"chat {what}",
            parent,
            call.at,
            gen_ai__operation__name="chat",
            gen_ai__provider__name=naming.provider_of(call.model),
            gen_ai__request__model=name,
            gen_ai__output__type="json",
            plandeck__tokens=call.tokens_in + call.tokens_out,
            plandeck__cost_usd=call.cost,
            plandeck__form=call.form,
        )
        span.kind = "client"
        if call.tokens_in:
            span.attributes["gen_ai.usage.input_tokens"] = call.tokens_in
            span.attributes["gen_ai.usage.output_tokens"] = call.tokens_out
        if call.finish:
            span.attributes["gen_ai.response.finish_reasons"] = (call.finish,)
        self._close(span, call.at + call.seconds, call.error)

    def _told(self, event: ev.Event, at: float) -> None:
        """Moments of the run: what the operator and the engine did, without what they said."""
        match event:
            case ev.ApprovalRequested() | ev.Approved() | ev.Denied():
                step: dict[str, Value] = {"plandeck__step": event.step} if event.step else {}
                self._moment(event.kind, at, plandeck__scope=event.scope, **step)
            case ev.EngineStarted():
                self._moment(event.kind, at, host__name=event.host, process__pid=event.pid)
            case ev.Warned() if self._content:
                self._moment(event.kind, at, plandeck__message=event.message)
            case ev.PlanningProgressed() | ev.RequestWithdrawn():
                pass
            case _:
                self._moment(event.kind, at)

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _step(self, event: ev.StepEvent, at: float) -> None:
        match event:
            case ev.StepIntended():
                self._intended(event, at)
            case ev.StepStarted():
                tool = self._tools.get(event.step)
                if tool is not None:
                    tool.start = min(event.started or at, at) if event.started >= tool.start else tool.start
                    tool.attributes |= {"host.name": event.host} if event.host else {}
            case ev.AgentThought():
                self._thought(event, at)
            case ev.StepSucceeded():
                self._end_tool(event.step, at, exit_code=event.exit_code, output=event.preview)
                self._end_step(event.step, at)
            case ev.StepFailed():
                error = "timeout" if event.timed_out else _error_of(event)
                self._end_tool(
                    event.step, at, error, event.error, exit_code=event.exit_code, output=event.tail
                )
                self._failed_step(event.step, at, error, event.error)
            case ev.StepRetryScheduled():
                self._failed.pop(event.step, None)
                span = self._steps.get(event.step)
                if span is not None:
                    span.error = span.says = ""
                    span.attributes.pop("error.type", None)
                    span.moments.append(Moment(event.kind, at))
            case ev.StepCancelled() | ev.StepInDoubt():
                error = "cancelled" if isinstance(event, ev.StepCancelled) else "in_doubt"
                self._end_tool(event.step, at, error, event.reason)
                self._end_step(event.step, at, error, event.reason)
            case ev.StepMarkedDone() | ev.StepMarkedFailed() | ev.StepSkipped():
                self._settle()
                self._end_step(event.step, at)
                self._moment(event.kind, at, plandeck__step=event.step)
            case _:
                self._moment(event.kind, at, plandeck__step=event.step)

    def _thought(self, event: ev.AgentThought, at: float) -> None:
        """A turn of an agent: a call of its model, and the step that follows from it."""
        agent = self._tools.get(event.step)
        if event.call is not None:
            self._actions[event.call.id] = event.call
            self._callers[event.call.id] = event.step
        if agent is not None and event.model:
            call = ev.ModelCall(
                model=event.model,
                at=max(at - event.seconds, agent.start),
                seconds=event.seconds,
                tokens_out=event.tokens,
                cost=event.cost,
                error="reply" if event.error else "",
            )
            self._chat(call, f"{agent.id} {event.turn}", agent)

    def _intended(self, event: ev.StepIntended, at: float) -> None:
        self._settle()
        item = event.step in self._items
        step = self._items.get(event.step) or self._actions.get(event.step)
        action = step.action if step else ""
        spec = self._tools_known.get(action)
        above = self._tools.get(self._callers.get(event.step, "")) or self._root
        if event.step not in self._steps:
            self._steps[event.step] = self._open(
                f"step {event.step} {action}".rstrip(),
                f"step {event.key}",
                self._rollback if item and self._rollback else above,
                at,
                plandeck__step=event.step,
            )
        tool = self._open(
            f"execute_tool {action}".rstrip(),
            "",
            self._steps[event.step],
            at,
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=action,
            gen_ai__tool__type="function",
            gen_ai__tool__call__id=event.key,
            plandeck__attempt=event.attempt,
            plandeck__step=event.step,
        )
        tool.id = naming.tool_span(self.trace, event.key)
        if spec is not None:
            tool.attributes["plandeck.risk"] = spec.risk.value
            if spec.agent is not None:
                tool.name = f"invoke_agent {action}"
                tool.attributes |= {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": action}
        if self._content:
            tool.attributes["gen_ai.tool.call.arguments"] = json.dumps(event.params, ensure_ascii=False)
        self._tools[event.step] = tool

    def _end_tool(
        self,
        step: StepId,
        at: float,
        error: str = "",
        says: str = "",
        *,
        exit_code: int | None = None,
        output: str = "",
    ) -> None:
        tool = self._tools.pop(step, None)
        if tool is None:
            return
        if exit_code is not None:
            tool.attributes["process.exit.code"] = exit_code
        if self._content and output:
            tool.attributes["gen_ai.tool.call.result"] = output
        self._close(tool, at, error, says)

    def _end_step(self, step: StepId, at: float, error: str = "", says: str = "") -> None:
        span = self._steps.pop(step, None)
        if span is not None:
            self._close(span, at, error, says)

    def _failed_step(self, step: StepId, at: float, error: str, says: str) -> None:
        span = self._steps.get(step)
        if span is not None:
            span.end = at
            self._fail(span, error, says)
            self._failed[step] = span


def _error_of(event: ev.StepFailed) -> str:
    if event.never_started:
        return "never_started"
    return f"exit_{event.exit_code}" if event.exit_code else "expectation"

"""The planner that asks a model: any that litellm knows, in a worker process of its own.

    goal, tools ── prompt ── model ── Judge ──> good: the draft
                               ^        │
                               └ problems, at most twice, while they become fewer

What the model says is a proposal: read strictly, mended only where that is certain and told, checked
against the catalog, and shown to the operator. A reply that cannot be used raises `UnusableReply` with
every fault at its step, the reply kept.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from console.catalog.spec import Catalog
from console.errors import BadReply, Fault
from console.plan.codec import dump_json
from console.plan.model import Plan
from console.planners import llm_wire as wire
from console.planners import prompting, rendering, retrieval
from console.planners.base import Goal, History, PlanDraft, Progress
from console.planners.judging import Before, Judge, Verdict
from console.planners.llm_call import ModelError, Question, told
from console.planners.llm_link import Line, Link
from console.planners.llm_schema import open_schema, strict_schema
from console.planners.llm_settings import ModelSettings
from console.planners.prompting import Prompt

ROUNDS = 2
"""How often a reply goes back to the model."""


class UnusableReply(BadReply):
    """A model's plan must not run; `faults` are all of them, at their steps."""

    def __init__(self, model: str, verdict: Verdict, rounds: int) -> None:
        self.faults: tuple[Fault, ...] = verdict.faults
        count = len(verdict.problems())
        more = f" (and {count - 1} more)" if count > 1 else ""
        asked = f" after {rounds} questions" if rounds > 1 else ""
        super().__init__(
            f"{model} gave no plan that can be used{asked}: {verdict.problems()[0]}{more}",
            reply=verdict.reply,
            todo="Ask again with other words, choose another model, or write the plan by hand",
        )
        self.kept = "nothing was started"


@dataclass(slots=True)
class _Spent:
    """What a planning has cost so far."""

    tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a model is asked: the messages, the shapes to hold it to, and who judges its replies."""

    messages: tuple[dict[str, str], ...]
    prompt: Prompt
    strict: Mapping[str, object] | None
    loose: Mapping[str, object]
    judge: Judge
    hidden: int
    tools: int


class LlmPlanner:
    """Plans and replans with `model` (a name litellm knows) and a version of the prompts.

    `line` asks the model instead of a worker process of its own, and is left open; `environ` is where
    keys and secrets are found. Raises `UsageError` or `InvalidPrompt` for a prompt that is not there.
    """

    name = "llm"

    def __init__(
        self,
        model: str,
        prompt: str = prompting.FIRST,
        settings: ModelSettings | None = None,
        *,
        line: Line | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._model, self._settings, self._line = model, settings or ModelSettings(), line
        self._prompts = prompting.load(prompt)
        self._environ = dict(os.environ if environ is None else environ)
        self._forms = self._settings.forms
        self._spent = 0.0

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """A complete plan. Raises `ModelError` when no reply came, `UnusableReply` for one that is no
        plan."""
        shown = self._choose(goal, catalog, goal.text)
        values = rendering.goal_values(goal) | rendering.tool_values(shown.tools, shown.left_out)
        topic = self._topic(self._prompts.plan, values, catalog, shown, Judge(goal, catalog))
        return await self._drafted(topic, goal, progress)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """`plan` with its rest revised; steps that have started are as they were. Raises like `plan`."""
        used = [step.action for step in plan.leaves()]
        shown = self._choose(goal, catalog, f"{goal.text} {history.words}", used)
        token = secrets.token_hex(8)
        values = rendering.goal_values(goal) | rendering.tool_values(shown.tools, shown.left_out)
        values |= {
            "plan": dump_json(plan),
            "record": rendering.record_text(plan, history, token),
            "words": history.words or "nothing",
            "number": str(history.number),
            "token": token,
        }
        judge = Judge(goal, catalog, Before(plan, history))
        topic = self._topic(self._prompts.replan, values, catalog, shown, judge)
        return await self._drafted(topic, goal, progress)

    # ── the question ─────────────────────────────────────────────────────────────────────────────

    def _choose(self, goal: Goal, catalog: Catalog, text: str, keep: Iterable[str] = ()) -> retrieval.Choice:
        wanted = " ".join(word for want in goal.want for word in want.fact)
        sizes = {name: len(rendering.tool_text(tool)) for name, tool in catalog.tools.items()}
        return retrieval.choose(catalog, f"{text} {wanted}", sizes, self._settings.tool_chars, tuple(keep))

    def _topic(
        self,
        prompt: Prompt,
        values: Mapping[str, str],
        catalog: Catalog,
        shown: retrieval.Choice,
        judge: Judge,
    ) -> _Topic:
        clean = rendering.redactor(self._environ, catalog)
        messages = tuple(
            {**message, "content": clean.redact(message["content"])} for message in prompt.messages(values)
        )
        return _Topic(
            messages=messages,
            prompt=prompt,
            strict=strict_schema(shown.tools),
            loose=open_schema(shown.tools),
            judge=judge,
            hidden=len(shown.left_out),
            tools=len(shown.tools),
        )

    async def _drafted(self, topic: _Topic, goal: Goal, progress: Progress) -> PlanDraft:
        hidden = f", {topic.hidden} left out" if topic.hidden else ""
        await progress(f"asking {self._model} for a plan ({topic.tools} tools{hidden})")
        line = self._line or Link(self._environ)
        spent = _Spent()
        try:
            verdict = await self._rounds(
                topic, goal, Question(line, progress, self._settings.patience), spent, progress
            )
        finally:
            if self._line is None:
                line.close()
        assert verdict.plan is not None
        shown = f" {topic.hidden} tools were not shown to the model." if topic.hidden else ""
        return PlanDraft(
            plan=verdict.plan,
            planner=self.name,
            reason=f"{verdict.reason}{shown}".strip(),
            model=self._model,
            prompt=topic.prompt.label,
            reply=verdict.reply,
            repairs=verdict.repairs,
            origin={step.id: self._model for step in verdict.plan.leaves()},
            tokens=spent.tokens,
            cost=spent.cost,
        )

    async def _rounds(
        self, topic: _Topic, goal: Goal, question: Question, spent: _Spent, progress: Progress
    ) -> Verdict:
        """The best verdict of at most three replies. Raises `ModelError` and `UnusableReply`."""
        best: Verdict | None = None
        messages = topic.messages
        for number in range(1 + ROUNDS):
            try:
                reply = await self._reply(topic, messages, goal, question, spent, progress)
            except ModelError:
                if best is None or best.plan is None:
                    raise
                return best
            verdict = topic.judge.verdict(reply)
            grew = best is not None and verdict.weight >= best.weight
            best = verdict if best is None or verdict.weight < best.weight else best
            if verdict.is_good or grew or number == ROUNDS:
                break
            await progress(f"{len(verdict.problems())} things to mend go back to {self._model}")
            messages = self._mended(topic, verdict)
        assert best is not None
        if best.plan is None:
            raise UnusableReply(self._model, best, number + 1)
        return best

    def _mended(self, topic: _Topic, verdict: Verdict) -> tuple[dict[str, str], ...]:
        """The question again, with the reply and what is wrong in it."""
        more = self._prompts.mend.messages({"problems": verdict.told()})
        return (*topic.messages, {"role": "assistant", "content": verdict.reply}, *more)

    async def _reply(
        self,
        topic: _Topic,
        messages: tuple[dict[str, str], ...],
        goal: Goal,
        question: Question,
        spent: _Spent,
        progress: Progress,
    ) -> str:
        """One reply of the model, counted. Raises `ModelError`."""
        settings = self._settings
        limit = goal.limits.get("cost_usd")
        ask = wire.Ask(
            model=self._model,
            messages=messages,
            schema=dict(topic.strict or topic.loose),
            temperature=topic.prompt.temperature,
            max_tokens=settings.max_tokens,
            timeout=settings.silence,
            api_base=settings.api_base,
            budget=None if limit is None else max(limit - self._spent, 0.0),
            price_in=settings.price_in,
            price_out=settings.price_out,
            context=settings.context,
        )
        forms = (
            self._forms if topic.strict else tuple(f for f in self._forms if f != "json_schema") or ("text",)
        )
        try:
            answer, form = await question.answer(ask, forms)
        except ModelError as error:
            self._pay(spent, 0, error.cost)
            raise
        if form in self._forms:
            self._forms = self._forms[self._forms.index(form) :]
        self._pay(spent, answer.tokens_in + answer.tokens_out, answer.cost)
        await progress(told(self._model, answer.seconds, answer.tokens_out, answer.cost))
        return answer.reply

    def _pay(self, spent: _Spent, tokens: int, cost: float) -> None:
        spent.tokens += tokens
        spent.cost += cost
        self._spent += cost

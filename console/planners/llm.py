"""The planner that asks a model: any that litellm knows, in a worker process of its own.

    goal, tools ── prompt ── model ── Judge ──> good: the draft
                               ^        │
                               └ problems, at most twice, while they become fewer

What the model says is a proposal: read strictly, mended only where that is certain and told, checked
against the catalog, and shown to the operator; what the checker still misses in it is offered besides
(mending.py). A reply that cannot be used raises `UnusableReply` with every fault at its step, the reply
kept.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

import anyio
import anyio.to_thread

from console.catalog.spec import Catalog
from console.errors import BadReply
from console.model_file import is_local
from console.plan.codec import dump_json
from console.plan.model import Plan
from console.planners import gguf, prompting, rendering, retrieval
from console.planners import llm_wire as wire
from console.planners.base import Goal, History, PlanDraft, Progress
from console.planners.goals import fitting
from console.planners.judging import Before, Judge, Verdict, may_have_phases
from console.planners.llm_call import ModelError, Question, told
from console.planners.llm_link import Line, Link
from console.planners.llm_schema import open_schema, strict_schema
from console.planners.llm_settings import ModelSettings
from console.planners.mending import mended
from console.planners.prompting import Prompt
from console.text import one_line

ROUNDS = 2
"""How often a reply goes back to the model."""


class UnusableReply(BadReply):
    """A model's plan must not run; `faults` are all of them, at their steps."""

    def __init__(self, model: str, verdict: Verdict, rounds: int) -> None:
        problems = verdict.problems()
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        asked = f" after {rounds} questions" if rounds > 1 else ""
        super().__init__(
            f"{one_line(model, 60)} gave no plan that can be used{asked}: {problems[0]}{more}",
            reply=verdict.reply,
            todo="Mend its draft by hand, ask again with other words, or choose another model",
            draft=verdict.draft,
            faults=verdict.faults,
        )
        self.kept = "nothing was started"


@dataclass(frozen=True, slots=True)
class _Topic:
    """What a model is asked about. `hint` says what pattern the goal's words fit; `text` are the words that
    tools are chosen by; `values` fill in the prompt besides the goal and the tools; `before` is the run that
    a revision is for."""

    prompt: Prompt
    goal: Goal
    hint: str
    catalog: Catalog
    text: str
    values: Mapping[str, str]
    before: Before | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """How it is put to the model: with which tools, in which words, and the shapes to hold it to."""

    shown: retrieval.Choice
    messages: tuple[dict[str, str], ...]
    strict: Mapping[str, object] | None
    loose: Mapping[str, object]


class LlmPlanner:
    """Plans and replans with `model` (a name litellm knows) and a version of the prompts.

    `line` asks the model instead of a worker process of its own, and is left open; `environ` is where
    keys and secrets are found. Raises `UsageError` or `InvalidPrompt` for a prompt that is not there.
    """

    name = "llm"

    def __init__(
        self,
        model: str,
        prompt: str = "",
        settings: ModelSettings | None = None,
        *,
        line: Line | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        settings = settings or ModelSettings()
        if is_local(model):
            gguf.check(model)
            settings, prompt = gguf.fitted(settings), prompt or gguf.PROMPT
        self.model, self._settings, self._line = model, settings, line
        self._prompts = prompting.load(prompt)
        self._environ = dict(os.environ if environ is None else environ)
        self._forms = self._settings.forms

    @property
    def prompt(self) -> str:
        """The version of the prompt for a first plan."""
        return self._prompts.plan.label

    async def plan(self, goal: Goal, catalog: Catalog, progress: Progress) -> PlanDraft:
        """A complete plan. Raises `ModelError` when no reply came, `UnusableReply` for one that is no
        plan."""
        want, hint = fitting(goal, catalog)
        goal = replace(goal, want=want)
        text = f"{goal.text} {goal.words}"
        draft = await self._drafted(_Topic(self._prompts.plan, goal, hint, catalog, text, {}), progress)
        better, why = await anyio.to_thread.run_sync(
            mended, draft.plan, catalog, goal, abandon_on_cancel=True
        )
        return replace(draft, better=better, improvements=why)

    async def replan(
        self, goal: Goal, catalog: Catalog, plan: Plan, history: History, progress: Progress
    ) -> PlanDraft:
        """`plan` with its rest revised; steps that have started are as they were. Raises like `plan`."""
        token = secrets.token_hex(8)
        values = {
            "plan": dump_json(plan),
            "record": rendering.record_text(plan, history, token),
            "words": history.words or "nothing",
            "number": str(history.number),
            "token": token,
        }
        want, hint = fitting(goal, catalog)
        goal = replace(goal, want=want)
        text, before = f"{goal.text} {history.words}", Before(plan, history)
        topic = _Topic(self._prompts.replan, goal, hint, catalog, text, values, before)
        try:
            return await self._drafted(topic, progress)
        except BadReply as error:
            error.kept = "the plan is as it was"
            raise

    # ── the question ─────────────────────────────────────────────────────────────────────────────

    def _framed(self, topic: _Topic, room: int) -> _Frame:
        """The question with tools of together at most `room` characters."""
        goal, catalog = topic.goal, topic.catalog
        used = [step.action for step in topic.before.plan.leaves()] if topic.before else []
        wanted = " ".join(word for want in goal.want for word in want.fact)
        sizes = {name: len(rendering.tool_text(tool)) for name, tool in catalog.tools.items()}
        shown = retrieval.choose(catalog, f"{topic.text} {wanted}", sizes, room, used)
        values = rendering.goal_values(goal, topic.hint) | rendering.tool_values(shown.tools, shown.left_out)
        clean = rendering.redactor(self._environ, catalog)
        messages = tuple(
            {**message, "content": clean.redact(message["content"])}
            for message in topic.prompt.messages({**values, **topic.values})
        )
        phases = may_have_phases(catalog) and not goal.is_phase and not is_local(self.model)
        strict = strict_schema(shown.tools, phases=phases)
        loose = open_schema(shown.tools, phases=phases)
        if is_local(self.model):
            strict = gguf.schema(strict or loose)
        return _Frame(shown, messages, strict, loose)

    # ── asking ───────────────────────────────────────────────────────────────────────────────────

    async def _drafted(self, topic: _Topic, progress: Progress) -> PlanDraft:
        line, began = self._line or Link(self._environ), anyio.current_time()
        question = Question(line, progress, self._settings.patience, limit=topic.goal.limits.get("cost_usd"))
        try:
            verdict, shown = await self._fitted(topic, question, progress)
        except BadReply as error:
            error.tokens, error.cost = question.taken.tokens, question.taken.cost
            error.seconds = anyio.current_time() - began
            error.calls = tuple(question.taken.calls)
            raise
        finally:
            if self._line is None:
                line.close()
        assert verdict.plan is not None
        told_left = rendering.not_shown(shown.left_out, rendering.SHORTLY)
        return PlanDraft(
            plan=verdict.plan,
            planner=self.name,
            reason="; ".join(part for part in (verdict.reason, topic.hint, told_left) if part),
            model=self.model,
            prompt=topic.prompt.label,
            reply=verdict.reply,
            repairs=verdict.repairs,
            origin={step.id: self.model for step in verdict.plan.leaves()},
            tokens=question.taken.tokens,
            cost=question.taken.cost,
            seconds=anyio.current_time() - began,
            calls=tuple(question.taken.calls),
        )

    async def _fitted(
        self, topic: _Topic, question: Question, progress: Progress
    ) -> tuple[Verdict, retrieval.Choice]:
        """The verdict on the replies, and the tools that were shown for them: half as many each time that
        the prompt turns out too long for the model, as long as that leaves out any. Raises like `_rounds`."""
        room, name = self._settings.tool_chars, one_line(self.model, 60)
        frame = self._framed(topic, room)
        while True:
            if left_out := frame.shown.left_out:
                await progress(rendering.not_shown(left_out))
            await progress(f"asking {name} for a plan ({len(frame.shown.tools)} tools)")
            try:
                return await self._rounds(topic, frame, question, progress), frame.shown
            except ModelError as error:
                room = sum(len(rendering.tool_text(tool)) for tool in frame.shown.tools) // 2
                smaller = self._framed(topic, room)
                if error.kind != "context" or not 0 < len(smaller.shown.tools) < len(frame.shown.tools):
                    raise
                frame = smaller
            await progress(f"the prompt is too long for {name}: fewer tools are shown")

    async def _rounds(self, topic: _Topic, frame: _Frame, question: Question, progress: Progress) -> Verdict:
        """The best verdict of at most three replies. Raises `ModelError` and `UnusableReply`."""
        judge = Judge(topic.goal, topic.catalog, topic.before)
        best: Verdict | None = None
        messages = frame.messages
        asked = 0
        for _ in range(1 + ROUNDS):
            try:
                answer = await self._reply(topic, frame, messages, question, progress)
            except ModelError:
                if best is None:
                    raise
                break
            asked += 1
            reply = answer.reply
            verdict = await anyio.to_thread.run_sync(judge.verdict, reply, abandon_on_cancel=True)
            if verdict.unread and answer.finish == "length":
                failure = wire.Failure(kind="length", detail=str(answer.longest), partial=reply)
                raise ModelError(failure, self.model)
            grew = best is not None and verdict.weight >= best.weight
            best = verdict if best is None or verdict.weight < best.weight else best
            if verdict.is_good or grew or asked > ROUNDS:
                break
            count = len(verdict.problems())
            what = f"{count} things to mend go" if count > 1 else "one thing to mend goes"
            taken = question.taken
            message = f"{what} back to {one_line(self.model, 60)}: {verdict.problems()[0]}"
            await progress(message, tokens=taken.tokens, cost=taken.cost, reply=reply)
            messages = self._mended(frame, verdict)
        assert best is not None
        if best.plan is None:
            raise UnusableReply(self.model, best, asked)
        return best

    def _mended(self, frame: _Frame, verdict: Verdict) -> tuple[dict[str, str], ...]:
        """The question again, with the reply and what is wrong in it."""
        more = self._prompts.mend.messages({"problems": verdict.told()})
        return (*frame.messages, {"role": "assistant", "content": verdict.reply}, *more)

    async def _reply(
        self,
        topic: _Topic,
        frame: _Frame,
        messages: tuple[dict[str, str], ...],
        question: Question,
        progress: Progress,
    ) -> wire.Answer:
        """One reply of the model. Raises `ModelError`."""
        settings = self._settings
        ask = wire.Ask(
            model=self.model,
            messages=messages,
            schema=dict(frame.strict or frame.loose),
            temperature=topic.prompt.temperature,
            max_tokens=settings.max_tokens,
            timeout=settings.silence,
            api_base=settings.api_base,
            price_in=settings.price_in,
            price_out=settings.price_out,
            context=settings.context,
        )
        forms = self._forms if frame.strict else tuple(f for f in self._forms if f != "json_schema")
        answer, form = await question.answer(ask, forms or ("text",))
        if form in self._forms:
            self._forms = self._forms[self._forms.index(form) :]
        taken = question.taken
        message = told(self.model, answer.seconds, answer.tokens_in + answer.tokens_out, answer.cost)
        await progress(message, tokens=taken.tokens, cost=taken.cost)
        return answer

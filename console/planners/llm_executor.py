"""The executor that asks a model: one question a turn, in worker processes like the planner's.

The whole conversation is put together anew each turn from the brief: the profile, the task, then what the
model said and what came of it. Every output stands between lines with a token that is drawn anew for each
question; values of secrets are taken out of everything.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from console.catalog.spec import Catalog
from console.errors import UsageError
from console.planners import llm_wire as wire
from console.planners import prompting, rendering
from console.planners.base import Progress
from console.planners.executor import Brief, Move
from console.planners.llm_call import BY_HAND, ModelError, Question
from console.planners.llm_link import Line, Link
from console.planners.llm_schema import open_turn, strict_turn
from console.planners.llm_settings import ModelSettings
from console.planners.prompting import Prompt
from console.planners.turn import read_turn

PROMPT = "agent-v1"
IDLE = 2
"""Workers that are kept for the next turn: each takes seconds to start, and 170 MB."""

MAX_REPLY_TOKENS = 4_096


class LlmExecutor:
    """Takes turns with `model` (a name litellm knows), or with that of the agent's profile. `line` asks the
    model instead of worker processes of its own; `environ` is where keys and secrets are found."""

    def __init__(
        self,
        model: str,
        catalog: Catalog,
        settings: ModelSettings | None = None,
        *,
        line: Line | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._model, self._settings, self._line = model, settings or ModelSettings(), line
        self._environ = dict(os.environ if environ is None else environ)
        self._prompt = prompting.read(prompting.FOLDER / f"{PROMPT}.md", "agent")
        self._redactor = rendering.redactor(self._environ, catalog)
        self._idle: list[Line] = []
        self._forms: dict[str, tuple[wire.Form, ...]] = {}

    async def turn(self, brief: Brief, progress: Progress) -> Move:
        """The next turn. Raises `ModelError` when no reply came."""
        model = brief.profile.model or self._model
        if not model:
            raise UsageError(f"the agent {brief.name} names no model", todo="Set PLANDECK_EXECUTOR_MODEL")
        tools = list(brief.tools.values()) if brief.calls_left else []
        strict = strict_turn(tools)
        settings = self._settings
        ask = wire.Ask(
            model=model,
            messages=self._messages(brief),
            schema=strict or open_turn(tools),
            name="turn",
            temperature=self._prompt.temperature,
            max_tokens=max(1, min(MAX_REPLY_TOKENS, settings.max_tokens, brief.tokens_left)),
            timeout=settings.silence,
            api_base=settings.api_base,
            price_in=settings.price_in,
            price_out=settings.price_out,
            context=settings.context,
        )
        forms = self._forms.get(model, settings.forms)
        usable = tuple(form for form in forms if strict or form != "json_schema") or ("text",)
        with self._a_line() as line:
            question = Question(line, progress, settings.patience, limit=brief.cost_left)
            try:
                answer, form = await question.answer(ask, usable)
            except ModelError as error:
                error.todo = error.todo.replace(BY_HAND, "")
                error.tokens, error.cost = question.taken.tokens, question.taken.cost
                raise
        if form in forms:
            self._forms[model] = forms[forms.index(form) :]
        return replace(
            read_turn(answer.reply, tuple(brief.tools)),
            model=model,
            tokens=question.taken.tokens,
            cost=question.taken.cost,
            said=answer.reply,
        )

    @contextmanager
    def _a_line(self) -> Iterator[Line]:
        """Somebody to ask who is asked by nobody else meanwhile."""
        if self._line is not None:
            yield self._line
            return
        line = self._idle.pop() if self._idle else Link(self._environ)
        try:
            yield line
        finally:
            if len(self._idle) < IDLE:
                self._idle.append(line)
            else:
                line.close()

    def close(self) -> None:
        """End the worker processes that wait for a turn."""
        while self._idle:
            self._idle.pop().close()

    def _messages(self, brief: Brief) -> tuple[dict[str, str], ...]:
        token = secrets.token_hex(8)
        messages = [*asked(self._prompt, brief, token), *said(brief, token)]
        return tuple({**m, "content": self._redactor.redact(m["content"])} for m in messages)


def asked(prompt: Prompt, brief: Brief, token: str) -> tuple[dict[str, str], ...]:
    """What an agent is told at the beginning."""
    tools = "\n".join(f"- {rendering.tool_text(tool)}" for tool in brief.tools.values())
    return prompt.messages(
        {
            "profile": brief.profile.prompt,
            "calls": str(brief.calls_left),
            "token": token,
            "tools": tools if brief.calls_left else "none: no call is left, give the result now",
            "task": brief.task,
            "context": rendering.fenced(brief.context, token, len(brief.context))
            if brief.context
            else "none",
        }
    )


def said(brief: Brief, token: str) -> Iterator[dict[str, str]]:
    """The turns that were taken, as a conversation."""
    for number, past in enumerate(brief.past, 1):
        turn = {"thought": past.thought, "action": past.action or None, "params": past.params, "finish": None}
        yield {"role": "assistant", "content": json.dumps(turn, ensure_ascii=False)}
        last = number == len(brief.past) and not brief.calls_left
        more = "\nNo call is left: give the result now." if last else ""
        yield {
            "role": "user",
            "content": rendering.fenced(past.outcome, token, len(past.outcome)) + more,
        }

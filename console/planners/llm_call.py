"""Asking a model until there is a reply: what is tried again, after which wait, and for how long.

    429              after Retry-After (at most 60 s), counted down        up to four times
    5xx, connection  after 1 s, then 2 s                                   up to twice
    another 4xx      never; where the form of output is refused, the next simpler form is tried
    everything       within one deadline

Pure waiting on anyio's clock: tests run on a virtual one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anyio

from console.errors import BadReply
from console.planners import llm_wire as wire
from console.planners.base import Progress
from console.planners.llm_link import AttemptFailed, Line
from console.run.events import ModelCall
from console.text import one_line

FORMS: tuple[wire.Form, ...] = ("json_schema", "tool", "json_object", "text")
"""Best first."""

BY_HAND = ", or write the plan by hand"
"""The way out that is always there when it is a plan that is asked for."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Limits of one question to a model. Times are in seconds."""

    deadline: float = 300.0
    retries: int = 2
    backoff: float = 1.0
    rate_retries: int = 4
    longest_wait: float = 60.0


class ModelError(BadReply):
    """A model gave no reply, or not a whole one; `reply` is what had come in."""

    def __init__(self, failure: wire.Failure, model: str) -> None:
        what, todo = _words(failure, model)
        super().__init__(what, reply=failure.partial, todo=todo)
        self.kept = "nothing was started"
        self.kind = failure.kind


def retry_after(header: str, now: datetime, longest: float = 60.0) -> float | None:
    """Seconds that a Retry-After header asks for, at most `longest`; `None` when it says nothing
    that can be understood (RFC 9110, section 10.2.3)."""
    try:
        seconds = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(max(seconds, 0.0), longest) if math.isfinite(seconds) else None


@dataclass(slots=True)
class Taken:
    """What asking has taken so far; `cost` in US dollars, `calls` each attempt by itself."""

    tokens: int = 0
    cost: float = 0.0
    calls: list[ModelCall] = field(default_factory=list)


class Question:
    """Asks one model over `line`, as often as needed; `taken` is what all of it took. `limit` is what it
    may cost at most, in US dollars: before each call the worker looks whether that much is left. Without one
    the limit of the call itself holds."""

    def __init__(
        self,
        line: Line,
        progress: Progress,
        patience: Patience = Patience(),
        *,
        limit: float | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._line, self._progress, self._patience, self._now = line, progress, patience, now
        self._limit = limit
        self._told = -math.inf
        self._under_way = Taken()
        self.taken = Taken()

    async def answer(self, ask: wire.Ask, forms: tuple[wire.Form, ...]) -> tuple[wire.Answer, wire.Form]:
        """The reply, and which of `forms` (best first) it came in. Raises `ModelError`."""
        try:
            await self._line.open()
        except AttemptFailed as error:
            raise ModelError(error.failure, ask.model) from None
        with anyio.move_on_after(self._patience.deadline):
            for form in forms[:-1]:
                try:
                    return await self._tempered(ask.model_copy(update={"form": form})), form
                except AttemptFailed as error:
                    if error.failure.kind != "request":
                        raise ModelError(error.failure, ask.model) from None
                await self._say(f"{_short(ask.model)} does not take the form {form}: a simpler one is tried")
            try:
                return await self._tempered(ask.model_copy(update={"form": forms[-1]})), forms[-1]
            except AttemptFailed as error:
                raise ModelError(error.failure, ask.model) from None
        failure = wire.Failure(kind="deadline", detail=f"{self._patience.deadline:g}")
        raise ModelError(failure, ask.model)

    async def _tempered(self, ask: wire.Ask) -> wire.Answer:
        """Some models take no temperature: then they are asked without one."""
        try:
            return await self._patiently(ask)
        except AttemptFailed as error:
            refused = error.failure.kind == "request" and "temperature" in error.failure.detail
            if not refused or ask.temperature is None:
                raise
        return await self._patiently(ask.model_copy(update={"temperature": None}))

    async def _patiently(self, ask: wire.Ask) -> wire.Answer:
        failed = {"rate": 0, "other": 0}
        while True:
            try:
                return await self._once(ask)
            except AttemptFailed as error:
                failure = error.failure
                cause = "rate" if failure.kind == "rate" else "other"
                allowed = self._patience.rate_retries if cause == "rate" else self._patience.retries
                if failure.kind not in ("rate", "server", "connection") or failed[cause] >= allowed:
                    raise
                failed[cause] += 1
                pause = self._pause(failure, failed[cause])
            await self._wait(pause, failure, ask.model)

    async def _once(self, ask: wire.Ask) -> wire.Answer:
        """One attempt, counted whatever becomes of it."""
        left = ask.budget if self._limit is None else max(self._limit - self.taken.cost, 0.0)
        self._under_way = Taken()
        tokens, cost = 0, 0.0
        at, began = self._now().timestamp(), anyio.current_time()
        answer, error = None, "cancelled"
        try:
            answer = await self._line.attempt(
                ask.model_copy(update={"budget": left}), lambda heard: self._heard(ask.model, heard)
            )
            tokens, cost = answer.tokens_in + answer.tokens_out, answer.cost
            return answer
        except AttemptFailed as failed:
            cost, error = failed.failure.cost, failed.failure.kind
            raise
        finally:
            call = ModelCall(
                model=ask.model,
                at=at,
                seconds=anyio.current_time() - began,
                tokens_in=answer.tokens_in if answer else 0,
                tokens_out=answer.tokens_out if answer else self._under_way.tokens,
                cost=max(cost, self._under_way.cost),
                form=ask.form,
                finish=answer.finish if answer else "",
                error="" if answer else error,
            )
            self.taken.calls.append(call)
            self.taken.tokens += max(tokens, self._under_way.tokens)
            self.taken.cost += max(cost, self._under_way.cost)
            self._under_way = Taken()

    def _pause(self, failure: wire.Failure, number: int) -> float:
        asked = retry_after(failure.retry_after, self._now(), self._patience.longest_wait)
        grown = self._patience.backoff * 2 ** (number - 1)
        return min(grown if asked is None else asked, self._patience.longest_wait)

    async def _wait(self, pause: float, failure: wire.Failure, model: str) -> None:
        """Wait, and say every second how long it still takes."""
        why = {"rate": "asks to wait", "connection": "cannot be reached"}.get(failure.kind, "has a fault")
        left = pause
        while left > 0:
            await self._say(f"{_short(model)} {why}: again in {math.ceil(left)} s", passing=left < pause)
            step = left - math.ceil(left) + 1
            await anyio.sleep(step)
            left = round(left - step, 6)

    async def _heard(self, model: str, heard: wire.Heard) -> None:
        self._under_way = Taken(heard.tokens, heard.cost)
        if heard.seconds - self._told >= 1 or heard.seconds < self._told:
            self._told = heard.seconds
            await self._say(told(model, heard.seconds, heard.tokens, heard.cost), passing=True)

    async def _say(self, message: str, *, passing: bool = False) -> None:
        taken, now = self.taken, self._under_way
        await self._progress(
            message, tokens=taken.tokens + now.tokens, cost=taken.cost + now.cost, passing=passing
        )


def told(model: str, seconds: float, tokens: int, cost: float) -> str:
    """A call in one line: `gpt-4o · 3.2 s · 812 tokens · $0.0040`."""
    return f"{_short(model)} · {seconds:.1f} s · {tokens} tokens · ${cost:.4f}"


def _short(model: str) -> str:
    return one_line(model.rpartition("/")[2] or model, 40)


def _words(failure: wire.Failure, model: str) -> tuple[str, str]:
    """What went wrong, and what to do about it."""
    name, detail = one_line(model, 60), one_line(failure.detail, 160)
    by_hand = BY_HAND.removeprefix(", ")
    status = f" ({failure.status})" if failure.status else ""
    match failure.kind:
        case "key":
            missing = (
                f"the variable {detail} is not set" if detail.isupper() else "the provider refuses the key"
            )
            return (
                f"no key for {name}: {missing}{status}",
                f"Set the provider's key in the environment, {by_hand}",
            )
        case "quota":
            return (
                f"the provider of {name} says that the account has no credit left{status}",
                f"Add credit, choose another model, {by_hand}",
            )
        case "model":
            return (
                f"the model {name} is not known{status}",
                "Name it provider/model, such as openai/gpt-4o-mini",
            )
        case "connection":
            return f"the server of {name} cannot be reached", f"Check the network and the address, {by_hand}"
        case "rate":
            return f"the provider of {name} asks to wait, again and again", f"Try later, {by_hand}"
        case "html":
            return (
                f"the server of {name} answers with a web page, not with a reply",
                "Check the address of its API",
            )
        case "server":
            return f"the server of {name} has a fault{status}", f"Try later, {by_hand}"
        case "context":
            return (
                f"the prompt is too long for {name}: {detail}",
                "Give fewer tools with --tools, or take a model with a larger context",
            )
        case "request":
            return f"{name} refuses the request{status}: {detail}", f"Choose another model, {by_hand}"
        case "budget":
            return (
                f"a call of {name} may cost {detail}, more than is left of the limit",
                "Raise limits.cost_usd",
            )
        case "price":
            todo = "Set model_price, or take limits.cost_usd away"
            return f"the price of {name} is not known, so the limit on the cost cannot be kept", todo
        case "size":
            return f"the reply of {name} is too large: {detail}", "Ask for less at once"
        case "length":
            return (
                f"the reply of {name} was cut off: it is longer than the {detail} tokens that it may have",
                f"Ask for less at once, choose another model, {by_hand}",
            )
        case "empty":
            return f"{name} answered nothing", f"Try again, choose another model, {by_hand}"
        case "stall":
            return f"{name} stopped in the middle of its reply", f"Try again, {by_hand}"
        case "deadline":
            return f"{name} gave no reply within {detail} seconds", f"Try again, {by_hand}"
        case "callback":
            return (
                f"the callback cannot be used: {detail}",
                "Change model_callbacks or PLANDECK_MODEL_CALLBACKS, or install what is missing",
            )
        case "local":
            return (
                f"{name} cannot be run: llama.cpp does not load it",
                "Look whether the file is whole; what llama.cpp says is in model.log in the state folder",
            )
        case "worker" if detail:
            return f"the process that asks the model cannot be started: {detail}", "Make room for it"
        case "worker":
            return "the process that asks the model ended", "See model.log in the state folder"
    return f"{name} gave no reply{status}: {detail}", f"Choose another model, {by_hand}"

"""A model's reply -> a plan document.

    strict JSON -> fenced block -> Python literal -> part of the prose -> LLMCompiler's text -> repair

The first reading that gives a plan counts. Whatever is not strict JSON is compared with its source
token by token (audit.py): a reading that loses, changes or invents anything is refused, and what was
mended is told. A reply that breaks off is refused whole: nothing of a partial plan may run. All
refusals are `BadReply` with one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from console.errors import BadReply
from console.plan import strict
from console.plan.reply import compiler_text, lexing
from console.plan.reply.audit import Changed, audit
from console.plan.reply.literal import Doubled, NotLiteral, read_literal

MAX_BYTES = 2 * 1024 * 1024
MAX_REPAIRED = 64 * 1024
"""Characters; what is longer and no JSON is not repaired: the repairer's time is not linear."""

Form = Literal["json", "literal", "compiler", "repaired"]

_THOUGHTS = re.compile(r"\s*<(think|thinking|reasoning)>(?:.*?(</\1>)|.*)", re.DOTALL)
_END_OF_THOUGHTS = re.compile(r"^[ \t]*</(?:think|thinking|reasoning)>[ \t]*$", re.MULTILINE)
_FENCE = re.compile(r"^[ \t]*```+[ \t]*[\w+-]*[ \t]*$(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_STEP_KEYS = {"id", "step_number", "step", "action", "tool", "tool_to_use", "description"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reply says. `document` is a JSON value, `form` how it was written, `repairs` every
    difference between the two; without any the reply was taken as it stands."""

    document: Any
    form: Form
    repairs: tuple[str, ...] = ()


class _NotThis(ValueError):
    """This reading does not apply; another may."""


def read_reply(reply: str | bytes, parameters: Mapping[str, Sequence[str]] | None = None) -> Parsed:
    """The plan document in a reply. `parameters` names each tool's parameters in their order, for
    notations that give them by position. Raises `BadReply`."""
    text = _decoded(reply, _NO_PLAN)
    try:
        if found := _plan_in(_told(text), parameters or {}):
            return found
    except (lexing.TooDeep, Changed, Doubled, compiler_text.BadText) as error:
        raise _refusal(_NO_PLAN, str(error), text) from None
    raise _refusal(_NO_PLAN, "it holds no plan", text) from None


def read_value(reply: str | bytes) -> Parsed:
    """The one JSON value in a reply, whether it is a plan or not. Raises `BadReply`."""
    text = _decoded(reply, _NO_VALUE)
    try:
        whole = _told(text).strip()
        spans = list(lexing.spans(whole))
        if any(not span.closed for span in spans):
            raise Changed("it breaks off")
        if read := _value(whole):
            return read
        if (
            len(spans) == 1
            and whole[spans[0].start] == "{"
            and (read := _value(whole[spans[0].start : spans[0].end]))
        ):
            return Parsed(read.document, read.form, (*read.repairs, "the words around it were left out"))
    except (lexing.TooDeep, Changed, Doubled) as error:
        raise _refusal(_NO_VALUE, str(error), text) from None
    raise _refusal(_NO_VALUE, "it is no value", text) from None


def _value(text: str) -> Parsed | None:
    for read in (_strict, _literal, _repaired):
        for part in (text, *_blocks(text)):
            try:
                return read(part)
            except _NotThis:
                continue
    return None


_NO_PLAN = "the reply cannot be taken for a plan"
_NO_VALUE = "the reply cannot be read"


def _refusal(what: str, why: str, reply: str) -> BadReply:
    return BadReply(f"{what}: {why}", reply=reply, todo="Ask again, or write the plan by hand")


def _told(text: str) -> str:
    """`text` without the thoughts before it; some servers leave out the mark that begins them."""
    if thoughts := _THOUGHTS.match(text):
        if not thoughts[2]:
            raise Changed("it breaks off within its thoughts")
        return text[thoughts.end() :]
    if text.lstrip()[:1] not in ("[", "{") and (end := _END_OF_THOUGHTS.search(text)):
        return text[end.end() :]
    return text


def _decoded(reply: str | bytes, what: str) -> str:
    size = len(reply) if isinstance(reply, bytes) or reply.isascii() else len(reply.encode(errors="replace"))
    if size > MAX_BYTES:
        kept = reply[:4096] if isinstance(reply, str) else reply[:4096].decode(errors="replace")
        raise _refusal(what, f"it has {size} bytes; {MAX_BYTES} are the limit", kept) from None
    if isinstance(reply, bytes):
        shown = reply.decode(errors="replace")
        try:
            reply = reply.decode()
        except UnicodeDecodeError:
            raise _refusal(what, "it is not UTF-8 text", shown) from None
    if _SURROGATE.search(reply):
        raise _refusal(
            what, "it holds half a character (a lone surrogate)", reply.encode(errors="replace").decode()
        ) from None
    if not reply.strip():
        raise _refusal(what, "it is empty", reply) from None
    return reply.removeprefix("\ufeff")


# ── where the plan is ────────────────────────────────────────────────────────────────────────────


def _plan_in(text: str, parameters: Mapping[str, Sequence[str]]) -> Parsed | None:
    whole = text.strip()
    if whole.startswith(("[", "{")) and (read := _first([whole], (_strict,))):
        return read
    found = list(lexing.spans(whole))
    parts = [whole[span.start : span.end] for span in found]
    complete = all(span.closed for span in found)
    if complete:
        for group in ([whole], _blocks(whole), parts):
            if read := _first(group, (_strict, _literal)):
                return read
    if compiler_text.looks_like_it(whole):
        document, repairs = compiler_text.read(whole, parameters)
        return Parsed(document, "compiler", repairs)
    if not complete:
        raise Changed("it breaks off before its end")
    return _first(parts, (_repaired,))


def _blocks(text: str) -> list[str]:
    return [match[1].strip() for match in _FENCE.finditer(text)]


def _first(parts: Sequence[str], readers: Sequence[Callable[[str], Parsed]]) -> Parsed | None:
    """The one plan that is in `parts`. Two that differ are refused: nobody said which one counts."""
    plans: list[Parsed] = []
    for part in parts:
        for read in readers:
            try:
                parsed = read(part)
            except _NotThis:
                continue
            if (plan := _plan(parsed)) and all(plan.document != other.document for other in plans):
                plans.append(plan)
            break
    if len(plans) > 1:
        raise Changed(f"it holds {len(plans)} different plans")
    return plans[0] if plans else None


def _plan(parsed: Parsed) -> Parsed | None:
    """`parsed` when it looks like a plan, taken out of a wrapper that holds nothing else."""
    value, repairs = parsed.document, parsed.repairs
    for _ in range(3):
        if looks_like_plan(value):
            return Parsed(value, parsed.form, repairs)
        if not isinstance(value, dict) or len(value) != 1:
            return None
        [(key, value)] = value.items()
        repairs = (*repairs, f"the plan was taken out of {key!r:.60}")
    return None


def looks_like_plan(value: Any) -> bool:
    """Whether a value is a plan in one of the notations, valid or not."""
    if isinstance(value, dict):
        return isinstance(value.get("steps"), list) or _are_steps(value.get("plan"))
    return _are_steps(value)


def _are_steps(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and item.keys() & _STEP_KEYS for item in value)
    )


# ── how it is written ────────────────────────────────────────────────────────────────────────────


def _strict(text: str) -> Parsed:
    """JSON as it must be. What is JSON, but means two things or none, is refused for good."""
    try:
        return Parsed(strict.parse_json(text), "json")
    except json.JSONDecodeError:
        raise _NotThis from None
    except ValueError as error:
        raise Changed(str(error)) from None


def _literal(text: str) -> Parsed:
    try:
        value = read_literal(text)
    except NotLiteral:
        raise _NotThis from None
    _pure(value)
    try:
        slips = audit(text, value)
    except Changed:
        raise _NotThis from None
    return Parsed(value, "literal", ("it was written as a Python literal", *slips))


def _repaired(text: str) -> Parsed:
    if text[:1] not in "[{" or len(text) > MAX_REPAIRED:
        raise _NotThis
    import json_repair  # needed by few replies

    value: Any = json_repair.repair_json(text, return_objects=True, skip_json_loads=True)
    _pure(value)
    return Parsed(value, "repaired", audit(text, value) or ("its punctuation was mended",))


def _pure(value: Any) -> None:
    if blots := strict.given(value).blots:
        raise Changed(blots[0].message)

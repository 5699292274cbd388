"""A goal in words -> goal facts, without a model.

The catalog's goal patterns are tried first ("deploy $tag to $env"): every word of the pattern must
stand in the text, in order; between them only words that say nothing ("please", "the", "safely") may
stand. What does not fit is refused rather than guessed: a "not" in the text fits no pattern. Then the
text may name one tool ("run the tests"): that call is the whole plan, with what the call needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any

from console.catalog.contract import bind_pattern, show
from console.catalog.parameters import text_of
from console.catalog.spec import Catalog, Risk, ToolSpec
from console.catalog.spec import Goal as GoalPattern
from console.errors import NoPlanner
from console.planners.action import ASKED, Binding
from console.planners.base import Goal, Want
from console.text import one_line

_FILLER_TEXT = """
a an and any app application applications apps all also already anew are as at be can carefully could
currently do does everything finally first for from fully get give have how i in is it its just kindly let
like me my need needs new newest now of on our out please properly quickly release safe safely set show so
tell that the then there this to today us version want we what when which whole will with would you your
"""
_FILLER = frozenset(_FILLER_TEXT.split())
_TOKEN = re.compile(r"\"([^\"]*)\"|'([^']*)'|`([^`]*)`|(\S+)")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    quoted: bool = False

    @property
    def filler(self) -> bool:
        return not self.quoted and self.text.casefold() in _FILLER


def understood(goal: Goal, catalog: Catalog) -> tuple[Catalog, tuple[Want, ...]]:
    """The goal facts of `goal`, and the catalog to reach them with.

    Raises `NoPlanner` when the text fits no pattern and names no tool, or fits several.
    """
    if goal.words:
        goal = replace(goal, text=goal.words, want=())
    if goal.want:
        return catalog, tuple(filled(w, goal.inputs) for w in goal.want)
    found = _by_pattern(goal, catalog)
    if found:
        return catalog, found
    tool = _by_name(goal, catalog)
    if tool is None:
        raise _not_understood(goal, catalog)
    fact = (ASKED, tool.name)
    contract = tool.contract.model_copy(update={"provides": (*tool.contract.provides, fact)})
    asked = tool.model_copy(update={"contract": contract, "recovery": False})
    tools = {n: asked if n == tool.name else t for n, t in catalog.tools.items()}
    return catalog.model_copy(update={"tools": tools}), (Want(fact),)


def fitting(goal: Goal, catalog: Catalog) -> tuple[tuple[Want, ...], str]:
    """The goal facts that the words of `goal` mean by a goal pattern, and in one line what they fit, for a
    planner that can do without; nothing and "" where they fit none."""
    if goal.want:
        return goal.want, ""
    try:
        wants = _by_pattern(goal, catalog)
        tool = None if wants else _by_name(goal, catalog)
    except NoPlanner:
        return (), ""
    if tool is not None:
        return (), f"one call of {tool.name} may be all that is asked for"
    return wants, f"the goal fits a known pattern: {wants_text(wants)}" if wants else ""


def filled(want: Want, inputs: Mapping[str, Any]) -> Want:
    """`want` with the task's inputs in place of `$name`."""
    given = {k: text_of(v) for k, v in inputs.items()}
    return Want(
        bind_pattern(want.fact, given), tuple(bind_pattern(a, given) for a in want.after), dict(want.params)
    )


# ── patterns ──────────────────────────────────────────────────────────────────────────────────────


def _by_pattern(goal: Goal, catalog: Catalog) -> tuple[Want, ...]:
    text = _words(goal.text)
    inputs = {k: text_of(v) for k, v in goal.inputs.items()}
    hits: list[tuple[int, GoalPattern, tuple[Want, ...]]] = []
    for pattern in catalog.goals:
        binding = _match(_words(pattern.pattern), text)
        if binding is None:
            continue
        facts = tuple(bind_pattern(f, {**inputs, **binding}) for f in pattern.want)
        open_ = sorted({w for f in facts for w in f if w.startswith("$")})
        if open_:
            raise NoPlanner(
                f'the goal fits "{pattern.pattern}", but nothing says what {", ".join(open_)} shall be',
                todo="Give it with --set name=value or in the task's inputs",
            )
        literal = sum(not w.text.startswith("$") for w in _words(pattern.pattern))
        hits.append((literal, pattern, tuple(Want(f) for f in facts)))
    best = [h for h in hits if h[0] == max(h[0] for h in hits)]
    if len({wants_text(h[2]) for h in best}) > 1:
        names = " and ".join(f'"{h[1].pattern}"' for h in best)
        raise NoPlanner(
            f"the goal fits {names}", todo="Say it in one of these forms, or list goal facts under want"
        )
    return best[0][2] if best else ()


def wants_text(wants: Sequence[Want]) -> str:
    """The wanted facts in one line."""
    return ", ".join(show(w.fact) for w in wants)


def _words(text: str) -> list[_Word]:
    words = []
    for double, single, back, bare in _TOKEN.findall(text):
        if bare:
            bare = bare.strip(",;:!?()[]").rstrip(".")
            if bare:
                words.append(_Word(bare))
        else:
            words.append(_Word(double or single or back, quoted=True))
    return words


def _match(pattern: Sequence[_Word], text: Sequence[_Word]) -> Binding | None:
    """What the `$` words of `pattern` mean when it is laid over `text`; `None` when it cannot be. Words that
    say nothing may be left over on both sides."""
    open_: list[tuple[int, int, Binding]] = [(0, 0, {})]
    seen: set[tuple[int, int, tuple[tuple[str, str], ...]]] = set()
    while open_:
        at, place, binding = open_.pop()
        if at == len(pattern) and place == len(text):
            return binding
        if (mark := (at, place, tuple(binding.items()))) in seen:
            continue
        seen.add(mark)
        head = pattern[at] if at < len(pattern) else None
        word = text[place] if place < len(text) else None
        # What is tried first is put last.
        if head and head.filler:
            open_.append((at + 1, place, binding))
        if word and word.filler:
            open_.append((at, place + 1, binding))
        if head and word and (more := _bound(head.text, word, binding)) is not None:
            open_.append((at + 1, place + 1, more))
    return None


def _bound(head: str, word: _Word, binding: Binding) -> Binding | None:
    """`binding` when the next word of the pattern means `word`."""
    if not head.startswith("$"):
        return binding if head.casefold() == word.text.casefold() else None
    if word.filler or binding.get(head[1:], word.text) != word.text:
        return None
    return {**binding, head[1:]: word.text}


# ── one tool ──────────────────────────────────────────────────────────────────────────────────────


def _by_name(goal: Goal, catalog: Catalog) -> ToolSpec | None:
    """The one tool the text names; a tool that changes something must be named in full."""
    asked = {_stem(w.text) for w in _words(goal.text) if not w.filler}
    hits: list[tuple[int, ToolSpec]] = []
    for tool in catalog.tools.values():
        name = {_stem(w) for w in re.split(r"[^A-Za-z0-9]+", tool.name) if w and w.casefold() not in _FILLER}
        about = name | {_stem(w.text) for w in _words(tool.description)}
        harmless = tool.risk is Risk.OBSERVE
        if asked and name and asked <= about and (name <= asked or (harmless and asked & about)):
            hits.append((len(name - asked), tool))
    nearest = min((h[0] for h in hits), default=0)
    best = [tool for extra, tool in hits if extra == nearest]
    return best[0] if len(best) == 1 else None


def _stem(word: str) -> str:
    low = word.casefold()
    return low[:-1] if len(low) > 3 and low.endswith("s") else low


def _not_understood(goal: Goal, catalog: Catalog) -> NoPlanner:
    patterns = sorted(
        (g.pattern for g in catalog.goals),
        key=lambda p: -SequenceMatcher(None, p.casefold(), goal.text.casefold()).ratio(),
    )
    said = one_line(goal.text, 80)
    if not patterns:
        return NoPlanner(
            f'no goal pattern says what "{said}" means: the tool files have none',
            todo="List goal facts under want in a task file, or give a plan",
        )
    known = "; ".join(patterns[:5]) + ("; …" if len(patterns) > 5 else "")
    return NoPlanner(
        f'no goal pattern says what "{said}" means; known are: {known}',
        todo="Say it in one of these forms, list goal facts under want in a task file, or give a plan",
    )

"""Text to JSON values, strictly: what two readers could take for two things is refused.

Refused are duplicate keys, NaN and infinities (1e400 too), lone surrogates, YAML anchors, aliases,
merge keys and tags, several documents in one, more than 16 MiB and more than 100 levels. A plain YAML
scalar is null, a boolean or a number exactly where JSON would say so (and in YAML's other spellings of
`true` and `null`); `on`, `no`, `0755`, `10:30` and `2024-01-01` stay the text they are.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 100
MAX_BITS = 4096
MAX_PARTS = 20_000
MAX_BLOTS = 1000
"""Beyond so many things that are wrong a document is not looked through any further."""

Path = tuple[str | int, ...]
"""Where a value stands in a document: keys and indices from the root."""


@dataclass(slots=True)
class Mark:
    """The line (from 1) where a value begins, and the marks of what it holds."""

    line: int
    parts: dict[str | int, Mark] | None = None

    def put(self, part: str | int, line: int) -> Mark:
        """The mark of a new part. Of a list only the first twenty thousand are kept: no plan has more
        steps, and a file of nothing but numbers must not take a gigabyte."""
        if self.parts is None:
            self.parts = {}
        mark = Mark(line)
        if isinstance(part, str) or part < MAX_PARTS:
            self.parts[part] = mark
        return mark


@dataclass(frozen=True, slots=True)
class Blot:
    """One thing no document may hold, with its `line` (0: not known) or the `path` of the value."""

    message: str
    path: Path | None = None
    line: int = 0


@dataclass(slots=True)
class Document:
    """A parsed text. `value` is meaningless when `broken` (its syntax could not be read to the end)."""

    value: Any = None
    blots: list[Blot] = field(default_factory=list)
    broken: bool = False
    text: str = ""
    root: Mark | None = None

    def line_of(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest thing around it that is there; 0 if unknown."""
        if self.root is None and self.text:
            self.root = _json_marks(self.text)
        mark = self.root
        if mark is None:
            return 0
        for part in path:
            if mark.parts is None or part not in mark.parts:
                break
            mark = mark.parts[part]
        return mark.line

    def cleaned(self) -> Any:
        """The value without what a blot names; a value of its own when something had to go."""
        bad = {blot.path for blot in self.blots if blot.path is not None}
        return _without(bad, self.value, ()) if bad else self.value


def read(text: str | bytes, *, file: str = "") -> Document:
    """Parse JSON or YAML. `file` tells by its ending which it is; without one the text does."""
    try:
        decoded = _decoded(text)
    except ValueError as error:
        return Document(blots=[Blot(str(error))], broken=True)
    if not decoded.strip():
        return Document(blots=[Blot("the document is empty", line=1)], broken=True)
    if re.match(r"\s*[\[{]", decoded):
        try:
            return _read_json(decoded)
        except json.JSONDecodeError as error:
            if file.endswith(".json") or re.match(r"[\s\[{]*[\"']", decoded):
                message = f"not JSON: {error.msg} (column {error.colno})"
                return Document(blots=[Blot(message, line=error.lineno)], broken=True)
    return _read_yaml(decoded)


def given(value: Any) -> Document:
    """A value somebody else has parsed, held to the same rules."""
    return _checked(Document(value))


def _checked(document: Document) -> Document:
    """`document` with the blots of its value; one with too many of them is of no use."""
    document.blots += islice(impurities(document.value), MAX_BLOTS)
    document.broken = len(document.blots) >= MAX_BLOTS
    return document


def parse_json(text: str) -> Any:
    """The value of one strict JSON text. Raises `ValueError` saying what is wrong with it."""
    document = _read_json(text)
    if document.blots:
        raise ValueError(document.blots[0].message)
    return document.value


def impurities(value: Any) -> Iterator[Blot]:
    """What keeps a parsed value from being plain JSON that every reader takes for the same."""
    if not isinstance(value, _CONTAINERS):
        message = _impure_scalar(value)
        if message:
            yield Blot(message, ())
        return
    todo: list[tuple[Any, Path]] = [(value, ())]
    while todo:
        item, path = todo.pop()
        if isinstance(item, dict):
            yield from _impure_keys(item, path)
        for key, child in item.items() if isinstance(item, dict) else enumerate(item):
            if isinstance(child, _CONTAINERS):
                if len(path) + 1 >= MAX_DEPTH:
                    yield Blot(f"nested deeper than {MAX_DEPTH} levels", (*path, key))
                else:
                    todo.append((child, (*path, key)))
            elif message := _impure_scalar(child):
                yield Blot(message, (*path, key))


_CONTAINERS = (dict, list)


def _impure_keys(item: dict[Any, Any], path: Path) -> Iterator[Blot]:
    for key in item:
        if not isinstance(key, str):
            yield Blot(f"a key is a {type(key).__name__}, not text", (*path, key))
        elif message := _impure_scalar(key):
            yield Blot(f"a key is {message}", (*path, key))


def _without(bad: set[Path], value: Any, path: Path) -> Any:
    if path in bad:
        return None
    if isinstance(value, dict):
        kept = {key: _without(bad, item, (*path, key)) for key, item in value.items()}
        return {key: item for key, item in kept.items() if (*path, key) not in bad}
    if isinstance(value, list):
        return [_without(bad, item, (*path, index)) for index, item in enumerate(value)]
    return value


def _impure_scalar(item: Any) -> str:
    if isinstance(item, str):
        return (
            ""
            if item.isascii() or not _SURROGATE.search(item)
            else "text with half a character (a lone surrogate)"
        )
    if item is None or isinstance(item, bool):
        return ""
    if isinstance(item, int):
        return "" if item.bit_length() <= MAX_BITS else "a number that is too large"
    if isinstance(item, float):
        return "" if math.isfinite(item) else "not a finite number (NaN, infinity, or too large)"
    return f"a {type(item).__name__} is no JSON value"


_SURROGATE = re.compile("[\ud800-\udfff]")


def _decoded(text: str | bytes) -> str:
    if isinstance(text, bytes):
        _check_size(len(text))
        raw = text
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            raise ValueError(f"it is not UTF-8 text (line {line})") from None
    elif not text.isascii():
        if _SURROGATE.search(text):
            raise ValueError("it holds half a character (a lone surrogate)")
        _check_size(len(text.encode()))
    else:
        _check_size(len(text))
    return text.removeprefix("\ufeff")


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise ValueError(f"it has {size} bytes; {MAX_BYTES} are the limit")


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def _read_json(text: str) -> Document:
    """The library's fast parser does the work; lines are looked up only when something is wrong.
    Raises `json.JSONDecodeError` for what is no JSON at all."""
    doubled = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        made = dict(pairs)
        doubled = doubled or len(made) != len(pairs)
        return made

    try:
        value = json.loads(text, object_pairs_hook=mapping)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        return Document(blots=[Blot(f"nested deeper than {MAX_DEPTH} levels", line=1)], broken=True)
    except ValueError:
        return Document(blots=[Blot("a number has too many digits")], broken=True)
    document = _checked(Document(value, text=text))
    if doubled:
        document.root = _json_marks(text, document.blots)
    return document


_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},:]|\n|[^\s"\[\]{},:]+')


def _json_marks(text: str, blots: list[Blot] | None = None) -> Mark:
    """The lines of everything in a text known to be JSON; duplicate keys are added to `blots`."""
    root = Mark(1)
    stack: list[tuple[Mark, bool]] = []
    line, key, key_line, at_key = 1, "", 1, False
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece == "\n":
            line += 1
        elif piece in "]}":
            stack.pop()
        elif piece in ",:":
            at_key = piece == "," and stack[-1][1]
        elif at_key:
            key, key_line = json.loads(piece) if "\\" in piece else piece[1:-1], line
            parts = stack[-1][0].parts
            if blots is not None and len(blots) < MAX_BLOTS and parts is not None and key in parts:
                blots.append(_twice(key, line))
        else:
            mark = _placed(root, stack, key, key_line, line)
            at_key = piece == "{"
            if piece in "[{":
                stack.append((mark, at_key))
    return root


def _placed(root: Mark, stack: list[tuple[Mark, bool]], key: str, key_line: int, line: int) -> Mark:
    """A mark for the value that begins here, put into what holds it. In a mapping it is its key's line."""
    if not stack:
        root.line = line
        return root
    holder, is_mapping = stack[-1]
    return holder.put(key, key_line) if is_mapping else holder.put(len(holder.parts or ()), line)


def _twice(key: str, line: int) -> Blot:
    return Blot(f"the key {key!r:.80} is there twice", line=line)


# ── YAML ─────────────────────────────────────────────────────────────────────────────────────────

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<float>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class _Unreadable(Exception):
    """Stops the reading of a YAML text at a line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.blot = Blot(message, line=line)


def _read_yaml(text: str) -> Document:
    import yaml  # a plan in JSON does not need it, and start-up must be light

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        return Document(blots=[Blot(f"not YAML: {message}", line=mark.line + 1 if mark else 0)], broken=True)
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0].partition(" in ")[0]
        return Document(blots=[Blot(f"not YAML: {reason}")], broken=True)
    except _Unreadable as stop:
        return Document(blots=[*builder.blots, stop.blot], broken=True)
    return _checked(Document(builder.value, blots=builder.blots, root=builder.root))


class _Builder:
    """Makes values and marks from the parser's events, one level of `_open` per open collection."""

    def __init__(self) -> None:
        self.value: Any = None
        self.root = Mark(1)
        self.blots: list[Blot] = []
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        line = event.start_mark.line + 1
        name = type(event).__name__
        if name == "AliasEvent" or getattr(event, "anchor", None):
            raise _Unreadable("anchors and aliases are not allowed: write the value out", line)
        if getattr(event, "tag", None) not in (None, "!"):
            raise _Unreadable(f"tags are not allowed: {event.tag!r:.60}", line)
        if name == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                raise _Unreadable("a second document begins here: one file holds one", line)
        elif name == "ScalarEvent":
            self._add(_scalar(event.value, event.implicit[0]), line, plain=event.implicit[0])
        elif name in ("MappingStartEvent", "SequenceStartEvent"):
            if len(self._open) >= MAX_DEPTH:
                raise _Unreadable(f"nested deeper than {MAX_DEPTH} levels", line)
            value: Any = {} if name == "MappingStartEvent" else []
            self._open.append(_Open(value, self._add(value, line)))
        elif name in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()

    def _add(self, value: Any, line: int, *, plain: bool = False) -> Mark:
        """Put a value (or a key) where it belongs; returns its mark."""
        if not self._open:
            self.value = value
            self.root.line = line
            return self.root
        holder = self._open[-1]
        if isinstance(holder.value, list):
            mark = holder.mark.put(len(holder.value), line)
            holder.value.append(value)
            return mark
        if holder.key is None:
            holder.key = self._key(holder, value, line, plain)
            holder.key_line = line
            return Mark(line)
        mark = holder.mark.put(holder.key, holder.key_line)
        holder.value[holder.key] = value
        holder.key = None
        return mark

    def _key(self, holder: _Open, key: Any, line: int, plain: bool) -> str:
        if plain and key == "<<":
            raise _Unreadable("merge keys are not allowed: write the values out", line)
        if not isinstance(key, str):
            raise _Unreadable("a key must be text: quote it", line)
        if key in holder.value:
            self.blots.append(_twice(key, line))
            if len(self.blots) >= MAX_BLOTS:
                raise _Unreadable("there is more of this", line)
        return key


@dataclass(slots=True)
class _Open:
    """A collection that is not closed yet, and for a mapping the key whose value comes next."""

    value: Any
    mark: Mark
    key: str | None = None
    key_line: int = 0


def _scalar(text: str, plain: bool) -> Any:
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text)
    if number is None:
        return math.nan if _NOT_FINITE.fullmatch(text) else text
    if number["float"]:
        return float(text)
    return int(text) if len(text) < MAX_BITS // 4 else math.inf

"""JSON Schema as it is held against values here: 2020-12, nothing fetched, no pattern without an end.

jsonschema takes 60 ms to import: it is imported where a value is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from console.patterns import TooSlow, is_in


def validator(schema: Mapping[str, Any]) -> Any:
    """A validator of jsonschema for this schema, with a registry of its own: nothing that the schema refers
    to is fetched from anywhere."""
    from referencing import Registry

    return _validator_class()(schema, registry=Registry())


def schema_fault(schema: Mapping[str, Any]) -> str:
    """Why this is no JSON Schema; empty when it is one."""
    from jsonschema.exceptions import SchemaError

    try:
        _validator_class().check_schema(schema)
    except SchemaError as error:
        return str(error.message)
    return ""


@cache
def _validator_class() -> Any:
    """`pattern` as it is specified: `$` is the very end of the text, where Python's would let a newline
    pass."""
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, value: Any, __: Any) -> Iterator[ValidationError]:
        if not isinstance(value, str):
            return
        try:
            if not is_in(_to_the_end(wanted), value):
                yield ValidationError(f"{value!r} does not match {wanted!r}")
        except TooSlow as error:
            yield ValidationError(f"{value!r:.80} cannot be checked: {error}")

    extend: Any = validators.extend
    return extend(Draft202012Validator, {"pattern": pattern})


def _to_the_end(pattern: str) -> str:
    """The pattern with every `$` that is an anchor written as Python's end of text."""
    parts = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    return "".join(r"\Z" if part == "$" else part for part in parts)

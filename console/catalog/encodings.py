"""How a value is written for the place where it stands in a request. Standard library only: the process
that sends a request loads little."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus

ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "text": lambda value: value,
    "url": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "json": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "value": lambda value: json.dumps(value, ensure_ascii=False),
}
"""As it is; in a path or a query; in a form; inside a JSON string; as a JSON value."""

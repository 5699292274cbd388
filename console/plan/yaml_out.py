"""JSON values to YAML for people: block style, several lines as a literal block, plain words plain."""

from __future__ import annotations

import re
from typing import Any

import yaml

_AS_IT_IS = re.compile(
    r"[^\s\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff][^\x00-\x08\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff]*"
)
_BLANK_END = re.compile(r"[ \t](?:\n|\Z)")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$")


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]  # C where it was built
    """Quotes what any reader, of YAML 1.1 or 1.2, could take for something other than text."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    literal = "\n" in text and _AS_IT_IS.fullmatch(text) and not _BLANK_END.search(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if literal else None)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-0123456789"))


def yaml_text(value: Any) -> str:
    """`value` in block style; reads back as the same value, strings byte for byte."""
    made: str = yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**30)
    return made

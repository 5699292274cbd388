"""What a server answered to a call -> the step's result, and files.

structured content      its JSON is the result
else text               is the result, block after block
images, sound, files    are kept in the attempt's folder `files`; their paths stand in the result
                        when it is text, else in the error output
is_error                the text says why the step failed
"""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

FILES = "files"
"""The folder for what is no text, in the attempt's directory."""

MAX_FILES = 200
"""Files of one answer that are kept; the rest is said to be left out."""

_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Result:
    """`text` is the step's result, `notes` are for the error output, `error` says why it failed."""

    text: str = ""
    notes: list[str] = field(default_factory=list)
    error: str = ""


def read_result(result: CallToolResult, directory: Path) -> Result:
    """Read what was answered; its files are written below `directory`. Raises `OSError`."""
    lines: list[str] = []
    kept: list[str] = []
    for block in result.content:
        match block:
            case TextContent():
                lines.append(block.text)
            case ImageContent() | AudioContent():
                kept.append(_keep(block.data, block.mime_type, "", directory, len(kept) + 1))
                lines.append(kept[-1])
            case EmbeddedResource(resource=TextResourceContents() as resource):
                lines.append(resource.text)
            case EmbeddedResource(resource=BlobResourceContents() as resource):
                uri = str(resource.uri)
                kept.append(_keep(resource.blob, resource.mime_type, uri, directory, len(kept) + 1))
                lines.append(kept[-1])
            case ResourceLink():
                lines.append(str(block.uri))
    text = "\n".join(lines)
    if result.is_error:
        return Result(notes=[text or "(it did not say why)"], error=text or "it did not say why")
    if result.structured_content is None:
        return Result(text)
    return Result(_json(result.structured_content), [f"kept {path}" for path in kept])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _keep(data: str, mime: str | None, uri: str, directory: Path, number: int) -> str:
    """Write a file and give its path; what is not base64, or is one too many, is said to be missing."""
    if number > MAX_FILES:
        return f"({mime or 'a file'} that is left out: more than {MAX_FILES} files)"
    try:
        content = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return f"({mime or 'a file'} that is damaged)"
    folder = directory / FILES
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{number}{_ending(mime, uri)}"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(content)
    return str(path)


def _ending(mime: str | None, uri: str) -> str:
    """`-report.pdf` of a resource's own name, else `.png` of its kind; never a path."""
    name = _NAME.sub("_", uri.rsplit("/", 1)[-1].split("?", 1)[0])[-60:].strip("._")
    if name:
        return f"-{name}"
    return mimetypes.guess_extension((mime or "").split(";")[0]) or ""

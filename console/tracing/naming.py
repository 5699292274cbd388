"""The names of a trace: ids that follow from the run, and attributes of OpenTelemetry's GenAI conventions.

Ids are hashes of what they name, so that a run that is resumed in another process, or exported again from
its record, has the same spans, and a step's process can be told its parent before any span exists.
"""

from __future__ import annotations

import hashlib

AGENT = "plandeck"

_PROVIDERS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Names of litellm that the conventions write differently."""

_BY_FAMILY = {"gpt": "openai", "o1": "openai", "o3": "openai", "o4": "openai", "claude": "anthropic"}
"""Models that are named without their provider."""


def trace_id(run: str, created: float) -> str:
    """The trace of a run: 32 hexadecimal digits. `created` is its first record's time."""
    return hashlib.sha256(f"plandeck {run} {created!r}".encode()).hexdigest()[:32]


def span_id(trace: str, what: str) -> str:
    """A span of a trace: 16 hexadecimal digits."""
    return hashlib.sha256(f"{trace} {what}".encode()).hexdigest()[:16]


def tool_span(trace: str, key: str) -> str:
    """The span of one attempt of a step."""
    return span_id(trace, f"tool {key}")


def traceparent(trace: str, span: str) -> str:
    """The parent, for a process or a server (W3C Trace Context, version 00)."""
    return f"00-{trace}-{span}-01"


def provider_of(model: str) -> str:
    """The provider in a litellm name, as the conventions call it; "" when the name does not tell."""
    prefix, slash, _ = model.partition("/")
    if slash:
        return _PROVIDERS.get(prefix, prefix)
    if model.startswith("gguf:"):
        return "llama.cpp"
    return _BY_FAMILY.get(model.partition("-")[0], "")


def short_name(model: str) -> str:
    """The model without its provider."""
    if model.startswith("gguf:"):
        return model.rpartition("/")[2].removeprefix("gguf:")
    return model.partition("/")[2] or model

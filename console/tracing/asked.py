"""Whether traces are asked for, and what is in the way. Nothing of OpenTelemetry is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

from console.errors import UsageError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


def is_asked(environ: Mapping[str, str]) -> bool:
    """Traces are off until a variable names an exporter or an endpoint."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporter == "none":
        return False
    return bool(exporter) or any(environ.get(name, "").strip() for name in ENDPOINTS)


def hindrance(environ: Mapping[str, str]) -> str:
    """Why traces that are asked for cannot be sent, in one line; "" when they can."""
    exporter = environ.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in ("", "otlp"):
        return f"traces are not sent: OTEL_TRACES_EXPORTER={exporter} is not known here, otlp is"
    protocol = next((value for name in PROTOCOLS if (value := environ.get(name, "").strip())), "")
    if protocol not in ("", "http/protobuf"):
        return f"traces are not sent: the protocol {protocol} is not known here, http/protobuf is"
    if not is_installed():
        return "traces are not sent: the extra is missing. Install it with pip install 'plandeck[otel]'"
    return ""


def is_installed() -> bool:
    """Whether the extra `otel` is there."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


def wants_content(environ: Mapping[str, str]) -> bool:
    """Whether prompts, replies, parameters and results go along."""
    return environ.get(CONTENT, "").strip().lower() == "true"


def refuse(environ: Mapping[str, str]) -> None:
    """Raise `UsageError` when spans cannot be sent."""
    if not is_asked(environ):
        raise UsageError("no collector is named", todo="Set OTEL_EXPORTER_OTLP_ENDPOINT to its address")
    if problem := hindrance(environ):
        raise UsageError(problem)

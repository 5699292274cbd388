"""Spans to a collector, by OpenTelemetry's SDK and its OTLP exporter: the only file that imports them.

The usual variables hold, read by the SDK itself: OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_TRACES_SAMPLER,
OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME. Sending happens in a thread of the SDK's, and never in the way
of a run; what goes wrong there is kept for one line at the end.
"""

from __future__ import annotations

import logging
import threading
from importlib.metadata import version

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision

from console.tracing.naming import AGENT
from console.tracing.span import Span

_KINDS = {"internal": api.SpanKind.INTERNAL, "client": api.SpanKind.CLIENT}


class _Ids(IdGenerator):
    """Gives the ids that the next span shall have."""

    def __init__(self) -> None:
        self.span = self.trace = 0

    def generate_span_id(self) -> int:
        return self.span

    def generate_trace_id(self) -> int:
        return self.trace


class _Complaints(logging.Handler):
    """Keeps the first thing that the exporter complains of, and prints nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or record.getMessage()


class Collector:
    """Where spans are sent. `send` never waits; `close` waits for what is on its way."""

    def __init__(self) -> None:
        self._complaints = _Complaints()
        logger = logging.getLogger("opentelemetry")
        logger.handlers, logger.propagate = [self._complaints], False
        self._ids = _Ids()
        resource = Resource.create({"service.name": AGENT, "service.version": version("plandeck")})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._processor = BatchSpanProcessor(OTLPSpanExporter())
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer(AGENT, version("plandeck"))

    def send(self, spans: list[Span]) -> None:
        """Hand finished spans over."""
        for span in spans:
            self._send(span)

    def _send(self, span: Span) -> None:
        trace = int(span.trace, 16)
        self._ids.trace, self._ids.span = trace, int(span.id, 16)
        made = self._tracer.start_span(
            span.name,
            context=self._above(trace, span.parent),
            kind=_KINDS[span.kind],
            attributes=span.attributes,
            start_time=_nanoseconds(span.start),
        )
        for moment in span.moments:
            made.add_event(moment.name, moment.attributes, _nanoseconds(moment.at))
        if span.error:
            made.set_status(api.Status(api.StatusCode.ERROR, span.says or span.error))
        made.end(_nanoseconds(span.end))

    def _above(self, trace: int, parent: str) -> Context:
        """The parent as a context, sampled as its trace is."""
        if not parent:
            return Context()
        decision = self._provider.sampler.should_sample(None, trace, AGENT).decision
        is_sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = api.TraceFlags(api.TraceFlags.SAMPLED if is_sampled else api.TraceFlags.DEFAULT)
        above = api.SpanContext(trace, int(parent, 16), is_remote=False, trace_flags=flags)
        return api.set_span_in_context(api.NonRecordingSpan(above), Context())

    def close(self, seconds: float) -> str:
        """Send what is left, for at most `seconds`; why not everything arrived, or ""."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive() and not self._complaints.first:
            return f"no answer within {seconds:g} seconds"
        return self._complaints.first


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)

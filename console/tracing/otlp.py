"""Spans to a collector, by OpenTelemetry's SDK and its OTLP exporter: the only file that imports them.

The usual variables hold, read by the SDK itself: OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_TRACES_SAMPLER,
OTEL_RESOURCE_ATTRIBUTES, OTEL_SERVICE_NAME. Sending happens in a thread of the SDK's, and never in the way
of a run; what goes wrong there is kept for one line at the end.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision

from console.tracing.naming import AGENT
from console.tracing.span import Span

ROOM = 512
"""Spans that the SDK surely has room for (its queue holds 2048)."""

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
    """Keeps the last thing that the exporter complains of, and prints nothing."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


class _Counting(OTLPSpanExporter):
    """Counts what was delivered, and what was given up after all its tries."""

    delivered = failed = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = super().export(spans)
        if result is SpanExportResult.SUCCESS:
            self.delivered += len(spans)
        else:
            self.failed += len(spans)
        return result


class Collector:
    """Where spans are sent. `send` does not wait and drops what finds no room, or, when it is `patient`,
    waits for room and sends no more once something was refused. `close` waits for what is on its way."""

    def __init__(self, *, patient: bool = False) -> None:
        self._patient = patient
        self._count = 0
        self._complaints = _Complaints()
        logger = logging.getLogger("opentelemetry")
        logger.handlers, logger.propagate = [self._complaints], False
        self._ids = _Ids()
        resource = Resource.create({"service.name": AGENT, "service.version": version("plandeck")})
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._exporter = _Counting()
        self._processor = BatchSpanProcessor(self._exporter)
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer(AGENT, version("plandeck"))

    def send(self, spans: list[Span]) -> None:
        """Hand finished spans over."""
        for span in spans:
            self._send(span)
            if self._patient and self._count % ROOM == 0:
                self.flush()

    def flush(self) -> None:
        """Wait until what was handed over has been sent, or refused."""
        if not self._exporter.failed:
            self._processor.force_flush()

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
        is_sent = made.get_span_context().trace_flags.sampled
        self._count += is_sent
        if not (is_sent and self._patient and self._exporter.failed):
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
        missing = self._count - self._exporter.delivered
        why = self._complaints.last or f"no answer within {seconds:g} seconds"
        return f"{missing} of {self._count} spans: {why}" if missing else ""


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)

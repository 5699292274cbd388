"""Traces: what a run did as OpenTelemetry spans, made from its records.

    records ── spans.py (pure) ── Span ── otlp.py (the only file that knows OpenTelemetry) ──> collector

The core knows nothing of this: an observer reads the same records as every screen.
"""

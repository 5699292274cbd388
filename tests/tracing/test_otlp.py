"""What reaches a collector, and what is said of what does not."""

from __future__ import annotations

import pytest

from console.tracing import naming
from console.tracing.otlp import Collector
from console.tracing.span import Span
from tests.tracing.collector import collecting

TRACE = naming.trace_id("4f1c", 1.0)


def spans(count: int) -> list[Span]:
    return [
        Span(f"span {n}", TRACE, naming.span_id(TRACE, str(n)), "", start=1.0, end=2.0) for n in range(count)
    ]


def test_a_long_record_is_sent_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        collector = Collector(patient=True)
        collector.send(spans(5000))
        assert collector.close(20) == ""
    assert len({span.span_id for span in there.spans}) == 5000


def test_a_collector_that_takes_spans_at_the_second_try_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting(503, 200) as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        collector = Collector(patient=True)
        collector.send(spans(3))
        collector.flush()
        assert collector.close(20) == ""
    assert len(there.spans) == 3


def test_what_a_collector_refuses_is_counted_and_no_more_is_sent_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with collecting(400) as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        collector = Collector(patient=True)
        collector.send(spans(5000))
        problem = collector.close(20)
    assert problem.startswith("5000 of 5000 spans: ")
    assert "400" in problem
    assert len(there.paths) < 5


def test_spans_that_are_not_sampled_are_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as there:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", there.url)
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
        collector = Collector()
        collector.send(spans(3))
        assert collector.close(20) == ""
    assert there.spans == []

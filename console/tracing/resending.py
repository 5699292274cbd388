"""A run's spans sent again from its record: what a collector that was away has missed."""

from __future__ import annotations

import os
from pathlib import Path

from console.errors import UsageError
from console.planners.rendering import redactor
from console.run import journal
from console.tracing import asked
from console.tracing.observing import Observer

SECONDS = 30.0


def send(directory: Path) -> int:
    """Send all spans of a run to the collector that the usual variables name; gives their number. Raises
    `UsageError` when they cannot be sent."""
    asked.refuse(os.environ)
    from console.tracing.otlp import Collector

    collector = Collector(patient=True)
    content = asked.wants_content(os.environ)
    observer = Observer(collector, lambda loaded: redactor(os.environ, loaded.catalog), content=content)
    at = 0.0
    for record in journal.read(directory):
        observer.take(record)
        at = record.at
    observer.rest(at)
    if problem := collector.close(SECONDS):
        raise UsageError(f"the spans were not delivered: {problem}", where=f"run {directory.name}")
    return observer.count

"""A collector on the loopback: takes OTLP over HTTP, decodes it, keeps the spans."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


class Collector:
    """`answers` are the statuses that requests are answered with, the last one from then on. What is
    refused is not kept."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.spans: list[Span] = []
        self.resources: list[dict[str, object]] = []
        self.paths: list[str] = []
        self.raw = b""
        self.url = ""

    def take(self, path: str, body: bytes) -> int:
        request = ExportTraceServiceRequest.FromString(body)
        self.paths.append(path)
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if status != 200:
            return status
        self.raw += body
        for resource in request.resource_spans:
            self.resources.append({one.key: plain(one.value) for one in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        return status

    @property
    def names(self) -> list[str]:
        return sorted(span.name for span in self.spans)

    def one(self, name: str) -> Span:
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def parent(self, span: Span) -> str:
        """The name of the span above."""
        return next((one.name for one in self.spans if one.span_id == span.parent_span_id), "")


def plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(span: Span) -> dict[str, object]:
    return {one.key: plain(one.value) for one in span.attributes}


def is_error(span: Span) -> bool:
    return span.status.code == Status.STATUS_CODE_ERROR


@contextmanager
def collecting(*answers: int) -> Iterator[Collector]:
    """A collector as long as the block lasts."""
    collector = Collector(*(answers or (200,)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.send_response(collector.take(self.path, body))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

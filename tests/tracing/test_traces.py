"""Traces end to end: a real run, a real collector on the loopback, decoded."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.cli.plandeck import GREET, MAKE, TOOLS, Shell
from tests.tracing.collector import attributes, collecting, is_error

SECRET = "s3cr3t-value-of-a-token"

TELLING = (
    TOOLS
    + """
  - name: parent
    description: Say where it stands.
    risk: observe
    script: {shell: "echo $TRACEPARENT"}
  - name: leak
    description: Say what it should not.
    risk: observe
    parameters: [{name: text, required: true}]
    script: {shell: "echo {{text}} $API_TOKEN"}
"""
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path)
    (tmp_path / "tools.yaml").write_text(TELLING)
    return made


def steps(*steps: dict[str, object]) -> dict[str, object]:
    return {"goal": "Look", "steps": [{"id": i, **step} for i, step in enumerate(steps, 1)]}


def test_a_run_becomes_one_trace_by_the_genai_conventions(shell: Shell) -> None:
    with collecting() as collector:
        done = shell.run(
            MAKE, "--yes", "--json", "--on-failure", "rollback", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url
        )
        assert done.code == 6
        assert set(collector.paths) == {"/v1/traces"}
        assert collector.resources[0]["service.name"] == "plandeck"
        assert collector.names == [
            "execute_tool boom",
            "execute_tool make",
            "execute_tool unmake",
            "invoke_agent plandeck",
            "rollback",
            "step 1 make",
            "step 2 boom",
            "step undo-1 unmake",
        ]
        assert len({span.trace_id for span in collector.spans}) == 1
        root, boom = collector.one("invoke_agent plandeck"), collector.one("execute_tool boom")
        assert (root.parent_span_id, collector.parent(boom)) == (b"", "step 2 boom")
        assert collector.parent(collector.one("step undo-1 unmake")) == "rollback"
        run = done.fact("run_created")["run"]
        told = attributes(root)
        assert (told["gen_ai.operation.name"], told["gen_ai.conversation.id"]) == ("invoke_agent", run)
        assert (told["plandeck.outcome"], told["plandeck.exit_code"]) == ("rolled_back", 6)
        told = attributes(boom)
        assert (told["gen_ai.operation.name"], told["gen_ai.tool.name"]) == ("execute_tool", "boom")
        assert (told["process.exit.code"], told["gen_ai.tool.call.id"]) == (3, f"{run}/2/1")
        assert is_error(boom)
        assert b"made" not in collector.raw, "a parameter is content"
        assert not is_error(collector.one("step 1 make"))
        assert root.start_time_unix_nano <= boom.start_time_unix_nano <= boom.end_time_unix_nano


def test_contents_are_sent_only_when_asked_for_and_without_secrets(shell: Shell) -> None:
    plan = steps({"action": "parent"}, {"action": "leak", "params": {"text": "a-word"}, "depends_on": [1]})
    with collecting() as collector:
        variables = {
            "API_TOKEN": SECRET,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true",
        }
        shell.run(plan, "--yes", "--json", "--env", "API_TOKEN", **variables)
        told = attributes(collector.one("execute_tool leak"))
        assert json.loads(str(told["gen_ai.tool.call.arguments"])) == {"text": "a-word"}
        assert told["gen_ai.tool.call.result"] == "a-word <secret:API_TOKEN>"
        assert SECRET.encode() not in collector.raw
        parent = collector.one("execute_tool parent")
        place = f"00-{parent.trace_id.hex()}-{parent.span_id.hex()}-01"
        assert attributes(parent)["gen_ai.tool.call.result"] == place


def test_a_collector_that_is_away_costs_one_line_and_the_record_is_sent_later(shell: Shell) -> None:
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{taken.getsockname()[1]}"
        done = shell.run(
            GREET,
            "--yes",
            "--plain",
            "--foreground",
            OTEL_EXPORTER_OTLP_ENDPOINT=away,
            OTEL_EXPORTER_OTLP_TIMEOUT="1",
        )
    assert done.code == 0
    (line,) = [line for line in done.err.splitlines() if "trace" in line]
    assert line.startswith("traces were not delivered")
    with collecting() as collector:
        sent = shell.plandeck("export", "last", "--otlp", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
        assert (sent.code, sent.out) == (0, "3 spans were sent\n")
        assert collector.names == ["execute_tool hello", "invoke_agent plandeck", "step 1 hello"]

"""Records -> spans, without a collector."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from console.catalog.spec import Agent, Catalog, ToolSpec
from console.plan.model import Plan, Retry
from console.redact import Redactor
from console.run import events as ev
from console.testing import Play
from console.tracing import asked
from console.tracing.observing import Observer, tracing_of
from console.tracing.otlp import Collector
from console.tracing.span import Span
from console.tracing.spans import Spans
from tests.run.harness import World, plan, run, step


class Kept(Collector):
    """Keeps what it should send."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def send(self, spans: list[Span]) -> None:
        self.spans += spans


def spans_of(records: Sequence[ev.Record], *, content: bool = False) -> list[Span]:
    fold = Spans(content=content)
    found = [span for record in records for span in fold.take(record)]
    return [*found, *fold.rest(records[-1].at)]


def told(*events: ev.Event) -> list[ev.Record]:
    """Records a second apart."""
    return [ev.Record(seq=i, at=1000.0 + i, event=event) for i, event in enumerate(events, 1)]


CREATED = ev.RunCreated(run="4f1c", goal="Say hello", workspace="/tmp", version="1", by="ops")
CALL = ev.ModelCall(
    model="openai/gpt-4o",
    at=1002.5,
    seconds=0.5,
    tokens_in=90,
    tokens_out=10,
    cost=0.01,
    form="tool",
    finish="stop",
)
DRAFTED = ev.PlanDrafted(
    revision=1,
    plan=Plan(goal="Say hello", steps=(step("1"),)),
    plan_hash="h",
    planner="llm",
    model="openai/gpt-4o",
    prompt="plan-v1 (1)",
    reply="the whole reply",
    cost=0.01,
    calls=(CALL,),
)


def test_a_planning_and_its_calls_carry_model_tokens_and_cost() -> None:
    chat, planning, root = spans_of(told(CREATED, ev.PlanningStarted(planner="llm"), DRAFTED))
    assert (planning.name, planning.parent, planning.end - planning.start) == ("plan plandeck", root.id, 1.0)
    assert planning.attributes["plandeck.prompt"] == "plan-v1 (1)"
    assert (chat.name, chat.kind, chat.parent) == ("chat gpt-4o", "client", planning.id)
    assert (chat.start, chat.end) == (1002.5, 1003.0)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.response.finish_reasons": ("stop",),
        "plandeck.cost_usd": 0.01,
    }
    assert expected.items() <= chat.attributes.items()


def test_goals_and_replies_are_content() -> None:
    records = told(CREATED, ev.PlanningStarted(planner="llm"), DRAFTED)
    assert "reply" not in str(spans_of(records)).replace("reply=", "")
    assert "Say hello" not in str(spans_of(records))
    _, planning, root = spans_of(records, content=True)
    assert "the whole reply" in str(planning.attributes["gen_ai.output.messages"])
    assert "Say hello" in str(root.attributes["gen_ai.input.messages"])


def test_a_planning_without_a_plan_is_an_error_with_its_calls() -> None:
    failed = CALL.model_copy(update={"error": "rate", "tokens_out": 0})
    said = ev.PlanningFailed(planner="llm", error="it asks to wait", calls=(failed,))
    records = told(CREATED, ev.PlanningStarted(planner="llm"), said)
    chat, planning, _ = spans_of(records)
    assert (chat.error, planning.error, planning.says) == ("rate", "no_plan", "")
    assert spans_of(records, content=True)[1].says == "it asks to wait"


def test_an_error_that_quotes_a_result_or_a_person_is_content() -> None:
    begun = (CREATED, ev.StepIntended(step="1", attempt=1, key="4f1c/1/1"))
    ends = (
        ev.StepFailed(step="1", attempt=1, error="not as expected: name is 'a-word', not 'b'", exit_code=0),
        ev.StepCancelled(step="1", attempt=1, reason="a-word of ours"),
        ev.RunFinished(outcome="failed", exit_code=1, reason="step 1: name is 'a-word'"),
    )
    for end in ends:
        assert "a-word" not in str(spans_of(told(*begun, end)))
        assert "a-word" in str(spans_of(told(*begun, end), content=True))


def test_an_agent_has_its_thoughts_and_its_calls_below_it() -> None:
    agent = ToolSpec(name="scout", agent=Agent(prompt="You look."))
    thought = ev.AgentThought(
        step="1",
        attempt=1,
        turn=1,
        thought="look first",
        call=step("1-1", "look"),
        model="m",
        tokens=50,
        seconds=0.5,
    )
    spans = spans_of(
        told(
            CREATED,
            ev.CatalogLoaded(catalog=Catalog(tools={"scout": agent})),
            DRAFTED.model_copy(update={"plan": Plan(goal="g", steps=(step("1", "scout"),))}),
            ev.StepIntended(step="1", attempt=1, key="4f1c/1/1"),
            thought,
            ev.StepIntended(step="1-1", attempt=1, key="4f1c/1-1/1"),
            ev.StepSucceeded(step="1-1", attempt=1),
            ev.StepSucceeded(step="1", attempt=1),
        )
    )
    by_name = {span.name: span for span in spans}
    scout = by_name["invoke_agent scout"]
    assert scout.attributes["gen_ai.operation.name"] == "invoke_agent"
    assert by_name["chat m"].parent == by_name["step 1-1 look"].parent == scout.id
    assert by_name["execute_tool look"].parent == by_name["step 1-1 look"].id
    assert "look first" not in str(spans)


def test_a_step_that_is_tried_again_is_one_span_with_two_attempts(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        plan(step("1", retry=Retry(attempts=2, backoff=10))),
        plays={"1/1": Play(2, 1), "1": Play(3)},
    )
    run(world)
    spans = {
        span.name + str(span.attributes.get("plandeck.attempt", "")): span
        for span in spans_of(world.journal.records)
    }
    assert sorted(spans) == [
        "execute_tool work1",
        "execute_tool work2",
        "invoke_agent plandeck",
        "step 1 work",
    ]
    whole, first, second = spans["step 1 work"], spans["execute_tool work1"], spans["execute_tool work2"]
    assert first.parent == second.parent == whole.id
    assert (first.error, second.error, whole.error) == ("exit_1", "", "")
    assert whole.start == first.start
    assert whole.end == second.end
    assert second.start - first.end >= 10


def test_the_spans_of_a_resumed_run_are_those_of_the_whole_and_none_is_sent_twice(tmp_path: Path) -> None:
    world = World(tmp_path, plan(step("1"), step("2", "work", "1"), step("3", "work", "2")))
    run(world)
    records = world.journal.records
    whole = spans_of(records)
    for cut in range(1, len(records)):
        first, second = Kept(), Kept()
        before = Observer(first, lambda _: Redactor({}), content=False)
        after = Observer(second, lambda _: Redactor({}), content=False, sent=cut)
        for record in records[:cut]:
            before.take(record)
        for record in records:
            after.take(record)
        assert first.spans + second.spans == whole, f"cut after record {cut}"


@pytest.mark.parametrize(
    ("environ", "is_asked", "hindrance"),
    [
        ({}, False, ""),
        ({"OTEL_SERVICE_NAME": "x"}, False, ""),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True, ""),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/t"}, True, ""),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True, ""),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False, ""),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False, ""),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, True, "OTEL_TRACES_EXPORTER=zipkin"),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, True, "the protocol grpc"),
    ],
)
def test_traces_are_off_until_a_variable_asks_for_them(
    environ: dict[str, str], is_asked: bool, hindrance: str
) -> None:
    assert asked.is_asked(environ) == is_asked
    if is_asked:
        assert hindrance in asked.hindrance(environ)
        assert bool(hindrance) == bool(asked.hindrance(environ))


def test_a_missing_extra_and_a_bad_variable_are_told_and_hinder_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environ = {"OTEL_TRACES_EXPORTER": "otlp"}
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    tracing, (said,) = tracing_of(environ, lambda _: iter(()), 0, lambda _: Redactor({}))
    assert tracing is None
    assert said == "traces are not sent: max_queue_size must be a positive integer."
    monkeypatch.setattr(asked, "is_installed", lambda: False)
    tracing, (said,) = tracing_of(environ, lambda _: iter(()), 0, lambda _: Redactor({}))
    assert "pip install 'plandeck[otel]'" in said

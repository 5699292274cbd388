"""Plans of real planners: each loads, or is refused for what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from console.errors import InvalidPlan
from console.plan.codec import dump_json, dump_yaml, load
from console.plan.graph import Graph
from console.plan.identical import identical
from console.plan.strict import parse_json

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data is not part of the project")


def lines(name: str) -> list[str]:
    path = DATA / name
    return path.read_text("utf-8").splitlines() if path.exists() else []


@pytest.mark.parametrize("name", ["asynchow", "nestful", "sealtools"])
def test_every_plan_of_a_data_set_loads_and_comes_back(name: str) -> None:
    """What `meta.defects` lists are faults against a catalog; the plans themselves are sound."""
    texts = lines(f"{name}.plans.jsonl")
    assert texts
    for text in texts:
        plan = load(text)
        assert plan.meta == json.loads(text)["meta"]
        assert identical(load(dump_json(plan)), plan)
        assert identical(load(dump_yaml(plan)), plan)
        graph = Graph.of(plan)
        assert (graph.width(), len(graph.levels())) == (plan.meta["width"], plan.meta["depth"])


def test_the_makespan_is_the_shortest_possible_time() -> None:
    for text in lines("asynchow.plans.jsonl"):
        plan = load(text)
        durations = {step.id: float(step.params["duration_s"]) for step in plan.steps}
        graph = Graph.of(plan)
        assert graph.makespan(durations) == plan.meta["oracle_makespan_s"][0]
        assert sum(durations[name] for name in graph.critical_path(durations)) == graph.makespan(durations)


def test_numbered_plans_load_and_prose_is_refused() -> None:
    for line in lines("crewai_plans.jsonl"):
        reply = json.loads(line)
        if reply["kind"] == "text":
            with pytest.raises(InvalidPlan):
                load(reply["raw"])
            continue
        document = json.loads(reply["raw"])
        plan = load(reply["raw"])
        assert plan.goal == document["plan"]
        assert [step.id for step in plan.steps] == [str(step["step_number"]) for step in document["steps"]]
        assert [step.is_note for step in plan.steps] == [
            not step["tool_to_use"] for step in document["steps"]
        ]


def test_json_is_read_as_the_standard_says_or_more_strictly() -> None:
    for line in lines("json_test_suite.jsonl"):
        case: dict[str, Any] = json.loads(line)
        if case["accept"] is None:
            continue
        text = case["raw_latin1"].encode("latin-1")
        try:
            parse_json(text.decode())
            accepted = True
        except ValueError as error:
            accepted = False
            reason = str(error)
        if case["accept"]:
            assert accepted or "twice" in reason or "surrogate" in reason, (text, reason)
        else:
            assert not accepted, text
